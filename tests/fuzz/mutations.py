"""Damage to a file, as transfers, editors and other programs do it: bytes in, bytes out."""

from __future__ import annotations

import re
from collections.abc import Callable
from random import Random

NUMBER = re.compile(rb"[-+]?\d+\.?\d*(?:[eE][-+]?\d+)?")
WORD = re.compile(rb"[A-Za-z_]{2,}")
NUMBERS = (
    *(b"nan", b"inf", b"-inf", b"1e80", b"-1e80", b"0", b"-1", b"1e-300", b"", b"true", b"null"),
    *(b"999999999999", b"1,5", b"0x10", b"''", b"[]", b"{}", b"*****", b"1e999", b"1.2.3", b"~"),
)
TEXTS = (b"\0", b"\xff\xfe", b"\n", b"\r\n", b"\t", b'"', b"{", b"]", b": ", b"=", b"&a *a", b"!!")


def flip(data: bytes, draw: Random) -> bytes:
    """One bit of up to eight bytes."""
    changed = bytearray(data)
    for _ in range(draw.randint(1, 8)):
        changed[draw.randrange(len(changed))] ^= 1 << draw.randrange(8)
    return bytes(changed)


def cut(data: bytes, draw: Random) -> bytes:
    """The end is missing."""
    return data[: draw.randrange(len(data))]


def _span(data: bytes, draw: Random) -> tuple[int, int]:
    start = draw.randrange(len(data))
    return start, min(len(data), start + int(10 ** draw.uniform(0, 3)))


def drop(data: bytes, draw: Random) -> bytes:
    """A stretch is missing."""
    start, end = _span(data, draw)
    return data[:start] + data[end:]


def repeat(data: bytes, draw: Random) -> bytes:
    """A stretch is there twice."""
    start, end = _span(data, draw)
    return data[:end] + data[start:]


def zero(data: bytes, draw: Random) -> bytes:
    """A block that was never written."""
    start, end = _span(data, draw)
    return data[:start] + bytes(end - start) + data[end:]


def insert(data: bytes, draw: Random) -> bytes:
    """A few bytes that do not belong there."""
    start = draw.randrange(len(data))
    return data[:start] + draw.choice(TEXTS) + data[start:]


def lines(data: bytes, draw: Random) -> bytes:
    """A line is missing, twice there, or elsewhere."""
    rows = data.split(b"\n")
    row = rows.pop(draw.randrange(len(rows)))
    for _ in range(draw.randrange(3)):
        rows.insert(draw.randrange(len(rows) + 1), row)
    return b"\n".join(rows)


def _substituted(pattern: re.Pattern[bytes], new: Callable[[bytes], bytes]) -> Callable:
    def mutate(data: bytes, draw: Random) -> bytes:
        places = list(pattern.finditer(data[:2_000_000]))
        if not places:
            return flip(data, draw)
        place = draw.choice(places)
        return data[: place.start()] + new(place.group()) + data[place.end() :]

    return mutate


def numbers(data: bytes, draw: Random) -> bytes:
    """Another number, or something that is none, in the place of one."""
    return _substituted(NUMBER, lambda old: draw.choice((*NUMBERS, old + b"0", old[1:])))(
        data, draw
    )


def words(data: bytes, draw: Random) -> bytes:
    """A key or name is misspelled, or another of the file."""
    others = WORD.findall(data[:20_000]) or [b"x"]
    return _substituted(WORD, lambda old: draw.choice((old[:-1], draw.choice(others))))(data, draw)


MUTATIONS = (flip, cut, drop, repeat, zero, insert, lines, numbers, numbers, numbers, words)


def mutated(data: bytes, draw: Random) -> tuple[bytes, str]:
    """The damaged file and the names of what was done to it, one to three times."""
    names = []
    for _ in range(draw.choice((1, 1, 1, 2, 3))):
        if data:
            mutation = draw.choice(MUTATIONS)
            data, names = mutation(data, draw), [*names, mutation.__name__]
    return data, "+".join(names)
