"""Phonon lifetimes of the first and of the last committee, mode by mode: what learning changed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from umklapp.records import Part, Record
from umklapp.transport import modes
from umklapp.transport.kappa_records import ROOM
from umklapp.wording import by_member

Values = list[list[float | None]]


class CommitteeLifetimes(Part):
    """Of one round's committee, on irreducible q-points n_q and bands n_b in order of frequency.

    round: from 0. frequencies_THz, lifetimes_ps: (n_q, n_b) means over the members; std_ps: their
    sample standard deviation, None with one member. A mode that cannot decay in one of the members
    has None. not_computed: why there is nothing, member by member; then the lists are empty.
    """

    round: int
    members: int
    frequencies_THz: list[list[float]]
    lifetimes_ps: Values
    std_ps: Values
    not_computed: str | None = None


class ModeLifetimes(Record):
    """lifetimes.json: three-phonon lifetimes at `temperature_K` on the coarse mesh of the rounds.

    weights: (n_q,) how many q-points each irreducible one stands for. first, last: of round 0 and
    of the round whose committee makes κ; None where the material needed one round.
    """

    material: str
    temperature_K: float
    mesh: list[int]
    weights: list[int]
    first: CommitteeLifetimes | None
    last: CommitteeLifetimes


def of_material(
    material: str, last_round: int, last: Sequence[Path], first: Sequence[Path]
) -> ModeLifetimes:
    """Lifetimes at 300 K from the mode files of the members (`modes.write`).

    Args:
        last: files of the last round's members. first: of those of round 0; none where the last
            round is round 0.

    Raises:
        InputError: a file has no linewidths at 300 K.
    """
    committee, mesh, weights = _of_committee(last_round, last)
    before = None
    if first:
        before, first_mesh, first_weights = _of_committee(0, first)
        mesh, weights = mesh or first_mesh, weights or first_weights
    return ModeLifetimes(
        material=material,
        temperature_K=ROOM,
        mesh=mesh,
        weights=weights,
        first=before,
        last=committee,
    )


def _of_committee(
    round_index: int, paths: Sequence[Path]
) -> tuple[CommitteeLifetimes, list[int], list[int]]:
    reasons = {member: why for member, path in enumerate(paths) if (why := modes.reason(path))}
    if reasons:
        nothing = CommitteeLifetimes(
            round=round_index,
            members=len(paths),
            frequencies_THz=[],
            lifetimes_ps=[],
            std_ps=[],
            not_computed=by_member(reasons),
        )
        return nothing, [], []
    members = [modes.read_linewidths(path, ROOM) for path in paths]
    lifetimes = np.array([member.lifetimes for member in members])
    spread = (
        lifetimes.std(axis=0, ddof=1) if len(members) > 1 else np.full(lifetimes.shape[1:], np.nan)
    )
    committee = CommitteeLifetimes(
        round=round_index,
        members=len(members),
        frequencies_THz=np.mean([member.frequencies for member in members], axis=0).tolist(),
        lifetimes_ps=_plain(lifetimes.mean(axis=0)),
        std_ps=_plain(spread),
    )
    return committee, members[0].mesh, members[0].weights.tolist()


def _plain(values: np.ndarray) -> Values:
    return [[float(f"{x:.6g}") if np.isfinite(x) else None for x in row] for row in values]
