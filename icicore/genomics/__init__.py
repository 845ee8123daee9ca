"""Mutations and expression: files of one case or of a study, to gene features with a mask of what was measured.

``read_mutations`` and ``read_expression`` read the files of a case; ``calls_by_sample`` and
``read_expression_matrix`` those of a study; ``encode`` puts both in the order of ``load_panel()``.
"""
