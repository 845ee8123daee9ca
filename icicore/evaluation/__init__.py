"""Metrics, calibration and thresholds; pure functions on arrays."""
