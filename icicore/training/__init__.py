"""Splits, data and the training loop (Lightning lives only here)."""
