"""Frames as the graphs that NequIP models take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from ase import Atoms
from nequip.data import AtomicDataDict, compute_neighborlist_, from_ase


def graph(atoms: Atoms, types: Sequence[str], cutoff: float) -> dict[str, torch.Tensor]:
    """NequIP data of a frame with its neighbours within the cutoff (Å)."""
    keys = (AtomicDataDict.POSITIONS_KEY, AtomicDataDict.CELL_KEY, AtomicDataDict.PBC_KEY)
    bare = from_ase(Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=True))
    data = {key: bare[key] for key in keys}
    symbols = atoms.get_chemical_symbols()
    data[AtomicDataDict.ATOM_TYPE_KEY] = torch.tensor([types.index(name) for name in symbols])
    return compute_neighborlist_(data, cutoff)


def joined(graphs: Sequence[Mapping[str, torch.Tensor]], device: str) -> dict[str, torch.Tensor]:
    """One disjoint graph of several frames, on a device."""
    data = AtomicDataDict.batched_from_list([dict(one) for one in graphs])
    return {key: value.to(device) for key, value in data.items()}
