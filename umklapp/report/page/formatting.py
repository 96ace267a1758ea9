"""Numbers as a reader sees them: a value and its error with the same last digit."""

from __future__ import annotations

import math


def with_error(value: float | None, error: float | None = None) -> str:
    """`6.9 ± 1.1`: two digits of the error, the value to the same digit.

    Without an error three digits of the value; an en dash for no value.
    """
    if value is None or not math.isfinite(value):
        return "–"
    if error is None or not math.isfinite(error) or error <= 0:
        return plain(value)
    decimals = max(0, 1 - math.floor(math.log10(error)))
    if decimals > 6:
        return f"{value:.3g} ± {error:.2g}"
    return f"{value:.{decimals}f} ± {error:.{decimals}f}"


def plain(value: float, digits: int = 3) -> str:
    """A number with so many digits and no exponent between 1e-4 and 1e6."""
    if value == 0:
        return "0"
    if not 1e-4 <= abs(value) < 1e6:
        return f"{value:.{digits}g}"
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    return f"{value:.{decimals}f}"


def without(sentence: str, word: str) -> str:
    """A sentence without the verdict that it begins with, where a heading has said it."""
    rest = sentence.removeprefix(f"{word}: ")
    return rest[:1].upper() + rest[1:] if rest != sentence and rest[:1].isascii() else rest
