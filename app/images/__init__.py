"""Pixels in, files out (and uploads back in): grids, PNG/WebP/JPEG, and what each file says about itself."""
