"""How large the cells of a material are, before and after they are built.

Memory and wall time that a job asks for grow with its cell. Before the structure exists the size
comes from the configuration and the table; afterwards from `structure.json`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from umklapp.config import WHICH, Materials, Seed
from umklapp.config.base import NearlyCubic
from umklapp.config.crystal import DisplacedSeed
from umklapp.crystals.materials import published_size
from umklapp.files import json_of

REFERENCE = 64
"""Atoms of the cell that the numbers in the rules are for."""


def labelled(seeds: Sequence[Seed]) -> str:
    """The cell that time and memory of a label go by: the phonon supercell where seeds are in it.

    A cell of a seed's own counts as large as the phonon supercell.
    """
    own = any(isinstance(seed, DisplacedSeed) and seed.supercell is not None for seed in seeds)
    return "phonon" if own else "sampling"


def expected(row: pd.Series, settings: Materials) -> dict[str, int]:
    """Atoms of the primitive cell and the two supercells, as far as the table tells.

    Where nothing is known (`materials.cells`) a cell of `REFERENCE` atoms is taken.
    """
    text = str(row["n_primitive"]).strip()
    primitive = int(text) if text.isdecimal() else 2
    n_atoms = {"primitive": primitive}
    for which in WHICH:
        said = settings.supercell(which, str(row["material"]))
        if isinstance(said, list):
            n_atoms[which] = max(1, round(abs(np.linalg.det(np.array(said, float))))) * primitive
        elif isinstance(said, NearlyCubic):
            n_atoms[which] = said.atoms
        else:
            n_atoms[which] = (published_size(row) if said == "published" else None) or REFERENCE
    return n_atoms


def built(structure: Path) -> dict[str, int] | None:
    """Atoms of the cells as they were built; None where there is no readable structure.json."""
    try:
        return {name: int(count) for name, count in json_of(structure.read_text())["atoms"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def growth(atoms: int, power: float) -> float:
    """(atoms / `REFERENCE`)^power, never below 1: small cells are not worth a smaller request."""
    return max(1.0, (atoms / REFERENCE) ** power)


def mesh_minutes(mesh: Sequence[int], primitive: int) -> float:
    """Wall time of three-phonon scattering on a mesh of q-points (minutes).

    0.2 min × (points / 343)² × (atoms of the primitive cell / 2)²: three times what a crystal
    without symmetry took (exponents 1.9 and 2.2; benchmarks/kappa_mesh.py). Symmetry makes it less.

    Args:
        mesh: points along each reciprocal vector. primitive: atoms of the primitive cell.
    """
    return 0.2 * (math.prod(mesh) / 343) ** 2 * (primitive / 2) ** 2


def request(start: float, attempt: int, factor: float, limit: float | None) -> int:
    """What a job asks for: `start` × attempt × factor, rounded up, at most `limit`."""
    wanted = int(np.ceil(start * attempt * factor))
    return wanted if limit is None else int(min(wanted, limit))


def factor(factors: Mapping[str, float], rule: str) -> float:
    """The configured multiplier of a rule: its own, else `default`, else 1."""
    return factors.get(rule, factors.get("default", 1.0))
