"""The Taylor expansion of one supercell as a potential, alone and with a NequIP residual on top.

E(u) = E0 + ½ Φ2 u u + 1/6 Φ3 u u u + 1/24 Φ4 u u u u, F = −∂E/∂u, u the displacement from the
perfect supercell to the nearest image, without the drift of the whole crystal. It knows frames of
that supercell only and has no stress.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ase import Atoms

from umklapp.crystals import sites
from umklapp.errors import InputError
from umklapp.potentials import checkpoints
from umklapp.potentials.contract import Potential, Prediction
from umklapp.potentials.nequip.inference import NequipPotential
from umklapp.potentials.nequip.model import build

FORMAT = "umklapp taylor+nequip 1"
ARRAYS = ("harmonic", "cubic", "quartic", "quartic_index", "rows", "permutations")

LOST = 1.0
"""Bonds between an atom and its site beyond which an expansion about the site says nothing."""


def displacements(perfect: Atoms, frames: Sequence[Atoms]) -> np.ndarray:
    """Displacements of frames from the perfect supercell, (n_frames, N, 3) Å, nearest image.

    The mean over the atoms is removed: moving the whole crystal changes nothing.

    Raises:
        InputError: a frame has other atoms or another cell.
    """
    for frame_index, frame in enumerate(frames):
        if not sites.in_cell(frame, perfect, sites.SAME_CELL):
            raise InputError(
                f"frame {frame_index} ({frame.symbols}) is no displacement of the supercell "
                f"{perfect.symbols}: other atoms, order of atoms or cell"
            )
    return sites.of_frames(frames, perfect)


def without_hopped(perfect: Atoms, frames: Sequence[Atoms]) -> tuple[list[Atoms], int]:
    """Frames in which every atom is at its site, and how many others there are.

    An expansion about the sites describes them; of an atom that has hopped it says nothing, and
    forces of such a frame would spoil its derivatives.

    Raises:
        InputError: as `displacements`.
    """
    away = sites.hopped(displacements(perfect, frames), perfect)
    return [frame for frame, left in zip(frames, away, strict=True) if not left], int(away.sum())


@dataclass(frozen=True)
class TaylorModel:
    """Force constants of one supercell of N atoms with n_first primitive sites.

    perfect: the supercell; energy: E0 in eV; harmonic: (3N, 3N) eV/Å²; cubic: (n_first, N, N, 3,
    3, 3) eV/Å³; quartic: (n,) eV/Å⁴, the non-zero elements at quartic_index (8, n): atoms (first
    of them a row), then axes; rows: (N,) row of each atom; permutations: (N, N), the translation
    from the row's atom to each atom.
    """

    perfect: Atoms
    energy: float
    harmonic: np.ndarray
    cubic: np.ndarray
    quartic: np.ndarray
    quartic_index: np.ndarray
    rows: np.ndarray
    permutations: np.ndarray

    def evaluate(self, frames: Sequence[Atoms]) -> Prediction:
        """Energies and forces of all frames; stresses are NaN.

        Where an atom is farther from its site than a nearest neighbour the expansion says nothing:
        energy and forces of such a frame are NaN, and dynamics ends there.

        Raises:
            InputError: as `displacements`.
        """
        u = displacements(self.perfect, frames)
        energy, forces = self.expand(u)
        lost = sites.hopped(u, self.perfect, LOST)
        energy[lost], forces[lost] = np.nan, np.nan
        return Prediction(energy, list(forces), np.full((len(frames), 6), np.nan))

    def expand(self, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Energies (n_frames,) eV and forces (n_frames, N, 3) eV/Å at displacements u (Å).

        Every order is homogeneous, so its energy is −u·F/q.
        """
        terms = {2: self._harmonic(u), 3: self._cubic(u), 4: self._quartic(u)}
        energy = self.energy - sum((u * f).sum(axis=(1, 2)) / q for q, f in terms.items())
        return np.asarray(energy), np.asarray(sum(terms.values()))

    def _harmonic(self, u: np.ndarray) -> np.ndarray:
        return -(u.reshape(len(u), -1) @ self.harmonic.T).reshape(u.shape)

    def _cubic(self, u: np.ndarray) -> np.ndarray:
        n_first, n = self.cubic.shape[:2]
        tensor = self.cubic.transpose(0, 3, 1, 4, 2, 5).reshape(n_first, 3, 3 * n, 3 * n)
        out = np.empty_like(u)
        for atom, (row, permutation) in enumerate(zip(self.rows, self.permutations, strict=True)):
            moved = u[:, permutation].reshape(len(u), -1)
            for axis in range(3):
                out[:, atom, axis] = -0.5 * ((moved @ tensor[row, axis]) * moved).sum(axis=1)
        return out

    def _quartic(self, u: np.ndarray) -> np.ndarray:
        out = np.zeros_like(u)
        first, j, k, n, a, b, c, d = self.quartic_index
        for atom, (row, permutation) in enumerate(zip(self.rows, self.permutations, strict=True)):
            m, moved = first == row, u[:, permutation]
            product = self.quartic[m] * moved[:, j[m], b[m]] * moved[:, k[m], c[m]]
            product = product * moved[:, n[m], d[m]]
            for axis in range(3):
                out[:, atom, axis] = -product[:, a[m] == axis].sum(axis=1) / 6
        return out


