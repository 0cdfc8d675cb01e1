"""The trend is seen in noise, and noise is not taken for one."""

import random

from tests.torture.churn import growth, slope


def test_a_line_has_its_slope() -> None:
    assert slope([3.0 * place for place in range(50)]) == 3.0
    assert slope([7.0]) == 0.0
    assert slope([float(place) for place in range(5000)]) == 1.0


def test_outliers_do_not_matter() -> None:
    choices = random.Random(1)
    noise = [100 + choices.choice((0, 0, 0, 1, 400)) for _ in range(90)]
    assert growth([{"KiB": value} for value in noise]) == {"KiB": 0}
    leak = [value + place for place, value in enumerate(noise)]
    assert 55 < growth([{"KiB": value} for value in leak])["KiB"] < 65


def test_warming_up_does_not_count() -> None:
    samples = [{"threads": min(place, 10)} for place in range(60)]
    assert growth(samples) == {"threads": 0}
