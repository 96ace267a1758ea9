"""A model in the worker: built from options, kept in a file, evaluated on frames."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO

import numpy as np
import torch

from . import architectures
from .frames import Frame
from .graphs import Edges, batch_of, edges_of
from .messages import Arrays

VOIGT = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))
MAX_ATOMS = 1024
"""Frames are evaluated together up to so many atoms."""


class Model:
    """Network and what belongs to it.

    Args:
        backend: `so3krates` or `mace`. options: as `architectures.build`, and `shift`, the energy
        per atom (eV) that is added in double precision.
    """

    def __init__(self, backend: str, options: Mapping[str, Any]) -> None:
        self.backend, self.options = backend, dict(options)
        card = os.environ.get("UMKLAPP_DEVICE") != "cpu" and torch.cuda.is_available()
        self.device = "cuda" if card else "cpu"
        self.network = architectures.build(backend, options).to(self.device)
        self.dtype = architectures.dtype_of(options)
        self.cutoff = float(options["settings"]["cutoff"])

    def weights(self) -> bytes:
        """State of the network."""
        content = io.BytesIO()
        torch.save(self.network.state_dict(), content)
        return content.getvalue()

    def restore(self, stream: BinaryIO) -> None:
        """Take the state that `weights` gave; tensors only, nothing is executed."""
        state = torch.load(stream, map_location=self.device, weights_only=True)
        self.network.load_state_dict(state)

    def batch(
        self, frames: Sequence[Frame], edges: Sequence[Edges] | None = None
    ) -> dict[str, torch.Tensor]:
        """Graphs of some frames."""
        near = edges or [edges_of(frame, self.cutoff) for frame in frames]
        return batch_of(frames, near, self.options["species"], self.dtype, self.device)

    def outputs(
        self, batch: dict[str, torch.Tensor], training: bool, stress: bool = True
    ) -> dict[str, torch.Tensor]:
        """`energy` (n,) eV without the shift, `forces` (ΣN, 3), `stress` (n, 3, 3)."""
        return self.network(dict(batch), training=training, compute_stress=stress)

    def predict(self, batch: dict[str, torch.Tensor]) -> Arrays:
        """Energies (n,) eV, forces (ΣN, 3) eV/Å, stresses (n, 6) eV/Å³."""
        out = self.outputs(batch, training=False)
        sizes = np.diff(batch["ptr"].cpu().numpy())
        tensor = _numpy(out["stress"]).reshape(-1, 3, 3)
        return {
            "energy": _numpy(out["energy"]).reshape(-1) + self.options["shift"] * sizes,
            "forces": _numpy(out["forces"]),
            "stress": np.stack([tensor[:, i, j] for i, j in VOIGT], axis=1),
        }

    def features(self, batch: dict[str, torch.Tensor]) -> np.ndarray:
        """Invariant features (ΣN, d)."""
        return _numpy(architectures.invariant_features(self.backend, self.network, dict(batch)))

    def hessian_vector_product(self, frame: Frame, vector: np.ndarray) -> np.ndarray:
        """∂²E/∂R∂R · vector, (N, 3), by a second backward pass."""
        batch = self.batch([frame])
        positions = batch["positions"].requires_grad_(True)
        forces = self.outputs(batch, training=True, stress=False)["forces"]
        along = torch.tensor(vector, dtype=self.dtype, device=self.device)
        (product,) = torch.autograd.grad((forces * along).sum(), positions)
        return -_numpy(product)


def chunks(frames: Sequence[Frame], most: int = MAX_ATOMS) -> list[list[Frame]]:
    """Frames in groups of at most so many atoms (or one frame)."""
    groups: list[list[Frame]] = []
    count = 0
    for frame in frames:
        if not groups or count + len(frame.numbers) > most:
            groups.append([])
            count = 0
        groups[-1].append(frame)
        count += len(frame.numbers)
    return groups


def _numpy(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().cpu().numpy().astype(float)
