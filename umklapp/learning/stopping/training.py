"""Whether the members have learned the labels that they were trained on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from umklapp.config import Rounds
from umklapp.learning.assessment import Criterion
from umklapp.potentials.training_residuals import Left
from umklapp.wording import in_milli

Group = tuple[str, int]


def trained_out(members: Sequence[Sequence[Left]], settings: Rounds) -> Criterion:
    """Is little left of the training labels of every kind and cell, on average over the members?

    Value is the largest rmse over the rms force of its labels. What is less than a quarter of
    `rounds.force_error` is no matter, however quiet the labels are.

    Args:
        members: of every member, what it leaves; not empty.
    """
    groups: dict[Group, list[Left]] = {}
    for member in members:
        for left in member:
            groups.setdefault((left.kind, left.atoms), []).append(left)
    judged = [_judge(parts, settings) for parts in groups.values()]
    share, sentence = max(judged)
    limit = settings.training_share
    met = share <= limit
    if not met:
        sentence += (
            f" (more than the {limit:.0%} wanted): raise potential.training.epochs or "
            "potential.training.repeats"
        )
    return Criterion(met=met, value=share, limit=limit, words=sentence)


def _judge(parts: Sequence[Left], settings: Rounds) -> tuple[float, str]:
    """Share of the force that is left of a group, and the sentence."""
    rmse = float(np.mean([left.force_rmse_eV_per_A for left in parts]))
    force = float(np.mean([left.force_rms_eV_per_A for left in parts]))
    small = rmse <= settings.force_error / 4
    share = 0.0 if small or force == 0 else rmse / force
    sentence = (
        f"members have an rms force error of {in_milli(rmse)} meV/Å on the {parts[0].kind} labels "
        f"of {parts[0].atoms} atoms that they learned, {rmse / force if force else 0:.1%} of the "
        "forces there"
    )
    return share, sentence
