"""Windows are spread over the tissue as if all its pixels had been listed, without listing them."""

import numpy as np
import pytest

from icicore.slides.sampling import _evenly, _spread


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 1.0])
@pytest.mark.parametrize("shape", [(1, 1), (1, 37), (41, 1), (30, 50)])
@pytest.mark.parametrize("count", [1, 7, 5000])
def test_places_are_those_of_the_listed_pixels(shape, share, count):
    mask = np.random.default_rng(3).random(shape) < share
    rows, columns = np.nonzero(mask)
    wanted = _evenly(len(rows), count)
    np.testing.assert_array_equal(_spread(mask, count), np.stack([columns[wanted], rows[wanted]], axis=1))


def test_an_empty_image_has_no_place():
    assert _spread(np.zeros((0, 5), bool), 3).shape == (0, 2)
