"""Models that a training starts from: what they are, whether they fit, and taking them over.

The child is built from its own arguments and given the parent's weights, restricted to its own
species. Its checkpoint is complete: the parent's file may go.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ase import Atoms

from umklapp import config
from umklapp.config.backends import BACKENDS
from umklapp.errors import InputError
from umklapp.potentials import architectures
from umklapp.potentials.nequip import checkpoint_file
from umklapp.potentials.nequip.inference import NequipPotential

KEYS = {
    "cutoff": "r_max",
    "layers": "num_layers",
    "l_max": "l_max",
    "parity": "parity",
    "features": "num_features",
    "radial_width": "radial_mlp_width",
    "bessel": "num_bessels",
    "dtype": "model_dtype",
}
"""Key of `potential` → argument of NequIP's builder."""

FIXED = {
    "radial_mlp_depth": 1,
    "polynomial_cutoff_p": 6,
    "type_embed_num_features": None,
    "readout_mlp_hidden_layers_depth": 0,
    "per_edge_type_cutoff": None,
    "pair_potential": None,
    "categorical_graph_field_embed": None,
}
"""Arguments that are the same in every model of umklapp."""


@dataclass(frozen=True)
class Parent:
    """A model that was read; `arguments` of its builder are not known of a package."""

    path: Path
    potential: NequipPotential
    arguments: Mapping[str, Any] | None

    @property
    def types(self) -> list[str]:
        """Chemical symbols in the model's order."""
        return list(self.potential.types)


def read(path: Path) -> Parent:
    """Model (EMA weights) of a NequIP checkpoint, or of a package (`.nequip.zip`).

    Raises:
        InputError: there is no such file, or it is neither.
    """
    path = Path(path).resolve()
    if not path.is_file():
        raise InputError(f"{path} does not exist: it is to be what a training starts from")
    return Parent(path, NequipPotential.load(path, device="cpu"), _arguments(path))


def _arguments(path: Path) -> Mapping[str, Any] | None:
    if path.suffix == ".zip":
        return None
    checkpoint = checkpoint_file.read(path)
    recorded: dict[str, Any] = dict(checkpoint["hyper_parameters"]["model"])
    target = recorded.pop("_target_")
    if target.endswith("ModelFromCheckpoint"):  # the parent of the parent has them
        return _arguments(Path(recorded["checkpoint_path"]))
    return None if target.endswith("ModelFromPackage") else recorded


def check(parent: Parent, settings: config.Potential, species: Sequence[str]) -> None:
    """Can a model of these settings for these species start from it?

    Raises:
        InputError: a species that the parent lacks (both sets are named), or another architecture
            (key and both values are named).
    """
    where = str(parent.path)
    lacking = sorted(set(species) - set(parent.types))
    if lacking:
        raise InputError(
            f"{where} knows {sorted(parent.types)}, the material has {sorted(set(species))}: a "
            f"start without {', '.join(lacking)} cannot be used"
        )
    given = dict(parent.arguments or {})
    if not given:
        metadata = parent.potential.model.metadata
        given = {"r_max": float(metadata["r_max"]), "model_dtype": metadata["model_dtype"]}
    if isinstance(given.get("num_features"), int):
        given["num_features"] = [given["num_features"]] * (int(given.get("l_max", 1)) + 1)
    keys = BACKENDS[settings.backend].keys
    for key, name in KEYS.items():
        if key not in keys:
            continue
        ours = getattr(settings, key)
        if name in given and given[name] != ours:
            theirs = given[name]
            raise InputError(
                f"{where} has another architecture: its {key} ({name}) is {theirs}, "
                f"potential.{key} is {ours}; set that to {theirs}, or take another start"
            )
    if settings.backend != "nequip":
        return  # what else there is shows when its weights are taken over
    width = settings.features[0]
    for name, ours in FIXED.items():
        theirs = given.get(name, ours)
        if theirs != ours and not (name == "type_embed_num_features" and theirs == width):
            raise InputError(
                f"{where} has another architecture: its {name} is {theirs}, in umklapp it is "
                f"{ours}; take another start"
            )


