"""What wrong force constants do to what is read off them: ω_max, S, F, C_V at 300 K, fc3.

The first four are those of the MDR comparison [Koker et al., arXiv:2601.07742, and Loew et al.].
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from ase import Atoms
from phonopy import Phonopy

from umklapp.crystals import phonopy_cells
from umklapp.lattice import phonons

NAMES = {
    "omega_max_THz": "highest",
    "lowest_THz": "lowest",
    "entropy_J_per_K_mol": "entropy",
    "free_energy_kJ_per_mol": "free_energy",
    "heat_capacity_J_per_K_mol": "heat_capacity",
}

MESH = (11, 11, 11)
"""Of the properties: a comparison needs the same points, not all of them."""


def harmonic_properties(model: Phonopy, mesh: Sequence[int] = MESH) -> dict[str, float]:
    """ω_max and ω_min (THz), S, C_V (J/(K mol)) and F (kJ/mol) per primitive cell at 300 K."""
    thermal = phonons.thermodynamics(model, mesh)
    return {name: float(getattr(thermal, field)) for name, field in NAMES.items()}


def of_supercell(
    primitive: Atoms, perfect: Atoms, array: np.ndarray, mesh: Sequence[int] = MESH
) -> dict[str, float]:
    """`harmonic_properties` of full force constants (N, N, 3, 3) eV/Å² of a supercell."""
    model = phonopy_cells.harmonic_calculation(primitive, perfect)
    model.force_constants = array
    model.symmetrize_force_constants()
    return harmonic_properties(model, mesh)


def differences(computed: Mapping[str, float], reference: Mapping[str, float]) -> dict[str, float]:
    """|computed − reference| of every property that both have."""
    return {name: abs(computed[name] - reference[name]) for name in computed if name in reference}


def third_order_error(computed: np.ndarray, reference: np.ndarray) -> dict[str, float]:
    """Mean |Δ| of all elements of fc3 (meV/Å³), and |Δ| over |reference| as norms."""
    difference = computed - reference
    return {
        "fc3_mae_meV_per_A3": 1e3 * float(np.abs(difference).mean()),
        "fc3_relative": float(np.linalg.norm(difference) / np.linalg.norm(reference)),
    }
