"""Frames drawn at random to be labelled: what a round is judged by when it could be the last.

What is chosen for its uncertainty teaches, but a committee that is wrong where it is sure would
never be asked. Frames drawn at random from the same exploration say what the others are like.
"""

from __future__ import annotations

import numpy as np

from umklapp import config
from umklapp.learning.sampling import acquisition, strategies
from umklapp.learning.sampling.acquisition import Selection
from umklapp.learning.sampling.candidates import Candidates, Knowledge
from umklapp.learning.sampling.correlation import spaced


def draw(
    candidates: Candidates,
    knowledge: Knowledge,
    selection: Selection,
    acquired: config.Acquisition,
    rounds: config.Rounds,
    generator: np.random.Generator,
) -> list[int]:
    """Sorted numbers of the frames to label beside those of `selection`.

    None is drawn while so many frames are above the bound that the round cannot be the last. With
    the strategy `random` all of `selection` are random already, and only what they lack is drawn.

    Args:
        selection: what `acquisition.select` has chosen of the candidates.
        generator: of this material, round and purpose.
    """
    if not len(candidates):
        return []
    wanted = rounds.check_labels
    if acquired.strategy == "random":
        wanted -= len(selection.chosen)
    elif acquisition.share_above(candidates.expected, knowledge.lower) > rounds.share_above:
        return []
    reasons = strategies.viability(candidates, knowledge, acquired)
    viable = np.array([not reason for reason in reasons])
    viable[selection.chosen] = False
    order = generator.permutation(np.flatnonzero(viable))
    spacing = acquisition.least_spacing(candidates, acquired)
    place = candidates.replica, candidates.time
    return sorted(spaced(order, *place, spacing, selection.chosen, max(0, wanted)))
