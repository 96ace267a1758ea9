"""Training of a NequIP model as the mean of a Taylor prior, and the posterior on what it leaves.

The loss is the log likelihood of the forces with all force constants integrated out,
|W (r − F_NequIP)|² / n with WᵀW = K⁻¹: the network is asked only for what the expansion cannot
say cheaply. Deterministic for a seed on one thread; resumable from the scratch folder.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ase import Atoms
from phono3py import Phono3py

from umklapp import config, provenance
from umklapp.errors import InputError
from umklapp.potentials.nequip.model import build
from umklapp.potentials.taylor.loop import Loop, Problem, architecture
from umklapp.potentials.taylor.model import TaylorNequip, without_hopped
from umklapp.potentials.taylor.prior import Knowledge, Prior
from umklapp.potentials.taylor.stiffness import widened
from umklapp.potentials.training_records import TrainingResult
from umklapp.wording import counted

log = logging.getLogger(__name__)

SAVE_EVERY = 50
"""Steps between two states on disk."""


def train(
    frames: Sequence[Atoms],
    perfect: Atoms,
    phonon: Phono3py,
    settings: config.Potential,
    seed: int,
    out: Path,
    scratch: Path,
) -> TrainingResult:
    """Train one member on all frames and write it to `out`.

    Args:
        frames: labelled displacements of `perfect`; those in which an atom has left its site are
            left out, for the expansion cannot describe them.
        perfect: the perfect sampling supercell.
        phonon: of `force_constants.prepare`; its fc2 and Born charges, where it has them, are the
            baseline.
        settings: architecture, and the `taylor` section.
        seed: of the initial weights and of the order of the frames.
        out: path of the model.
        scratch: folder whose `state.pt`, if it is of this very training, is continued.

    Returns:
        Steps, wall time and, in place of errors on held-out frames, of which there are none, the
        log evidence per force with and without the network, and the number of frames left out.

    Raises:
        InputError: a frame is no displacement of `perfect`, or an atom has left its site in all.
        CalculationError: the loss became NaN.
    """
    knowledge = Knowledge.of(phonon, perfect)
    used, left_out = without_hopped(perfect, frames)
    if not used:
        raise InputError(
            f"potential.baseline 'taylor' cannot learn from {left_out} frames, in all of which an "
            "atom has left its site: set it to 'none'"
        )
    if left_out:
        log.info(
            f"{left_out} of {counted(len(frames), 'frame')} left out: an atom has left its site"
        )
    widths = widened(settings.taylor, perfect, used)
    problem = Problem(used, Prior(perfect, knowledge, widths))
    network, options, seconds = fit_network(problem, settings, seed, scratch)
    model, evidence = finish(problem, network, options)
    model.save(out)
    bare = problem.regression().evidence(problem.residual.ravel())
    numbers = {
        "evidence": evidence,
        "evidence_without_network": bare,
        "frames_left_out": float(left_out),
    }
    log.info(f"evidence {evidence:.3f} per force, {bare:.3f} without the network")
    steps = settings.taylor.steps
    return TrainingResult(epochs=steps, best_epoch=steps, validation=numbers, seconds=seconds)


def finish(
    problem: Problem, network: torch.nn.Module, options: dict[str, Any]
) -> tuple[TaylorNequip, float]:
    """The posterior expansion of what a network leaves, joined with it; and the evidence.

    E0 is the mean difference of the labelled energies to those of the model.
    """
    bare = TaylorNequip(problem.prior.baseline, network, options)
    sites = problem.perfect
    cells = [
        Atoms(sites.numbers, sites.positions + u, cell=sites.cell, pbc=True) for u in problem.u
    ]
    rest = bare.network.evaluate(cells)
    y = (problem.residual - np.array(rest.forces)).ravel()
    regression = problem.regression()
    z = regression.posterior(y)
    smooth = problem.prior.model(z, 0.0).expand(problem.u)[0]
    zero = float(np.mean(problem.energies - smooth - rest.energy))
    model = TaylorNequip(problem.prior.model(z, zero), network, options)
    return model, regression.evidence(y)


def fit_network(
    problem: Problem,
    settings: config.Potential,
    seed: int,
    scratch: Path,
) -> tuple[torch.nn.Module, dict[str, Any], float]:
    """Minimise the whitened loss over the weights of a fresh network (AdamW, one cycle, EMA).

    Returns:
        The network with averaged weights, the builder's options and the wall time in s.

    Raises:
        CalculationError: the loss became NaN.
    """
    scratch.mkdir(parents=True, exist_ok=True)
    options = architecture(problem, settings, seed)
    torch.manual_seed(seed)
    loop = Loop(problem, build(options), settings, seed)
    identity = provenance.digest(
        [settings.model_dump(mode="json"), seed, problem.u.tolist(), problem.forces.tolist()]
    )
    loop.restore(scratch / "state.pt", identity)
    steps = settings.taylor.steps
    while loop.step < steps:
        loop.advance()
        if loop.step % SAVE_EVERY == 0:
            loop.save(scratch / "state.pt", identity)
        if loop.step % max(1, steps // 10) == 0:
            spent, left = loop.seconds(), loop.seconds_left(steps)
            log.info(
                f"step {loop.step}/{steps}  loss {loop.loss:.3f}  {spent:.0f} s, {left:.0f} s left"
            )
    return loop.finished(), options, loop.seconds()
