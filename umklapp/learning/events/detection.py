"""Rare events in σᴬ(t): when they begin and end, which atoms moved, and where to.

Everything works on streams: a series is fed chunk by chunk, and the events do not depend on how it
was cut.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import h5py
import numpy as np

from umklapp.crystals import sites
from umklapp.lattice.harmonic_reference import HarmonicReference
from umklapp.learning.events.moves import Move, motion, moved_atoms
from umklapp.learning.events.observations import STAYS, Event, Observation, join
from umklapp.learning.events.quiet import ENTER, LEAVE, Quiet


@dataclass
class Detector:
    """Finds events in one replica's series, fed in order of time.

    An event begins when σᴬ rises above `enter` widths and ends when it has stayed below `leave`
    widths for `gap` fs; shorter than `shortest` fs it is noise, unless the replica begins with it.
    The replica begins with it where σᴬ of its first frame is that large, and also where an atom has
    been away from its site ever since the start: σᴬ of one frame can be low by chance.
    """

    quiet: Quiet
    replica: int = 0
    harmonic: HarmonicReference | None = None
    enter: float = ENTER
    leave: float = LEAVE
    shortest: float = 0.0
    gap: float = 0.0
    events: list[Event] = field(default_factory=list)
    total: float = 0.0
    """fs seen so far."""
    _open: _Open | None = None
    _first: float | None = None
    _previous: float | None = None
    _began_as: str | None = None
    _began_away: bool = False
    _away: np.ndarray | None = None
    """Atoms that have been away from their sites ever since the start."""

    def begin(self, positions: np.ndarray, cell: np.ndarray | None = None) -> None:
        """The frame that the replica starts from, where it is not the first one fed.

        Args:
            positions: (N, 3) Å. cell: (3, 3) Å; the perfect one if none.
        """
        if self.harmonic is not None:
            cells = None if cell is None else cell[None]
            self._start(self.harmonic.displacements(positions[None], cells)[0])

    def _start(self, shift: np.ndarray) -> None:
        self._away = self._far(shift)
        self._began_away = len(self._away) > 0
        if self._began_away and self.harmonic is not None:
            self._began_as = motion(moved_atoms(shift, self.harmonic.perfect))

    def _far(self, shift: np.ndarray) -> np.ndarray:
        """Atoms farther from their sites than `sites.LEFT` bonds."""
        return np.flatnonzero(np.linalg.norm(shift, axis=1) > self._limit)

    @cached_property
    def _limit(self) -> float:
        perfect = None if self.harmonic is None else self.harmonic.perfect
        return np.inf if perfect is None else sites.LEFT * sites.bond_length(perfect)

    def update(
        self,
        time: np.ndarray,
        sigma: np.ndarray,
        positions: np.ndarray | None = None,
        cells: np.ndarray | None = None,
    ) -> None:
        """Feed a chunk: time (n,) fs, sigma (n,), positions (n, N, 3) Å and cells (n, 3, 3) Å (the
        perfect one if none) for the moves."""
        upper, lower = self.quiet.level(self.enter), self.quiet.level(self.leave)
        shifts = None
        if positions is not None and self.harmonic is not None and len(positions):
            shifts = self.harmonic.displacements(positions, cells)
        for frame_index, (moment, value) in enumerate(zip(time, sigma, strict=True)):
            if not np.isfinite(value):
                continue
            shift = None if shifts is None else shifts[frame_index]
            if shift is not None:
                self._watch_start(shift)
            if self._previous is not None:
                self.total += float(moment) - self._previous
            if self._open is None and value > upper:
                self._open = self._opened(float(moment))
            if self._open is not None:
                if value > lower:
                    self._open.take(float(moment), float(value), shift)
                elif float(moment) - self._open.last > self.gap:
                    self._close(False, shift)
            self._previous = float(moment)
            self._first = self._previous if self._first is None else self._first

    def _watch_start(self, shift: np.ndarray) -> None:
        if self._away is None:
            self._start(shift)
        elif len(self._away):
            self._away = np.intersect1d(self._away, self._far(shift))

    def _opened(self, moment: float) -> _Open:
        if self._previous is None:
            return _Open(moment, True)
        since_the_start = self._away is not None and len(self._away) > 0
        if since_the_start and not self.events and self._first is not None:
            moment = self._first
        return _Open(moment, since_the_start)

    def finish(self) -> list[Event]:
        """All events; one that is still open ends with the trajectory."""
        if self._open is not None:
            self._close(True, None)
        return self.events

    def observation(self, chosen_start: bool) -> Observation:
        """What this replica adds, after `finish`.

        Args:
            chosen_start: the first frame was chosen by somebody: a replica that begins in an event,
                or with an atom away from its site, is then counted apart, whole.
        """
        events = tuple(self.finish())
        inside = sum(event.duration for event in events)
        if chosen_start and (self._began_away or any(event.open_start for event in events)):
            return Observation(
                apart=events,
                apart_ps=self.total / 1000,
                replicas=1,
                began_inside=1,
                quiet=self.quiet,
            )
        return Observation(
            events=events,
            quiet_ps=max(0.0, self.total - inside) / 1000,
            stay_ps=self._quiet_before(STAYS, events) / 1000,
            replicas=1,
            quiet=self.quiet,
        )

    def _quiet_before(self, margin: float, events: Sequence[Event]) -> float:
        """Time outside events, fs, of which at least `margin` fs of the trajectory are left."""
        end = (self._previous or 0.0) - margin
        inside = sum(max(0.0, min(event.end, end) - event.start) for event in events)
        return max(0.0, self.total - margin - inside)

    def _close(self, at_end: bool, shift: np.ndarray | None) -> None:
        if self._open is None:
            return
        event, self._open = self._open, None
        if event.last - event.start < self.shortest and not event.at_start:
            return
        moves: tuple[Move, ...] = ()
        if event.shift is not None and self.harmonic is not None:
            moves = tuple(moved_atoms(event.shift / event.count, self.harmonic.perfect))
        self.events.append(
            Event(
                replica=self.replica,
                start=event.start,
                end=event.last,
                peak=event.peak,
                mean=event.total / event.count,
                open_start=event.at_start,
                open_end=at_end,
                moves=moves,
                began_as=self._began_as if event.at_start else None,
                home=not at_end and (shift is None or len(self._far(shift)) == 0),
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


def hdf5_chunks(
    group: h5py.Group, names: Sequence[str], size: int = 1000, stride: int = 1
) -> Iterator[tuple[np.ndarray, ...]]:
    """Stretches of some data sets of equal length, without reading them whole.

    Args:
        size: frames of the data sets per stretch, about. stride: every n-th frame only.
    """
    length, step = len(group[names[0]]), stride * max(1, size // stride)
    for first in range(0, length, step):
        yield tuple(group[name][first : first + step : stride] for name in names)


def scan(
    replicas: Sequence[Iterator[tuple[np.ndarray, ...]]],
    quiet: Quiet,
    harmonic: HarmonicReference | None = None,
    numbers: Sequence[int] | None = None,
    chosen_starts: bool = False,
    starts: Sequence[tuple[np.ndarray, np.ndarray] | None] | None = None,
    **options: Any,
) -> Observation:
    """Events of several replicas, each a stream of chunks (time, sigma[, positions[, cells]]).

    Args:
        numbers: of the replicas; default: from 0.
        chosen_starts: whether their first frames were chosen (explorations: yes; a reference: no).
        starts: positions (N, 3) and cell (3, 3) Å that each replica starts from, where these are
            not its first frame.
        options: of the `Detector`.
    """
    named = range(len(replicas)) if numbers is None else numbers
    begun = [None] * len(replicas) if starts is None else starts
    parts = []
    for replica, chunks, start in zip(named, replicas, begun, strict=True):
        detector = Detector(quiet, replica, harmonic, **options)
        if start is not None:
            detector.begin(*start)
        for chunk in chunks:
            detector.update(*chunk)
        parts.append(detector.observation(chosen_starts))
    return join(parts) if parts else Observation(quiet=quiet)
