"""What the members of a round start from: nothing, the round before, or a cheap surface."""

from __future__ import annotations

from umklapp.config import Campaign
from umklapp.config.low_fidelity import Pretraining


def goes_on(campaign: Campaign, round_index: int) -> bool:
    """Whether members of round `round_index` are trained on from those of the round before."""
    warm = campaign.potential.training.warm_start
    if warm is None or round_index == 0:
        return False
    return not (warm.scratch_every and round_index % warm.scratch_every == 0)


def pretraining(campaign: Campaign) -> tuple[int, Pretraining] | None:
    """The seed whose cheap surface members learn first: its place and how; None without one."""
    for index, seed in enumerate(campaign.seeds):
        if seed.kind == "low_fidelity" and seed.pretrain is not None:
            return index, seed.pretrain
    return None
