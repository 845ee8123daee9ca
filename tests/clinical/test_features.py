import json

import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

from icicore.clinical.features import NAMES, ClinicalScaler, encode
from icicore.domain import ClinicalValues


def test_encoding_of_a_worked_case():
    values, known = encode(ClinicalValues(age=63, sex="M", ecog=2, ldh_uln=4.0))
    assert NAMES == ("age", "sex", "ecog", "ldh_uln")
    np.testing.assert_array_equal(values, [63, 1, 2, 2])
    assert known.all() and values.dtype == np.float32


def test_unknown_is_masked_whereas_zero_is_known():
    values, known = encode(ClinicalValues(sex="F", ecog=0, ldh_uln=1.0))
    np.testing.assert_array_equal(known, [False, True, True, True])
    np.testing.assert_array_equal(values, 0)


def make_cases(n=50):
    rng = np.random.default_rng(0)
    return [
        ClinicalValues(
            float(rng.integers(30, 90)),
            str(rng.choice(["F", "M"])),
            int(rng.integers(0, 4)),
            float(rng.uniform(0.5, 4)),
        )
        for _ in range(n)
    ]


def test_scaler_agrees_with_scikit_learn():
    cases = make_cases()
    raw = np.stack([encode(case)[0] for case in cases])
    scaler = ClinicalScaler.fit(cases)
    got = np.stack([scaler.transform(case)[0] for case in cases])
    np.testing.assert_allclose(got, StandardScaler().fit_transform(raw.astype(np.float64)), atol=1e-5)


def test_unknown_values_take_no_part_in_the_fit():
    cases = make_cases()
    fitted = ClinicalScaler.fit(cases)
    with_gaps = ClinicalScaler.fit([*cases, ClinicalValues(), ClinicalValues()])
    np.testing.assert_allclose(fitted.mean, with_gaps.mean)
    values, known = fitted.transform(ClinicalValues(age=60))
    assert known.tolist() == [True, False, False, False]
    assert (values[1:] == 0).all()


@pytest.mark.parametrize("cases", [[], [ClinicalValues(age=50)], [ClinicalValues()] * 3])
def test_degenerate_cohorts_do_not_divide_by_zero(cases):
    values, _ = ClinicalScaler.fit(cases).transform(ClinicalValues(50, "M", 1, 2.0))
    assert np.isfinite(values).all()


def test_scaler_survives_json():
    scaler = ClinicalScaler.fit(make_cases())
    restored = ClinicalScaler.from_json(json.loads(json.dumps(scaler.to_json())))
    np.testing.assert_array_equal(restored.mean, scaler.mean)
    np.testing.assert_array_equal(restored.scale, scaler.scale)


def test_a_value_that_no_training_case_had_is_unknown_later_too():
    fitted = ClinicalScaler.fit([ClinicalValues(60, "F"), ClinicalValues(70, "M", ecog=1)])
    scaler = ClinicalScaler.from_json(json.loads(json.dumps(fitted.to_json())))
    values, known = scaler.transform(ClinicalValues(65, "M", 2, 4.0))
    assert known.tolist() == [True, True, True, False] and values[3] == 0
    assert not ClinicalScaler.fit([]).transform(ClinicalValues(65, "M", 2, 4.0))[1].any()
