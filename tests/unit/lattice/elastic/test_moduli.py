"""Averages and stability of elastic tensors, against another code and by hand."""

import json

import numpy as np
import pytest
from ase.build import bulk
from elastic_crystals import argon, hexagonal_silicon, measured
from matscipy.elasticity import elastic_moduli

from umklapp.lattice.elastic import moduli
from umklapp.reference import relaxation


def test_moduli_against_another_code(tmp_path):
    c = measured(hexagonal_silicon(tmp_path)).stiffness
    found = moduli.averages(c)
    assert found.bulk_voigt_GPa > found.bulk_reuss_GPa > 0
    assert found.shear_voigt_GPa > found.shear_GPa > found.shear_reuss_GPa
    assert found.anisotropy > 0
    assert found.bulk_reuss_GPa == pytest.approx(float(elastic_moduli(c)[3]), rel=1e-6)
    axes = np.random.default_rng(1).normal(size=(40, 3))
    young = [elastic_moduli(c, l=axis)[0][0] for axis in axes]
    assert min(young) < found.young_GPa < max(young)


def test_moduli_of_an_isotropic_body():
    lame, shear = 40.0, 30.0
    c = np.diag([2 * shear] * 3 + [shear] * 3)
    c[:3, :3] += lame
    found = moduli.averages(c)
    for kind in ("bulk_voigt_GPa", "bulk_reuss_GPa", "bulk_GPa"):
        assert getattr(found, kind) == pytest.approx(lame + 2 * shear / 3)
    for kind in ("shear_voigt_GPa", "shear_reuss_GPa", "shear_GPa"):
        assert getattr(found, kind) == pytest.approx(shear)
    assert found.young_GPa == pytest.approx(shear * (3 * lame + 2 * shear) / (lame + shear))
    assert found.poisson == pytest.approx(lame / (2 * (lame + shear)))
    assert found.anisotropy == pytest.approx(0, abs=1e-12)
    # Kelvin moduli: 3B once, 2G five times
    kelvin = moduli.stability(c, np.zeros(6)).kelvin_moduli_GPa
    np.testing.assert_allclose(kelvin, [60] * 5 + [3 * (lame + 20)])


def test_body_centred_argon_is_unstable(tmp_path):
    """Lennard-Jones prefers close packing: the Bain path, C11 − C12 < 0."""
    cell, _ = relaxation.relax_with(bulk("Ar", "bcc", a=4.2), argon(), tmp_path, 1e-6, 1e-9)
    found = measured(cell, argon(), fmax=1e-5).numbers()
    assert not found.stable
    assert found.bulk_GPa is None
    assert found.poisson is None
    assert len(found.failing) == 2
    for mode in found.failing:
        assert mode.modulus_GPa < 0
        assert sum(mode.strain[:3]) == pytest.approx(0, abs=1e-5)
        np.testing.assert_allclose(mode.strain[3:], 0, atol=1e-6)
    json.dumps(found.model_dump(mode="json"), allow_nan=False)


def test_pressure_can_break_stability():
    """Under pressure P a shear modulus is C44 − P."""
    c = np.diag([200.0, 200, 200, 20, 20, 20])
    assert moduli.stability(c, np.zeros(6)).stable
    pressed = moduli.stability(c, np.array([-21.0, -21, -21, 0, 0, 0]))
    assert len(pressed.failing) == 3
    assert pressed.failing[0].modulus_GPa == pytest.approx(2 * (20 - 21))
