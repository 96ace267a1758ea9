"""Rare events in σᴬ(t): when they begin and end, which atoms moved, and where to.

Everything works on streams: a series is fed chunk by chunk, and what is found does not depend on
how it was cut.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import h5py
import numpy as np
from ase import Atoms
from ase.geometry import get_distances
from scipy.stats import chi2

from umklapp.lattice.harmonic_reference import HarmonicReference

ENTER, LEAVE = 6.0, 3.0
"""Widths of the quiet distribution above its median at which an event begins and ends."""

MOVED = 0.35
"""Of the nearest-neighbour distance: a mean displacement beyond it is a move."""


@dataclass(frozen=True)
class Quiet:
    """σᴬ outside events: median, and width as 1.4826 times the median absolute deviation."""

    median: float
    width: float

    @classmethod
    def of(cls, sigma: np.ndarray) -> Quiet:
        """From a series of which less than half is events; NaN is left out.

        The lower half of the distribution counts, so that events do not widen it.
        """
        values = np.sort(sigma[np.isfinite(sigma)])
        if not len(values):
            return cls(float("nan"), float("nan"))
        middle = float(np.median(values))
        below = middle - values[values <= middle]
        width = 1.4826 * float(np.median(below)) if len(below) > 1 else 0.0
        return cls(middle, max(width, 0.01 * abs(middle), 1e-9))

    def level(self, widths: float) -> float:
        """σᴬ so many widths above the median."""
        return self.median + widths * self.width


@dataclass(frozen=True)
class Move:
    """An atom away from its site: its mean displacement (Å) in the event, and where it went."""

    atom: int
    symbol: str
    displacement: tuple[float, float, float]
    distance: float
    to: str


@dataclass(frozen=True)
class Event:
    """A stretch of large σᴬ: times in fs; cut: the trajectory begins or ends within it."""

    replica: int
    start: float
    end: float
    peak: float
    mean: float
    cut: bool
    moves: tuple[Move, ...] = ()

    @property
    def duration(self) -> float:
        """fs."""
        return self.end - self.start

    def as_dict(self) -> dict[str, Any]:
        """For json."""
        return asdict(self)

    def holds(self, replica: int, time: float) -> bool:
        """Whether a moment (fs) of a replica lies within the event."""
        return replica == self.replica and self.start <= time <= self.end


@dataclass
class Detector:
    """Finds events in one replica's series, fed in order of time.

    An event begins when σᴬ rises above `enter` widths and ends when it has stayed below `leave`
    widths for `gap` fs; shorter than `shortest` fs it is noise.
    """

    quiet: Quiet
    replica: int = 0
    harmonic: HarmonicReference | None = None
    enter: float = ENTER
    leave: float = LEAVE
    shortest: float = 0.0
    gap: float = 0.0
    found: list[Event] = field(default_factory=list)
    total: float = 0.0
    """fs seen so far."""
    _open: _Open | None = None
    _previous: float | None = None

    def update(
        self, time: np.ndarray, sigma: np.ndarray, positions: np.ndarray | None = None
    ) -> None:
        """Feed a chunk: time (n,) fs, sigma (n,), positions (n, N, 3) Å for the moves."""
        upper, lower = self.quiet.level(self.enter), self.quiet.level(self.leave)
        shifts = None
        if positions is not None and self.harmonic is not None and len(positions):
            shifts = self.harmonic.displacements(positions)
        for number, (moment, value) in enumerate(zip(time, sigma, strict=True)):
            if not np.isfinite(value):
                continue
            step = 0.0 if self._previous is None else float(moment) - self._previous
            self.total += step
            if self._open is None and value > upper:
                self._open = _Open(float(moment), self._previous is None)
            if self._open is not None:
                shift = None if shifts is None else shifts[number]
                if value > lower:
                    self._open.take(float(moment), float(value), shift)
                elif float(moment) - self._open.last > self.gap:
                    self._close(False)
            self._previous = float(moment)

    def finish(self) -> list[Event]:
        """All events; one that is still open ends with the trajectory."""
        if self._open is not None:
            self._close(True)
        return self.found

    def _close(self, at_end: bool) -> None:
        if self._open is None:
            return
        event, self._open = self._open, None
        if event.last - event.start < self.shortest:
            return
        moves: tuple[Move, ...] = ()
        if event.shift is not None and self.harmonic is not None:
            moves = tuple(moved_atoms(event.shift / event.count, self.harmonic.perfect))
        self.found.append(
            Event(
                self.replica,
                event.start,
                event.last,
                event.peak,
                event.total / event.count,
                event.at_start or at_end,
                moves,
            )
        )


@dataclass
class _Open:
    start: float
    at_start: bool
    last: float = 0.0
    peak: float = 0.0
    total: float = 0.0
    count: int = 0
    shift: np.ndarray | None = None

    def take(self, time: float, sigma: float, shift: np.ndarray | None) -> None:
        self.last, self.peak = time, max(self.peak, sigma)
        self.total += sigma
        self.count += 1
        if shift is not None:
            self.shift = shift if self.shift is None else self.shift + shift


def moved_atoms(shift: np.ndarray, perfect: Atoms, moved: float = MOVED) -> list[Move]:
    """Atoms whose mean displacement (N, 3) Å is beyond `moved` nearest-neighbour distances.

    Where to: the site of another atom when one is nearer than half that distance, else an
    interstitial, with its fractional coordinates in the supercell.
    """
    _, lengths = get_distances(perfect.positions, cell=perfect.cell, pbc=True)
    np.fill_diagonal(lengths, np.inf)
    images = perfect.cell.lengths().min()
    bond = min(float(lengths.min()), images)
    found = []
    for atom in np.flatnonzero(np.linalg.norm(shift, axis=1) > moved * bond):
        place = perfect.positions[atom] + shift[atom]
        _, near = get_distances(place, perfect.positions, cell=perfect.cell, pbc=True)
        site = int(np.argmin(near[0]))
        if near[0, site] < 0.35 * bond:
            to = (
                "its own site"
                if site == atom
                else f"the site of atom {site} ({perfect.symbols[site]})"
            )
        else:
            fractional = np.linalg.solve(perfect.cell.array.T, place) % 1
            to = "interstitial at " + ", ".join(f"{x:.2f}" for x in fractional)
        x, y, z = (float(value) for value in shift[atom])
        length = float(np.linalg.norm(shift[atom]))
        found.append(Move(int(atom), str(perfect.symbols[atom]), (x, y, z), length, to))
    return found


def hdf5_chunks(
    group: h5py.Group, names: Sequence[str], size: int = 1000
) -> Iterator[tuple[np.ndarray, ...]]:
    """Stretches of some data sets of equal length, without reading them whole."""
    length = len(group[names[0]])
    for first in range(0, length, size):
        yield tuple(group[name][first : first + size] for name in names)


@dataclass(frozen=True)
class Record:
    """Events of some trajectories: exposure in ps, over all replicas."""

    events: list[Event]
    exposure: float
    quiet: Quiet

    def rate(self, confidence: float = 0.68) -> tuple[float, float, float]:
        """Events per ps with its Poisson interval (Garwood): value, lower, upper end."""
        number, tail = len(self.events), (1 - confidence) / 2
        lower = chi2.ppf(tail, 2 * number) / 2 if number else 0.0
        upper = chi2.ppf(1 - tail, 2 * number + 2) / 2
        if self.exposure <= 0:
            return 0.0, 0.0, float("inf")
        return (
            number / self.exposure,
            float(lower) / self.exposure,
            float(upper) / self.exposure,
        )

    def share(self) -> float:
        """Fraction of the time in events."""
        inside = sum(event.duration for event in self.events) / 1000
        return min(1.0, inside / self.exposure) if self.exposure > 0 else 0.0

    def as_dict(self) -> dict[str, Any]:
        """For json."""
        value, lower, upper = self.rate()
        return {
            "events": [event.as_dict() for event in self.events],
            "exposure_ps": self.exposure,
            "rate_per_ps": value,
            "rate_interval_per_ps": [lower, upper if np.isfinite(upper) else None],
            "share_of_time": self.share(),
            "quiet_median": self.quiet.median if np.isfinite(self.quiet.median) else None,
            "quiet_width": self.quiet.width if np.isfinite(self.quiet.width) else None,
        }


def join(records: Sequence[Record]) -> Record:
    """One record of several; the quiet distribution is that of the first."""
    events = [event for record in records for event in record.events]
    exposure = sum(record.exposure for record in records)
    quiet = records[0].quiet if records else Quiet(float("nan"), float("nan"))
    return Record(events, exposure, quiet)


def scan(
    replicas: Sequence[Iterator[tuple[np.ndarray, ...]]],
    quiet: Quiet,
    harmonic: HarmonicReference | None = None,
    numbers: Sequence[int] | None = None,
    **options: Any,
) -> Record:
    """Events of several replicas, each a stream of chunks (time, sigma[, positions]).

    Args:
        numbers: of the replicas; default: from 0.
        options: of the `Detector`.
    """
    events, exposure = [], 0.0
    named = range(len(replicas)) if numbers is None else numbers
    for number, chunks in zip(named, replicas, strict=True):
        detector = Detector(quiet, number, harmonic, **options)
        for chunk in chunks:
            detector.update(*chunk)
        events += detector.finish()
        exposure += detector.total / 1000
    return Record(events, exposure, quiet)
