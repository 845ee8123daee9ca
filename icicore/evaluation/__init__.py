"""Metrics, calibration and thresholds; pure functions on arrays.

Throughout, a row is a patient: ``y`` is bool (n,), True for a responder; scores, logits and probabilities are float64
(n,), higher speaks for response; ``draws`` are row indices int32 (resamples, n), the same for all models of a report,
so that differences are paired. What is undefined (one class only, nobody called) is NaN, and null in JSON.
"""
