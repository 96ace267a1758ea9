"""Events and observations that are written down, for the tests of what is made of them."""

from __future__ import annotations

from typing import Any

from umklapp.learning.events.moves import Move
from umklapp.learning.events.observations import Event, Observation
from umklapp.learning.events.quiet import Quiet

QUIET = Quiet(median=0.4, width=0.02)


def move(symbol: str = "Cu", site: str = "interstitial", atom: int = 7) -> Move:
    """A hop of 2.2 Å, or an atom 1 Å beside its site."""
    length = 1.0 if site == "own" else 2.2
    return Move(
        atom=atom, symbol=symbol, displacement=(length, 0, 0), distance=length, site=site, to=site
    )


def event(dwell: float = 2000.0, start: float = 5000.0, moved: str | None = None, **changes: Any):
    """An event of some fs; `moved`: what the atom reached, default an interstitial."""
    moves = () if moved == "" else (move(site=moved or "interstitial"),)
    values = {"replica": 0, "peak": 1.8, "mean": 1.5, "moves": moves, **changes}
    return Event(start=start, end=start + dwell, **values)


def observation(count: int, quiet_ps: float = 100.0, dwell: float = 2000.0, **changes: Any):
    """So many equal events, each in a replica of its own, and the quiet time around them."""
    events = [event(dwell, replica=number, **changes) for number in range(count)]
    return Observation(events=events, quiet_ps=quiet_ps, replicas=max(1, count), quiet=QUIET)
