"""Grades of a response: what is read of them, what they add to the loss, and that they teach."""

import numpy as np
import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits as bce

from icicore.domain import Recist
from icicore.training.grades import GRADES, UNKNOWN, GradedLoss, label_loss, reached


def test_a_grade_answers_three_questions_and_an_unknown_one_only_the_label():
    grades = np.array([GRADES.index(g) for g in (Recist.PD, Recist.SD, Recist.PR, Recist.CR)] + [UNKNOWN] * 2, np.int8)
    answers = reached(grades, np.array([False, False, True, True, True, False]))
    assert answers[:4].tolist() == [[0, 0, 0], [1, 0, 0], [1, 1, 0], [1, 1, 1]]
    assert answers[4:, 1].tolist() == [1, 0] and np.isnan(answers[4:, [0, 2]]).all()


def test_the_label_alone_gives_the_cross_entropy_of_the_label():
    logits, label = torch.tensor([0.3, -1.2, 2.0]), torch.tensor([1.0, 0.0, 1.0])
    answers = torch.from_numpy(reached(np.full(3, UNKNOWN, np.int8), label.numpy() > 0))
    wanted = bce(logits, label, reduction="none")
    assert torch.equal(label_loss(logits, label), wanted)
    assert torch.equal(GradedLoss(1.0)(logits, answers), 3 * wanted)  # it counts as much as with all three questions
    known = torch.from_numpy(reached(np.array([2, 0, 3], np.int8), label.numpy() > 0))
    assert torch.equal(GradedLoss(0.0)(logits, known), wanted)


def test_further_questions_lie_on_either_side_of_the_label_for_every_logit_of_a_case():
    graded = GradedLoss(0.5)
    logits = torch.tensor([[0.5, -0.5], [1.0, 2.0]])
    answers = torch.from_numpy(reached(np.array([1, 3], np.int8), np.array([False, True])))
    low, high = torch.nn.functional.softplus(graded.steps).tolist()
    y = answers[:, :, None].expand(2, 3, 2)
    wanted = bce(logits, y[:, 1], reduction="none") + 0.5 * (
        bce(logits + low, y[:, 0], reduction="none") + bce(logits - high, y[:, 2], reduction="none")
    )
    assert torch.allclose(graded(logits, answers), wanted)


@pytest.fixture(scope="module")
def errors() -> dict[str, float]:
    """Root mean square error of a slope of 1, fitted to 120 patients with and without their grades."""
    found: dict[str, list[float]] = {"label": [], "graded": []}
    for seed in range(60):
        rng = np.random.default_rng(seed)
        x = rng.normal(size=120).astype(np.float32)
        grades = np.digitize(x + rng.logistic(size=120), (-0.7, 0.6, 2.2)).astype(np.int8)
        answers = torch.from_numpy(reached(grades, grades >= 2))
        at = torch.from_numpy(x)
        for name, weight in (("label", 0.0), ("graded", 1.0)):
            loss, line = GradedLoss(weight), torch.zeros(2, requires_grad=True)
            optimizer = torch.optim.LBFGS([line, *loss.parameters()], max_iter=40)

            def closure(loss=loss, line=line, optimizer=optimizer, at=at, answers=answers):
                optimizer.zero_grad()
                total = loss(line[0] + line[1] * at, answers).mean()
                total.backward()
                return total

            optimizer.step(closure)
            found[name].append(float(line[1].detach()) - 1)
    return {name: float(np.sqrt(np.mean(np.square(values)))) for name, values in found.items()}


def test_grades_teach_as_much_as_more_patients_would(errors):
    assert errors["graded"] < 0.93 * errors["label"]
