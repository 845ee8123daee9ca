"""Whole-slide images: reading, tissue, quality, tiling, stain, deep-zoom tiles."""
