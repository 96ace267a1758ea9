"""The optimiser's loop of a NequIP model under a Taylor prior: frames, steps, state on disk."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from ase import Atoms
from nequip.data import AtomicDataDict

from umklapp import config, provenance
from umklapp.errors import CalculationError
from umklapp.potentials.device import chosen
from umklapp.potentials.nequip.graphs import graph
from umklapp.potentials.nequip.model import options
from umklapp.potentials.step_loop import StepLoop
from umklapp.potentials.taylor.model import displacements
from umklapp.potentials.taylor.prior import Prior
from umklapp.potentials.taylor.regression import Regression


class Problem:
    """Labels of some frames, and the linear model of a prior on them.

    Args:
        frames: labelled displacements of the supercell of `prior`, N atoms, every atom at its site
            (`taylor.model.without_hopped`).
        prior: of the force constants; members of a committee can share one.

    Attributes:
        u: (n, N, 3) Å. forces, residual: (n, N, 3) eV/Å, labels, and labels minus baseline.
        energies: (n,) eV, labels. design: A = X L, (n, 3N, n_free) eV/Å.

    Raises:
        InputError: a frame is no displacement of that supercell.
    """

    def __init__(self, frames: Sequence[Atoms], prior: Prior) -> None:
        self.prior, self.perfect, self.settings = prior, prior.perfect, prior.settings
        self.u = displacements(prior.perfect, frames)
        self.forces = np.array([frame.get_forces() for frame in frames])
        self.energies = np.array([frame.get_potential_energy() for frame in frames])
        self.residual = self.forces - prior.baseline.expand(self.u)[1]
        self.design = prior.scaled_design(self.u)

    def regression(self, chosen: Sequence[int] | slice = slice(None)) -> Regression:
        """The linear model on some of the frames."""
        part = self.design[chosen]
        return Regression(part.reshape(-1, part.shape[-1]), self.settings.noise)


def architecture(problem: Problem, settings: config.Potential, seed: int) -> dict[str, Any]:
    """Options of `NequIPHessianModel`; energies start on the scale that `taylor` gives."""
    types = list(dict.fromkeys(problem.perfect.get_chemical_symbols()))
    edges = graph(problem.perfect, types, settings.cutoff)[AtomicDataDict.EDGE_INDEX_KEY]
    neighbours = edges.shape[1] / len(problem.perfect)
    return options(settings, seed, types, neighbours, settings.taylor.energy_scale)


class Loop(StepLoop):
    """One training of a network on what a Taylor prior leaves."""

    def __init__(
        self, problem: Problem, network: torch.nn.Module, settings: config.Potential, seed: int
    ) -> None:
        self.settings, self.seed, self.problem = settings.taylor, seed, problem
        device = chosen()
        self.network = network.to(device).train()
        super().__init__(self.network, settings.taylor.ema_decay, device)
        self.weights = [parameter for parameter in network.parameters() if parameter.requires_grad]
        rate = settings.taylor.learning_rate
        self.optimizer = torch.optim.AdamW(
            self.weights, lr=rate, weight_decay=0.0, betas=(0.9, 0.99)
        )
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimizer,
            rate,
            total_steps=settings.taylor.steps,
            pct_start=0.1,
            final_div_factor=1e3,
        )
        self.u = torch.tensor(problem.u, device=self.device)
        self.residual = torch.tensor(problem.residual, device=self.device)
        reach = 2 * float(np.linalg.norm(problem.u, axis=2).max())  # no pair within r_max is missed
        types = list(network.type_names)
        self.graph = graph(problem.perfect, types, settings.cutoff + reach)
        self.whitener = lru_cache(maxsize=64)(self._whitener)
        self.batch = lru_cache(maxsize=4)(self._batch)
        self.loss = float("nan")

    def advance(self) -> None:
        """One step of the optimiser on the next few frames.

        Raises:
            CalculationError: the loss is not finite.
        """
        chosen = self._next_frames()
        picked = list(chosen)
        error = (self.residual[picked] - self.predict(self.u[picked])).reshape(-1)
        loss = ((self.whitener(chosen) @ error) ** 2).mean()
        self.optimizer.zero_grad()
        loss.backward()
        self.loss = loss.item()
        if not np.isfinite(self.loss):
            raise CalculationError("training gave no finite loss; lower taylor.learning_rate")
        torch.nn.utils.clip_grad_norm_(self.weights, 10.0)
        self.optimizer.step()
        self.schedule.step()
        self.average.update_parameters(self.network)
        self.step += 1

    def predict(self, u: torch.Tensor) -> torch.Tensor:
        """Forces of the network at displacements (n, N, 3) Å, with their graph."""
        data = dict(self.batch(len(u)))
        sites = torch.tensor(self.problem.perfect.positions, device=self.device)
        positions = (sites + u).reshape(-1, 3).requires_grad_(True)
        data[AtomicDataDict.POSITIONS_KEY] = positions
        energy = self.network.model.func(data)[AtomicDataDict.TOTAL_ENERGY_KEY].sum()
        gradient = torch.autograd.grad(energy, positions, create_graph=True)[0]
        return -gradient.reshape(u.shape)

    def finished(self) -> torch.nn.Module:
        """The network with the averaged weights."""
        self.average.swap_parameters(self.network)
        return self.network

    def more_state(self) -> dict[str, Any]:
        """The schedule of the learning rate."""
        return {"schedule": self.schedule.state_dict()}

    def take_more(self, state: dict[str, Any]) -> None:
        """Go on with the schedule."""
        self.schedule.load_state_dict(state["schedule"])

    def _next_frames(self) -> tuple[int, ...]:
        count = len(self.problem.u)
        size = min(self.settings.batch_size, count)
        epoch, batch_index = divmod(self.step, count // size)
        order = provenance.generator(self.seed, "epoch", epoch).permutation(count)
        return tuple(sorted(order[batch_index * size : (batch_index + 1) * size].tolist()))

    def _whitener(self, chosen: tuple[int, ...]) -> torch.Tensor:
        return torch.tensor(self.problem.regression(list(chosen)).whitener(), device=self.device)

    def _batch(self, count: int) -> dict[str, torch.Tensor]:
        one, n = self.graph, len(self.problem.perfect)
        edges = one[AtomicDataDict.EDGE_INDEX_KEY]
        offset = (torch.arange(count) * n).repeat_interleave(edges.shape[1])
        data = {
            AtomicDataDict.ATOM_TYPE_KEY: one[AtomicDataDict.ATOM_TYPE_KEY].repeat(count),
            AtomicDataDict.CELL_KEY: one[AtomicDataDict.CELL_KEY]
            .reshape(1, 3, 3)
            .repeat(count, 1, 1),
            AtomicDataDict.EDGE_INDEX_KEY: edges.repeat(1, count) + offset,
            AtomicDataDict.EDGE_CELL_SHIFT_KEY: one[AtomicDataDict.EDGE_CELL_SHIFT_KEY].repeat(
                count, 1
            ),
            AtomicDataDict.BATCH_KEY: torch.arange(count).repeat_interleave(n),
            AtomicDataDict.NUM_NODES_KEY: torch.full((count,), n),
        }
        return {key: value.to(self.device) for key, value in data.items()}
