"""Published models: what a manifest must say, what is checked before anything is parsed, and which model serves."""
