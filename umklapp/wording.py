"""How numbers are written for people."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any


def in_milli(value: float) -> str:
    """A number in thousandths with one decimal, or two digits where that would say 0.0."""
    milli = 1e3 * value
    return f"{milli:.1f}" if milli >= 1 else f"{milli:.2g}"


def nearest(word: str, choices: Iterable[str]) -> str:
    """`; did you mean train?` for a word that is close to a choice; empty where none is."""
    close = difflib.get_close_matches(word, list(choices), n=3)
    return f"; did you mean {', '.join(close)}?" if close else ""


def by_member(reasons: Mapping[Any, str]) -> str:
    """Why some members have no result, in one sentence."""
    return "; ".join(f"member {member}: {reason}" for member, reason in reasons.items())
