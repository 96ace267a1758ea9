"""The loss of phonon fine-tuning: columns of the Hessian, one Hessian–vector product per batch.

Koker et al., arXiv:2601.07742. With N atoms in a frame, F̂ and σ̂ of the model,

    L = λ_E |Ê − E|/N + λ_F 1/N Σ_a |F̂_a − F_a| + λ_σ 1/9 Σ |σ̂ − σ|
        + λ_Φ 1/3N Σ_a,i |∂²Ê/∂R∂R v − Φ v|_ai

with the probe v = e_bj for a random atom b and direction j: the expectation of the last term is
the mean absolute error of all elements of the Hessian. Φ is the second derivative of the energy of
the supercell: no masses, no folding. A batch is one disjoint graph, its Hessian is block-diagonal,
so one product gives the column of every frame in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from ase import Atoms
from ase.stress import voigt_6_to_full_3x3_stress
from nequip.data import AtomicDataDict

from umklapp import config
from umklapp.crystals.curvature import CurvatureLabel
from umklapp.crystals.frames import stress_of
from umklapp.potentials.nequip.derivatives import PRODUCT, VECTOR
from umklapp.potentials.nequip.graphs import graph, joined

Weights = config.CurvatureWeights | config.OrdinaryWeights


@dataclass(frozen=True)
class Item:
    """A frame as a graph with what a model should say of it.

    data: NequIP graph; energy: () eV and stress: (1, 3, 3) eV/Å³, NaN where there is none;
    forces: (N, 3) eV/Å; column: (N, 3) eV/Å², Φ v of the vector in `data`, or None.
    """

    data: dict[str, torch.Tensor]
    energy: torch.Tensor
    forces: torch.Tensor
    stress: torch.Tensor
    column: torch.Tensor | None = None


@dataclass(frozen=True)
class Batch:
    """Several items as one disjoint graph on a device; fields as those of `Item`."""

    data: dict[str, torch.Tensor]
    energy: torch.Tensor
    forces: torch.Tensor
    stress: torch.Tensor
    column: torch.Tensor | None

    @classmethod
    def of(cls, items: Sequence[Item], device: str) -> Batch:
        """All items must have a column, or none."""
        columns = [item.column for item in items if item.column is not None]
        return cls(
            joined([item.data for item in items], device),
            torch.stack([item.energy for item in items]).to(device),
            torch.cat([item.forces for item in items]).to(device),
            torch.cat([item.stress for item in items]).to(device),
            torch.cat(columns).to(device) if columns else None,
        )


def ordinary_item(frame: Atoms, types: Sequence[str], cutoff: float) -> Item:
    """A labelled frame."""
    return Item(
        graph(frame, types, cutoff),
        torch.tensor(float(frame.get_potential_energy()), dtype=torch.float64),
        torch.tensor(frame.get_forces()),
        _tensor(stress_of(frame)),
    )


def perfect_item(label: CurvatureLabel, types: Sequence[str], cutoff: float) -> Item:
    """The supercell of second derivatives, without a probe."""
    energy = np.nan if label.energy is None else label.energy
    return Item(
        graph(label.perfect, types, cutoff),
        torch.tensor(float(energy), dtype=torch.float64),
        torch.tensor(label.forces),
        _tensor(np.full(6, np.nan) if label.stress is None else label.stress),
    )


def probed(item: Item, label: CurvatureLabel, vector: np.ndarray) -> Item:
    """The item with a probe v (N, 3) and its target Φ v."""
    data = {**item.data, VECTOR: torch.tensor(vector)}
    column = torch.tensor(label.product(vector))
    return Item(data, item.energy, item.forces, item.stress, column)


def probe(kind: str, n_atoms: int, generator: np.random.Generator) -> np.ndarray:
    """A vector (n_atoms, 3) of length 1: `one_hot`, or `random` over all atoms."""
    if kind == "random":
        vector = generator.normal(size=(n_atoms, 3))
        return vector / np.linalg.norm(vector)
    vector = np.zeros(3 * n_atoms)
    vector[generator.integers(3 * n_atoms)] = 1.0
    return vector.reshape(-1, 3)


def unit_vectors(atoms: Sequence[int] | np.ndarray, n_atoms: int) -> list[np.ndarray]:
    """The one-hot probes (n_atoms, 3) of some atoms in all three directions."""
    return list(
        np.eye(3 * n_atoms).reshape(n_atoms, 3, n_atoms, 3)[list(atoms)].reshape(-1, n_atoms, 3)
    )


def loss(model: torch.nn.Module, batch: Batch, weights: Weights) -> torch.Tensor:
    """L of the module's docstring for a batch; in training mode with its graph."""
    return weighted(errors(model(dict(batch.data)), batch), weights)


def errors(out: dict[str, torch.Tensor], batch: Batch) -> dict[str, torch.Tensor]:
    """The terms of the loss without their weights: a mean over frames, atoms or elements each.

    `energy` eV/atom, `force` eV/Å, `stress` eV/Å³ where some frame has one, `curvature` eV/Å² where
    there are probes.
    """
    counts = batch.data[AtomicDataDict.NUM_NODES_KEY].reshape(-1)
    terms = {
        "force": torch.linalg.vector_norm(
            out[AtomicDataDict.FORCE_KEY] - batch.forces, dim=1
        ).mean()
    }
    energy = out[AtomicDataDict.TOTAL_ENERGY_KEY].reshape(-1) - batch.energy
    labelled = torch.isfinite(batch.energy)
    if labelled.any():
        terms["energy"] = (energy[labelled].abs() / counts[labelled]).mean()
    labelled = torch.isfinite(batch.stress).all(dim=(1, 2))
    if labelled.any():
        stress = out[AtomicDataDict.STRESS_KEY].reshape(-1, 3, 3) - batch.stress
        terms["stress"] = stress[labelled].abs().mean()
    if batch.column is not None:
        terms["curvature"] = (out[PRODUCT] - batch.column).abs().mean()
    return terms


def weighted(terms: dict[str, torch.Tensor], weights: Weights) -> torch.Tensor:
    """Sum of the terms with their weights; a term that a frame has no label for is left out."""
    return torch.stack([getattr(weights, name) * value for name, value in terms.items()]).sum()


def _tensor(voigt: np.ndarray) -> torch.Tensor:
    return torch.tensor(voigt_6_to_full_3x3_stress(voigt)[None])
