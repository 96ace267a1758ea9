"""Properties behind force constants: against formulas for springs and against phonopy directly."""

from dataclasses import asdict

import numpy as np
import pytest
from models import CONVENTIONAL, silicon_phonons, silicon_primitive

from umklapp import config
from umklapp.crystals import phonopy_cells
from umklapp.lattice import force_constants, phonon_errors
from umklapp.transport import kappa_errors

CONDUCTIVITY = config.Conductivity(mesh=[5, 5, 5])


def test_springs_have_the_thermodynamics_of_oscillators():
    """Every atom on its own springs k_x, k_y, k_z: ω = √(k/m), Einstein's S, F and C_V."""
    primitive = silicon_primitive()
    cube = phonopy_cells.supercell(primitive, CONVENTIONAL)
    k = np.array([5.0, 5.5, 6.0])
    array = np.zeros((8, 8, 3, 3))
    array[np.arange(8), np.arange(8)] = np.diag(k)
    model = phonopy_cells.harmonic_calculation(primitive, cube)
    model.force_constants = array  # past the acoustic sum rule, which springs do not have
    found = phonon_errors.harmonic_properties(model)
    omega = np.sqrt(k * 1.602176634e-19 * 1e20 / (28.0855 * 1.66053907e-27))
    assert found.omega_max_THz == pytest.approx(omega[2] / (2 * np.pi * 1e12), rel=1e-3)
    x = 1.054571817e-34 * omega / (1.380649e-23 * 300)
    gas = 2 * 8.314462618  # of two atoms
    capacity = gas * (x**2 * np.exp(x) / np.expm1(x) ** 2).sum()
    entropy = gas * (x / np.expm1(x) - np.log(-np.expm1(-x))).sum()
    free = gas * 300 * (x / 2 + np.log(-np.expm1(-x))).sum() / 1e3
    assert found.heat_capacity_J_per_K_mol == pytest.approx(capacity, rel=2e-3)
    assert found.entropy_J_per_K_mol == pytest.approx(entropy, rel=2e-3)
    assert found.free_energy_kJ_per_mol == pytest.approx(free, abs=0.02)


def test_properties_of_a_calculation_and_their_differences():
    phonon = silicon_phonons()
    found = kappa_errors.properties(phonon, CONDUCTIVITY, -0.05, [5, 5, 5])
    primitive, perfect = map(phonopy_cells.from_phonopy, (phonon.primitive, phonon.supercell))
    full = force_constants.full_fc2(phonon)
    again = phonon_errors.of_supercell(primitive, perfect, full, [5, 5, 5])
    for name, value in asdict(again).items():
        assert getattr(found, name) == pytest.approx(value, abs=1e-4)
    assert found.kappa_W_per_mK > 10
    phonon.fc2 = 1.21 * phonon.fc2
    stiffer = kappa_errors.properties(phonon, CONDUCTIVITY, -0.05, [5, 5, 5])
    error = phonon_errors.differences(stiffer, found)
    assert error.omega_max_THz == pytest.approx(0.1 * found.omega_max_THz, rel=1e-4)


def test_third_order_error():
    reference = silicon_phonons().fc3
    error = phonon_errors.third_order_error(0.9 * reference, reference)
    assert error.relative == pytest.approx(0.1)
    assert error.mae_meV_per_A3 == pytest.approx(100 * np.abs(reference).mean())
