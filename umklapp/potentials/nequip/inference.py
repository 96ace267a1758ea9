"""Evaluation of a trained NequIP model on batches of frames, with NequIP's own modules (eager).

Committees run on the compiled graph (`engine`); this is their fallback and what it is tested by.
"""

from __future__ import annotations

import copy
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
from umklapp.potentials.contract import Prediction
from umklapp.potentials.nequip import checkpoint_file
from umklapp.potentials.nequip.derivatives import PRODUCT, VECTOR

PRECISION = ("model_dtype", "_output_dtype")
"""Attributes of NequIP's modules that say which precision they compute in."""

PACKAGE = ".nequip.zip"
"""Ending of NequIP's packages, which hold code by their nature."""


class NequipPotential:
    """A trained model on one device.

    Args:
        model: NequIP graph model built by `NequIPHessianModel`.
        max_atoms: frames are evaluated together up to so many atoms.
    """

    def __init__(
        self, model: torch.nn.Module, device: str | None = None, max_atoms: int = 1024
    ) -> None:
        self.device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        self.model = model.eval().to(self.device)
        for parameter in self.model.parameters():
            parameter.requires_grad_(False)
        self.types = {name: number for number, name in enumerate(model.type_names)}
        self.cutoff = float(model.metadata["r_max"])
        self.max_atoms = max_atoms

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

    def in_double(self) -> NequipPotential:
        """The same weights with all arithmetic in double precision."""
        model = copy.deepcopy(self.model).double()
        for module in model.modules():
            for name in PRECISION:
                if getattr(module, name, None) is torch.float32:
                    setattr(module, name, torch.float64)
        return NequipPotential(model, self.device, self.max_atoms)

    def evaluate(self, frames: Sequence[Atoms]) -> Prediction:
        """Energies, forces and stresses of all frames.

        Raises:
            CalculationError: a frame has a species that the model was not trained on.
        """
        energy: list[np.ndarray] = []
        forces: list[np.ndarray] = []
        stress: list[np.ndarray] = []
        for batch in self._batches(frames):
            data = self._data(batch)
            out = self.model(data)
            energy.append(_numpy(out[AtomicDataDict.TOTAL_ENERGY_KEY]).reshape(-1))
            parts = np.cumsum([len(atoms) for atoms in batch])[:-1]
            forces.extend(np.split(_numpy(out[AtomicDataDict.FORCE_KEY]), parts))
            tensor = _numpy(out[AtomicDataDict.STRESS_KEY]).reshape(-1, 3, 3)
            stress.append(full_3x3_to_voigt_6_stress(tensor))
        if not energy:
            return Prediction(np.empty(0), [], np.empty((0, 6)))
        return Prediction(np.concatenate(energy), forces, np.concatenate(stress))

    def hessian_vector_product(self, atoms: Atoms, vector: np.ndarray) -> np.ndarray:
        """∂²E/∂R∂R · vector; vector and result: (n_atoms, 3)."""
        data = self._data([atoms])
        data[VECTOR] = torch.as_tensor(np.array(vector, float), device=self.device)
        return _numpy(self.model(data)[PRODUCT])

    def features(self, frames: Sequence[Atoms]) -> list[np.ndarray]:
        """Invariant features of the last layer: n_frames arrays (n_atoms, d)."""
        found: list[np.ndarray] = []
        for batch in self._batches(frames):
            values = _numpy(self.model(self._data(batch))[AtomicDataDict.NODE_FEATURES_KEY])
            found.extend(np.split(values, np.cumsum([len(atoms) for atoms in batch])[:-1]))
        return found

    def _batches(self, frames: Sequence[Atoms]) -> list[list[Atoms]]:
        batches: list[list[Atoms]] = []
        count = 0
        for frame in frames:
            if not batches or count + len(frame) > self.max_atoms:
                batches.append([])
                count = 0
            batches[-1].append(frame)
            count += len(frame)
        return batches

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
