"""How good the generated images are, and whether they are copies: offline, each figure beside its floor."""
