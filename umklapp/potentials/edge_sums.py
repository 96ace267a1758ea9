"""Sums over edges and atoms of a graph, on the device of its tensors: only the sums leave it."""

from __future__ import annotations

import numpy as np
import torch


def forces(gradient: torch.Tensor, source: torch.Tensor) -> torch.Tensor:
    """Forces (N, 3) eV/Å on atoms whose edges have r_ab = r_b − r_a.

    F_a = Σ_b ∂E/∂r_ab − Σ_b ∂E/∂r_ba.

    Args:
        gradient: ∂E/∂vectors, (N, M, 3) eV/Å. source: (N, M) number of the neighbour.
    """
    pull = torch.zeros_like(gradient[:, 0])
    pull.index_add_(0, source.reshape(-1), gradient.reshape(-1, 3))
    return gradient.sum(dim=1) - pull


def of_frames(values: torch.Tensor, frame_of: torch.Tensor, frames: int) -> torch.Tensor:
    """Sums (n, …) over the atoms of every frame.

    Args:
        values: (N, …). frame_of: (N,) number of the frame. frames: n.
    """
    return values.new_zeros((frames, *values.shape[1:])).index_add_(0, frame_of, values)


def virials(
    vectors: torch.Tensor, gradient: torch.Tensor, frame_of: torch.Tensor, frames: int
) -> torch.Tensor:
    """Σ_ab r_ab ∂E/∂r_ab of every frame, (n, 3, 3) eV: its volume times the stress of ASE.

    Args:
        vectors: (N, M, 3) Å. gradient: ∂E/∂vectors, (N, M, 3) eV/Å. frame_of: (N,). frames: n.
    """
    return of_frames(torch.einsum("nma,nmb->nab", vectors, gradient), frame_of, frames)


def spread(member_forces: torch.Tensor) -> torch.Tensor:
    """u_I = sqrt(mean_k |F_kI − ⟨F_I⟩|²), (N,) eV/Å, as `contract.spread_of_forces`.

    Args:
        member_forces: (K, N, 3) eV/Å.
    """
    if len(member_forces) == 1:
        return torch.zeros_like(member_forces[0, :, 0])
    deviation = member_forces - member_forces.mean(dim=0)
    return deviation.square().sum(dim=2).mean(dim=0).sqrt()


def on_host(*tensors: torch.Tensor) -> list[np.ndarray]:
    """Tensors as arrays in double precision, all by one copy: the device is waited for once."""
    flat = torch.cat([tensor.reshape(-1).double() for tensor in tensors]).cpu().numpy()
    ends = np.cumsum([tensor.numel() for tensor in tensors])[:-1]
    parts = zip(np.split(flat, ends), tensors, strict=True)
    return [part.reshape(tuple(tensor.shape)) for part, tensor in parts]