def species_shifts(
    types: Sequence[str], frames: Sequence[Atoms], energies: np.ndarray
) -> dict[str, float]:
    """Energy per species that explains energies of frames best, in the least-squares sense.

        min_s Σ_n [ (E_n − Σ_t N_nt s_t) / N_n ]²

    Of compositions that leave some sums of s open (one stoichiometry leaves all but one) the
    solution of least norm is taken.

    Args:
        types: T symbols. frames: n. energies: (n,) eV.

    Returns:
        s in eV by symbol.
    """
    symbols = [frame.get_chemical_symbols() for frame in frames]
    counts = np.array([[atoms.count(name) for name in types] for atoms in symbols], float)
    sizes = counts.sum(axis=1)
    shifts = np.linalg.lstsq(counts / sizes[:, None], energies / sizes, rcond=1e-8)[0]
    return dict(zip(types, map(float, shifts), strict=True))


def other_zero(parent: Parent, frames: Sequence[Atoms]) -> dict[str, float]:
    """By how much labels lie above the parent's energies, per species (eV)."""
    labels = np.array([frame.get_potential_energy() for frame in frames])
    types = sorted({symbol for frame in frames for symbol in frame.get_chemical_symbols()})
    return species_shifts(types, frames, labels - parent.potential.evaluate(frames).energy)


def arguments(
    parent: Parent,
    settings: config.Potential,
    seed: int,
    types: Sequence[str],
    zero: Mapping[str, float] | None,
) -> dict[str, Any]:
    """Arguments of the configured builder for a child with some of the parent's species.

    Args:
        types: of the child. zero: added to the parent's energy shifts (eV by symbol).
    """
    tensors = _tensors(parent.potential.model)
    rows = [parent.types.index(name) for name in types]
    scales, shifts = (
        _of_types(tensors, f"per_type_energy_scale_shift.{name}", types, rows)
        for name in ("scales", "shifts")
    )
    if zero is not None:
        old = shifts if isinstance(shifts, dict) else dict.fromkeys(types, shifts)
        shifts = {name: old[name] + zero[name] for name in types}
    neighbours = (parent.arguments or {}).get("avg_num_neighbors")
    if isinstance(neighbours, Mapping):
        neighbours = {name: neighbours[name] for name in types}
    if neighbours is None:
        constant = _of_types(tensors, "avg_num_neighbors_norm.norm_const", types, rows)
        neighbours = (
            {name: value**-2 for name, value in constant.items()}
            if isinstance(constant, dict)
            else constant**-2
        )
    return {
        **architectures.architecture(settings)[1](settings, seed, types),
        "avg_num_neighbors": neighbours,
        "per_type_energy_scales": scales,
        "per_type_energy_shifts": shifts,
    }


def _tensors(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {**dict(network.named_parameters()), **dict(network.named_buffers())}


def _of_types(
    tensors: Mapping[str, torch.Tensor], ending: str, types: Sequence[str], rows: Sequence[int]
) -> float | dict[str, float]:
    value = next(tensor for name, tensor in tensors.items() if name.endswith(ending)).reshape(-1)
    if value.numel() == 1:
        return float(value)
    return {name: float(value[row]) for name, row in zip(types, rows, strict=True)}


def take_over(parent: Parent, child: torch.nn.Module, frame: Atoms) -> None:
    """Give the child the parent's weights, and see that its forces are the parent's.

    Args:
        child: graph model built with `arguments`. frame: to compare on.

    Raises:
        InputError: they are of different architectures.
    """
    rows = [parent.types.index(name) for name in child.type_names]
    ours, theirs = _tensors(child), _tensors(parent.potential.model)
    for name, value in ours.items():
        if "per_type_energy_scale_shift" in name or name.endswith("norm_const"):
            continue
        source = theirs.get(name)
        if source is not None and name.endswith("embed_module.weight"):
            source = source[rows]
        if source is None or source.shape != value.shape:
            shape = "missing" if source is None else tuple(source.shape)
            raise InputError(
                f"{parent.path} has another architecture: {name} is {shape}, "
                f"{tuple(value.shape)} is configured under potential"
            )
        with torch.no_grad():
            value.copy_(source)
    copied = NequipPotential(copy.deepcopy(child), "cpu").evaluate([frame]).forces[0]
    wanted = parent.potential.evaluate([frame]).forces[0]
    if not np.allclose(copied, wanted, atol=1e-4 * max(1.0, float(np.abs(wanted).max()))):
        raise InputError(
            f"{parent.path} has another architecture: with its weights the configured network has "
            f"other forces (by {np.abs(copied - wanted).max():.2g} eV/Å)"
        )
