"""The encoders of the three modalities, their fusion, and the bundle that carries them."""
