"""A run as one HTML file that needs nothing else: what it cost, how it went, how good it is, and whether it copies."""
