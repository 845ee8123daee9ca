"""The groups of patients that an evaluation looks at one by one. Needs neither torch nor SciPy."""

AGE_BANDS = ((0, 50, "under 50"), (50, 65, "50 to 64"), (65, 75, "65 to 74"), (75, 200, "75 and over"))
SEXES = {"F": "female", "M": "male"}


def age_band(age: float | None) -> str | None:
    """Band of an age in years."""
    return next((name for low, high, name in AGE_BANDS if age is not None and low <= age < high), None)
