"""Frames in batches that fit in memory; half as many where it turns out that they do not."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TypeVar

import torch

from umklapp.errors import CalculationError

log = logging.getLogger(__name__)

Result = TypeVar("Result")

CPU_ATOMS = 256
"""Atoms in one call on a processor: the arrays of a call should stay in its cache."""

SHARE = 0.5
"""Of the free memory of a card that a batch may fill."""

WORDS = ("out of memory", "can't allocate memory", "cannot allocate memory")


def atoms_that_fit(device: str, slots: int, numbers: int) -> int:
    """Atoms in one call of a network.

    Args:
        device: as torch names it. slots: neighbours of an atom. numbers: of four bytes that the
            call keeps per neighbour (`nequip.engine.numbers_per_edge`).
    """
    if not device.startswith("cuda"):
        return CPU_ATOMS
    free, _ = torch.cuda.mem_get_info(device)
    return max(1, int(SHARE * free / (4 * max(slots, 1) * max(numbers, 1))))


def out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out, on a card or beside it."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(word in str(error).lower() for word in WORDS)


class Batches:
    """How many atoms are evaluated together; fewer from when memory has run out.

    Args:
        atoms: most atoms of a batch; a larger frame is a batch of its own.
    """

    def __init__(self, atoms: int) -> None:
        self.atoms = atoms

    def map(self, work: Callable[[int, int], Result], sizes: Sequence[int]) -> list[Result]:
        """`work(begin, end)` for consecutive batches of frames, in order.

        Where memory runs out, the batch is tried again with half its atoms.

        Args:
            sizes: atoms of every frame.

        Raises:
            CalculationError: a single frame does not fit.
        """
        results: list[Result] = []
        begin = 0
        while begin < len(sizes):
            end = self._end(sizes, begin)
            try:
                results.append(work(begin, end))
            except (RuntimeError, MemoryError) as error:
                if not out_of_memory(error):
                    raise
                if end == begin + 1:
                    raise CalculationError(
                        f"a frame of {sizes[begin]} atoms does not fit in memory ({error}): give "
                        "the job more (resources.memory), or take a smaller cell"
                    ) from error
                self.atoms = sum(sizes[begin:end]) // 2
            else:
                begin = end
                continue
            log.warning(f"out of memory: going on with batches of {self.atoms} atoms")
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
        return results

    def _end(self, sizes: Sequence[int], begin: int) -> int:
        end, total = begin + 1, sizes[begin]
        while end < len(sizes) and total + sizes[end] <= self.atoms:
            total += sizes[end]
            end += 1
        return end
