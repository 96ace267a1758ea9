"""Evaluation of a trained NequIP model on batches of frames, with NequIP's own modules (eager).

Committees run on the compiled graph (`engine`); this is their fallback and what it is tested by.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from ase import Atoms
from ase.stress import full_3x3_to_voigt_6_stress
from nequip.data import AtomicDataDict, compute_neighborlist_, from_ase
from nequip.model.saved_models.load_utils import load_saved_model
from nequip.utils.global_state import set_global_state

from umklapp.errors import CalculationError, InputError
from umklapp.logs import without_warnings
from umklapp.potentials.batches import Batches
from umklapp.potentials.contract import Prediction
from umklapp.potentials.device import chosen
from umklapp.potentials.nequip import checkpoint_file
from umklapp.potentials.nequip.derivatives import PRODUCT, VECTOR

log = logging.getLogger(__name__)

PACKAGE = ".nequip.zip"
"""Ending of NequIP's packages, which hold code by their nature."""


class NequipPotential:
    """A trained model on one device.

    Args:
        model: NequIP graph model built by `NequIPHessianModel`.
        max_atoms: frames are evaluated together up to so many atoms.

    why_eager: said once, when it evaluates on its own; None where it was said already.
    """

    def __init__(
        self, model: torch.nn.Module, device: str | None = None, max_atoms: int = 1024
    ) -> None:
        self.device = device or chosen()
        self.model = model.eval().to(self.device)
        for parameter in self.model.parameters():
            parameter.requires_grad_(False)
        self.types = {name: type_index for type_index, name in enumerate(model.type_names)}
        self.cutoff = float(model.metadata["r_max"])
        self.batches = Batches(max_atoms)
        self.why_eager: str | None = "no compiled graph was given"

    @classmethod
    def load(cls, path: Path, device: str | None = None) -> NequipPotential:
        """Model of a checkpoint, with its EMA weights.

        Raises:
            InputError: the file is no checkpoint of this builder (`checkpoint_file.read`).
        """
        torch.set_num_threads(1)
        set_global_state()
        if not str(path).endswith(PACKAGE):
            checkpoint_file.read(path)
        try:
            with without_warnings():
                model = load_saved_model(path)
        except Exception as error:  # torch, lightning and hydra have no common error
            raise InputError(f"{path}: cannot be loaded as a NequIP checkpoint: {error}") from None
        return cls(model, device)

    def evaluate(self, frames: Sequence[Atoms]) -> Prediction:
        """Energies, forces and stresses of all frames.

        Raises:
            CalculationError: a frame has a species that the model was not trained on.
        """
        self._say_why()
        parts = self.batches.map(
            lambda begin, end: self._predict(frames[begin:end]), [len(frame) for frame in frames]
        )
        if not parts:
            return Prediction(np.empty(0), [], np.empty((0, 6)))
        return Prediction(
            np.concatenate([part.energy for part in parts]),
            [forces for part in parts for forces in part.forces],
            np.concatenate([part.stress for part in parts]),
        )

    def _say_why(self) -> None:
        """Once per model: nothing runs on the slow path without a line in the log."""
        if self.why_eager is not None:
            log.info(f"eager evaluation: {self.why_eager}")
            self.why_eager = None

    def _predict(self, batch: Sequence[Atoms]) -> Prediction:
        out = self.model(self._data(batch))
        ends = np.cumsum([len(atoms) for atoms in batch])[:-1]
        tensor = _numpy(out[AtomicDataDict.STRESS_KEY]).reshape(-1, 3, 3)
        return Prediction(
            _numpy(out[AtomicDataDict.TOTAL_ENERGY_KEY]).reshape(-1),
            np.split(_numpy(out[AtomicDataDict.FORCE_KEY]), ends),
            full_3x3_to_voigt_6_stress(tensor),
        )

    def hessian_vector_product(self, atoms: Atoms, vector: np.ndarray) -> np.ndarray:
        """∂²E/∂R∂R · vector; vector and result: (n_atoms, 3)."""
        data = self._data([atoms])
        data[VECTOR] = torch.as_tensor(np.array(vector, float), device=self.device)
        return _numpy(self.model(data)[PRODUCT])

    def features(self, frames: Sequence[Atoms]) -> list[np.ndarray]:
        """Invariant features of the last layer: n_frames arrays (n_atoms, d)."""

        def describe(begin: int, end: int) -> list[np.ndarray]:
            batch = frames[begin:end]
            values = _numpy(self.model(self._data(batch))[AtomicDataDict.NODE_FEATURES_KEY])
            return np.split(values, np.cumsum([len(atoms) for atoms in batch])[:-1])

        parts = self.batches.map(describe, [len(frame) for frame in frames])
        return [features for part in parts for features in part]

    def _data(self, batch: Sequence[Atoms]) -> AtomicDataDict.Type:
        items = []
        for frame in batch:
            unknown = sorted(set(frame.get_chemical_symbols()) - set(self.types))
            if unknown:
                raise CalculationError(
                    f"the model knows {sorted(self.types)}, the frame has {unknown}"
                )
            atoms = Atoms(frame.numbers, cell=frame.cell, positions=frame.positions, pbc=True)
            data = from_ase(atoms)
            data[AtomicDataDict.ATOM_TYPE_KEY] = torch.tensor(
                [self.types[symbol] for symbol in atoms.get_chemical_symbols()]
            )
            items.append(compute_neighborlist_(data, self.cutoff))
        data = AtomicDataDict.batched_from_list(items)
        return {key: value.to(self.device) for key, value in data.items()}


def _numpy(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().cpu().numpy().astype(float)
