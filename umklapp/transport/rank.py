"""How much reference calculations are worth for a material, before the first of them.

What a foundation model says without labels: how anharmonic the crystal is, and how far its κ moves
where it can move: with the lattice (which a functional moves by a few percent), and from the
Boltzmann equation to Green–Kubo where a rehearsal has both.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from umklapp.learning.events.verdict import Verdict
from umklapp.transport.baseline_record import Baseline
from umklapp.transport.green_kubo_record import GreenKuboRecord
from umklapp.transport.kappa_records import ROOM
from umklapp.transport.rank_record import Rank


def rank(baseline: Baseline, green_kubo: GreenKuboRecord | None, verdict: Verdict | None) -> Rank:
    """The rank of a material.

    Args:
        green_kubo, verdict: of a rehearsal with the same model; None where there is none.

    Raises:
        InputError: κ(300 K) of the baseline was not computed.
    """
    lattices = [result for result in (baseline.given, baseline.own) if result is not None]
    stable = all(result.stable for result in lattices)
    kappas = [result.kappa.at_room_temperature for result in lattices]
    kappas.append(_by_green_kubo(green_kubo))
    change = _largest_change(kappas) if stable else None
    missed = verdict is not None and verdict.verdict == "missed event"
    sigma = baseline.given.sigma_A
    parts = [f"{baseline.model.name}: {baseline.given.words}"]
    parts += [] if stable else ["not stable at every lattice"]
    parts += ["a missed event in the rehearsal"] if missed else []
    parts += [] if change is None else [f"κ may change by a factor of {math.exp(change):.2f}"]
    return Rank(
        material=baseline.material,
        model=baseline.model.words,
        stable=stable,
        sigma_A=sigma,
        missed_event=missed,
        kappa_change=change,
        words="; ".join(parts),
    )


def _by_green_kubo(record: GreenKuboRecord | None) -> float | None:
    """κ(300 K) in W/(m K); None where it is no result, or of another temperature."""
    if record is None or record.too_small or record.temperature_K != ROOM:
        return None
    return record.kappa_W_per_mK


def _largest_change(kappas: Sequence[float | None]) -> float | None:
    """The largest |ln(κ'/κ)| of all κ' after the first; None where there is nothing to compare."""
    first, *others = kappas
    if not first:
        return None
    return max((abs(math.log(other / first)) for other in others if other), default=None)
