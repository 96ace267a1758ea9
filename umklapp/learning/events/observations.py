"""Events and what is counted of them: how many began, how many ended, and in how much time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from umklapp.learning.events import event_rates
from umklapp.learning.events.moves import Move, motion
from umklapp.learning.events.quiet import Quiet
from umklapp.records import Part
from umklapp.wording import counted

STAYS = 1000.0
"""fs: an event that ends sooner is an excursion, one that lasts longer stays."""

Dwell = Literal["fluctuation", "excursion", "stay", "unfinished"]

ANY = "any event"


class Event(Part):
    """A stretch of large σᴬ; start, end: fs; peak, mean: of σᴬ.

    open_start, open_end: the trajectory begins or ends within it. began_as: motion of the frame
    that the trajectory started from, of an event that is open there. home: where it ended every
    atom was at its own site, so that it returned; an atom that went on to another site has not.
    """

    replica: int
    start: float
    end: float
    peak: float
    mean: float
    open_start: bool = False
    open_end: bool = False
    moves: tuple[Move, ...] = ()
    began_as: str | None = None
    home: bool = True

    @property
    def duration(self) -> float:
        """Dwell time so far, fs."""
        return self.end - self.start

    @property
    def motion(self) -> str:
        """What moved and where to (`moves.motion`)."""
        return motion(self.moves)

    @property
    def dwell(self) -> Dwell:
        """Whether it stayed. A short rise of σᴬ in which no atom leaves its site is no event."""
        if self.duration >= STAYS:
            return "stay"
        if not self.moves:
            return "fluctuation"
        return "unfinished" if self.open_end else "excursion"

    @property
    def returned(self) -> bool:
        """Whether the trajectory began within it and was soon back at the sites."""
        return self.open_start and not self.open_end and self.home and self.duration < STAYS

    @property
    def kind(self) -> str:
        """Class of the event: dwell and motion; only events of one class are compared."""
        return f"{self.dwell}: {self.motion}"

    def holds(self, replica: int, time: float) -> bool:
        """Whether a moment (fs) of a replica lies within the event."""
        return replica == self.replica and self.start <= time <= self.end


class Observation(Part):
    """Events of some trajectories.

    events: of trajectories that began quiet, in order; quiet_ps: their time outside events, in
    which one could begin; stay_ps: the part of it in which one that stays could be seen to stay,
    because `STAYS` were left of the trajectory (None: all of it); apart: events of replicas that
    began inside one, because their first frame was chosen there; apart_ps: all time of these
    replicas; replicas, began_inside: counts.
    """

    events: tuple[Event, ...] = ()
    quiet_ps: float = 0.0
    stay_ps: float | None = None
    apart: tuple[Event, ...] = ()
    apart_ps: float = 0.0
    replicas: int = 0
    began_inside: int = 0
    quiet: Quiet | None = None

    @property
    def real_events(self) -> list[Event]:
        """All but fluctuations."""
        return [event for event in self.events if event.dwell != "fluctuation"]

    @property
    def exposure(self) -> float:
        """ps of the trajectories that began quiet, events included."""
        return self.quiet_ps + sum(event.duration for event in self.events) / 1000

    @property
    def kinds(self) -> list[str]:
        """Classes whose dwell is known, sorted."""
        return sorted({e.kind for e in self.real_events if e.dwell != "unfinished"})

    @property
    def motions(self) -> list[str]:
        """Motions of all events, sorted."""
        return sorted({event.motion for event in self.real_events})

    def watched(self, kind: str = ANY) -> float:
        """Quiet ps in which an event of a class could begin and be seen to be of that class."""
        stays = kind.startswith("stay") and self.stay_ps is not None
        return float(self.stay_ps or 0.0) if stays else self.quiet_ps

    def entries(self, kind: str = ANY) -> int:
        """Events of a class that began while watched."""
        return sum(
            not event.open_start and kind in (ANY, event.kind, event.motion)
            for event in self.real_events
        )

    def dwells(self, of_motion: str) -> list[tuple[float, bool]]:
        """Dwell time (ps) of every event of a motion, and whether it was seen to end."""
        chosen = [event for event in self.real_events if event.motion == of_motion]
        return [(event.duration / 1000, not event.open_end) for event in chosen]

    def exits(self, of_motion: str) -> tuple[int, float]:
        """Events of a motion that ended while watched, and the time in all of them, ps."""
        chosen = [event for event in self.real_events if event.motion == of_motion]
        inside = sum(event.duration for event in chosen) / 1000
        return sum(not event.open_end for event in chosen), inside

    def share(self) -> float:
        """Fraction of the time in events."""
        inside = sum(event.duration for event in self.real_events) / 1000
        return inside / self.exposure if self.exposure > 0 else 0.0

    def __str__(self) -> str:
        count = self.entries()
        low, high = event_rates.poisson_interval(count, self.quiet_ps)
        rate = count / self.quiet_ps if self.quiet_ps > 0 else 0.0
        text = f"{counted(count, 'event')} in {self.exposure:.3g} ps"
        if self.quiet_ps > 0:
            text += f" ({rate:.2g} per quiet ps, {low:.2g} to {high:.2g}"
            text += f"; {self.share():.1%} of the time)"
        if self.began_inside:
            text += f", {self.began_inside} of {self.replicas} replicas began inside one"
        return text


def join(observations: Sequence[Observation]) -> Observation:
    """One observation of several; the quiet band is that of the first."""
    return Observation(
        events=tuple(event for observation in observations for event in observation.events),
        quiet_ps=sum(observation.quiet_ps for observation in observations),
        stay_ps=sum(observation.watched("stay") for observation in observations),
        apart=tuple(event for observation in observations for event in observation.apart),
        apart_ps=sum(observation.apart_ps for observation in observations),
        replicas=sum(observation.replicas for observation in observations),
        began_inside=sum(observation.began_inside for observation in observations),
        quiet=observations[0].quiet if observations else None,
    )
