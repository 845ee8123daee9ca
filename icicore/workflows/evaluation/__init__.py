"""Evaluation of bundles on a study: scores, features, faithfulness, oracle, report."""
