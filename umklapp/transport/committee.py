"""κ of a committee: one κ per member, so that κ has a committee error bar."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from umklapp.transport.kappa_records import CommitteeKappa, MemberConductivity
from umklapp.wording import by_member


def at_300_kelvin(paths: Sequence[Path]) -> list[float | None]:
    """κ(300 K) of every member in W/(m K); None where it was not computed.

    Raises:
        InputError: a member has κ, but not at 300 K.
    """
    return [MemberConductivity.read(path).at_room_temperature for path in paths]


def member_spread(kappa: np.ndarray) -> list[float] | None:
    """Standard deviation of κ over the members (K, n_T), the same everywhere; None of one member.

    With K − 1 in the denominator: the members are a sample of all that could have been trained, and
    of four of them the population formula gives a spread that is 13 % too narrow.
    """
    return kappa.std(axis=0, ddof=1).tolist() if len(kappa) > 1 else None


def _residual(members: Sequence[MemberConductivity]) -> float | None:
    """Mean over the members of what they leave of the labels that correct them, eV/Å."""
    residuals = [m.correction.residual_before_eV_per_A for m in members if m.correction]
    return float(np.mean(residuals)) if residuals else None


def combine(paths: Sequence[Path]) -> CommitteeKappa:
    """Mean and standard deviation over the members for every temperature.

    Where a member has no κ, the committee has none: the reasons are kept instead.
    """
    members = [MemberConductivity.read(path) for path in paths]
    reasons = {k: member.not_computed for k, member in enumerate(members) if member.not_computed}
    values = None if reasons else np.array([m.kappa_W_per_mK for m in members], float)
    return CommitteeKappa(
        temperatures_K=members[0].temperatures_K,
        mesh=members[0].mesh,
        members_W_per_mK=[member.kappa_W_per_mK for member in members],
        not_computed=by_member(reasons) if reasons else None,
        lowest_frequency_THz=min(member.lowest_frequency_THz for member in members),
        method=members[0].method,
        residual_before_correction_eV_per_A=_residual(members),
        misleading_members=[
            k for k, m in enumerate(members) if m.correction and m.correction.potential_misleads
        ],
        left_out_members=[
            k for k, m in enumerate(members) if m.correction and m.correction.potential_left_out
        ],
        non_analytical=members[0].non_analytical,
        kappa_W_per_mK=None if values is None else values.mean(axis=0).tolist(),
        std_W_per_mK=None if values is None else member_spread(values),
    )