class TaylorNequip:
    """Sum of a Taylor model and a NequIP model of what it leaves: E = E_Taylor + E_NequIP.

    Args:
        taylor: expansion of the sampling supercell.
        network: NequIP graph model built by `NequIPHessianModel(**options)`.
        options: of the builder, plain values.
    """

    def __init__(
        self, taylor: TaylorModel, network: torch.nn.Module, options: Mapping[str, Any]
    ) -> None:
        self.taylor = taylor
        self.network: Potential = NequipPotential(network)
        self.options = dict(options)
        self._weights = {name: value.cpu() for name, value in network.state_dict().items()}

    def evaluate(self, frames: Sequence[Atoms]) -> Prediction:
        """Energies and forces of all frames; stresses are NaN.

        Raises:
            InputError: as `displacements`.
        """
        smooth, rest = self.taylor.evaluate(frames), self.network.evaluate(frames)
        forces = [one + two for one, two in zip(smooth.forces, rest.forces, strict=True)]
        return Prediction(smooth.energy + rest.energy, forces, smooth.stress)

    def save(self, path: Path) -> None:
        """Write one file, atomically: arrays, weights and builder options, nothing pickled."""
        model = self.taylor
        content = {
            "format": FORMAT,
            "options": self.options,
            "weights": self._weights,
            "energy": model.energy,
            "numbers": torch.as_tensor(np.array(model.perfect.numbers)),
            "cell": torch.as_tensor(np.array(model.perfect.cell.array)),
            "positions": torch.as_tensor(np.array(model.perfect.positions)),
            **{name: torch.as_tensor(np.array(getattr(model, name))) for name in ARRAYS},
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        checkpoints.write(path, content)

    @classmethod
    def load(cls, path: Path) -> TaylorNequip:
        """The model of a file that `save` wrote.

        Raises:
            InputError: the file is of another format.
        """
        content = read(path)
        if content is None:
            raise InputError(f"{path}: no file of a Taylor expansion with NequIP")
        perfect = Atoms(
            content["numbers"].numpy(),
            cell=content["cell"].numpy(),
            positions=content["positions"].numpy(),
            pbc=True,
        )
        arrays = {name: content[name].numpy() for name in ARRAYS}
        network = build(content["options"])
        network.load_state_dict(content["weights"])
        taylor = TaylorModel(perfect, content["energy"], **arrays)
        return cls(taylor, network, content["options"])


def read(path: Path) -> dict[str, Any] | None:
    """Content of a file that `TaylorNequip.save` wrote, None for any other file."""
    try:
        content = torch.load(path, weights_only=True, map_location="cpu")
    except Exception:  # torch has no common error for what it cannot read
        return None
    matches = isinstance(content, dict) and content.get("format") == FORMAT
    return content if matches else None
