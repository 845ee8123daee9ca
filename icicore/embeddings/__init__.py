"""Frozen image backbones, and the cached embedding of a slide's tiles into a bag."""
