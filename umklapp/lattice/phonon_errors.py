"""What wrong force constants do to what is read off them: ω_max, S, F, C_V at 300 K, fc3.

The first four are those of the MDR comparison [Koker et al., arXiv:2601.07742, and Loew et al.].
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TypeVar

import numpy as np
from ase import Atoms
from phonopy import Phonopy

from umklapp.crystals import phonopy_cells
from umklapp.lattice import phonons

MESH = (11, 11, 11)
"""Of the properties: a comparison needs the same points, not all of them."""


@dataclass(frozen=True)
class HarmonicProperties:
    """ω_max and ω_min, and S, F and C_V per primitive cell at 300 K."""

    omega_max_THz: float
    lowest_THz: float
    entropy_J_per_K_mol: float
    free_energy_kJ_per_mol: float
    heat_capacity_J_per_K_mol: float


Properties = TypeVar("Properties", bound=HarmonicProperties)


@dataclass(frozen=True)
class ThirdOrderError:
    """Mean |Δ| of all elements of fc3, and |Δ| over |reference| as norms."""

    mae_meV_per_A3: float
    relative: float


def harmonic_properties(model: Phonopy, mesh: Sequence[int] = MESH) -> HarmonicProperties:
    """What a harmonic model gives on a q-mesh."""
    thermal = phonons.thermodynamics(model, mesh)
    return HarmonicProperties(
        omega_max_THz=thermal.highest,
        lowest_THz=thermal.lowest,
        entropy_J_per_K_mol=thermal.entropy,
        free_energy_kJ_per_mol=thermal.free_energy,
        heat_capacity_J_per_K_mol=thermal.heat_capacity,
    )


def of_supercell(
    primitive: Atoms, perfect: Atoms, array: np.ndarray, mesh: Sequence[int] = MESH
) -> HarmonicProperties:
    """`harmonic_properties` of full force constants (N, N, 3, 3) eV/Å² of a supercell."""
    model = phonopy_cells.harmonic_calculation(primitive, perfect)
    model.force_constants = array
    model.symmetrize_force_constants()
    return harmonic_properties(model, mesh)


def differences(computed: Properties, reference: Properties) -> Properties:
    """|computed − reference| of every property."""
    wanted = asdict(reference)
    return type(computed)(
        **{name: abs(value - wanted[name]) for name, value in asdict(computed).items()}
    )


def third_order_error(computed: np.ndarray, reference: np.ndarray) -> ThirdOrderError:
    """Of fc3 (n, N, N, 3, 3, 3) eV/Å³."""
    difference = computed - reference
    return ThirdOrderError(
        mae_meV_per_A3=1e3 * float(np.abs(difference).mean()),
        relative=float(np.linalg.norm(difference) / np.linalg.norm(reference)),
    )
