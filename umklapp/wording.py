"""How numbers are written for people."""

from __future__ import annotations


def in_milli(value: float) -> str:
    """A number in thousandths with one decimal, or two digits where that would say 0.0."""
    milli = 1e3 * value
    return f"{milli:.1f}" if milli >= 1 else f"{milli:.2g}"
