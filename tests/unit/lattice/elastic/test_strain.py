"""Elastic constants by strains: against analytic ones, other definitions, and other axes."""

import numpy as np
import pytest
from ase.build import bulk
from ase.optimize import BFGS
from ase.units import GPa
from conftest import silicon_engine
from elastic_crystals import RELAXED, argon, hexagonal_silicon, measured
from hypothesis import given, settings
from hypothesis import strategies as st
from logged import logged
from models import silicon_cubic, silicon_primitive, stillinger_weber
from scipy.spatial.transform import Rotation

from umklapp.errors import CalculationError
from umklapp.lattice.elastic import strain, tensor
from umklapp.reference import relaxation
from umklapp.reference.labelling import LabellingCalculator
from umklapp.reference.ledger import Ledger


def analytic(atoms):
    """C_IJ (GPa) by matscipy: Born term and non-affine part from analytic second derivatives."""
    large = atoms * (2, 2, 2)
    large.calc = stillinger_weber()
    found = large.calc.get_property("elastic_constants", large) / GPa
    return np.array([[found[one + two] for two in tensor.PAIRS] for one in tensor.PAIRS])


def stretched(diagonal=(1, 1, 1), shears=(0, 0, 0)):
    """Diamond under a strain, its ions at rest: less symmetry, and under stress."""
    deformation = np.diag(np.array(diagonal, float))
    for (i, j), shear in zip(((1, 2), (0, 2), (0, 1)), shears, strict=True):
        deformation[i, j] = deformation[j, i] = shear
    atoms = silicon_cubic()
    atoms.set_cell(atoms.cell.array @ deformation, scale_atoms=True)
    atoms.calc = stillinger_weber()
    BFGS(atoms, logfile=None).run(fmax=1e-9)
    return atoms


@pytest.mark.parametrize("cell", [silicon_primitive(RELAXED), bulk("Si", a=RELAXED, cubic=True)])
def test_silicon_agrees_with_analytic_constants(cell):
    found = measured(cell)
    exact = analytic(bulk("Si", a=RELAXED, cubic=True))
    np.testing.assert_allclose(found.stiffness, exact, rtol=1e-3, atol=1e-3)
    assert found.stiffness[0, 0] == pytest.approx(151.4, rel=2e-3)  # a published value
    assert np.abs(found.residual).max() < 0.01
    assert found.fit_error < 0.1
    assert found.largest_force <= 1e-6


def test_relaxation_of_the_ions_matters():
    """Clamped ions make C44 of diamond nearly twice as stiff; C11 and C12 are the same."""
    cell = silicon_primitive(RELAXED)
    clamped = measured(cell, fmax=1e3)
    relaxed = measured(cell)
    assert clamped.stiffness[3, 3] > 1.5 * relaxed.stiffness[3, 3]
    assert clamped.stiffness[0, 0] == pytest.approx(relaxed.stiffness[0, 0], rel=1e-3)


def test_hexagonal_crystal_with_an_inner_coordinate(tmp_path):
    cell = hexagonal_silicon(tmp_path)
    found = measured(cell)
    np.testing.assert_allclose(found.stiffness, analytic(cell), rtol=1e-3, atol=2e-3)
    c = found.standard
    assert (found.group.laue, found.group.independent) == ("6/mmm", 5)
    assert c[5, 5] == pytest.approx((c[0, 0] - c[0, 1]) / 2)
    assert found.asymmetry < 0.05


def test_central_forces_obey_cauchy(tmp_path):
    cell, _ = relaxation.relax_with(bulk("Ar", a=5.3), argon(), tmp_path, 1e-6, 1e-9)
    c = measured(cell, argon(), fmax=1e-5).stiffness
    assert c[0, 1] == pytest.approx(c[3, 3], rel=2e-3)
    assert c[0, 0] > c[0, 1] > 0


@pytest.mark.parametrize(
    ("diagonal", "shears", "laue", "constants"),
    [
        ((1, 1, 1), (0.01, 0.01, 0.01), "-3m", 6),
        ((1, 1, 1.02), (0, 0, 0), "4/mmm", 6),
        ((1.01, 0.99, 1.02), (0, 0, 0), "mmm", 9),
        ((1.01, 0.99, 1.02), (0, 0.01, 0), "2/m", 13),
        ((1.01, 0.99, 1.02), (0.005, 0.01, -0.015), "-1", 21),
    ],
)
def test_lower_symmetry_against_stresses_of_small_strains(diagonal, shears, laue, constants):
    """∂σ/∂ε of the Cauchy stress, all six strains, no symmetry, no Lagrangian measure.

    The crystals are under GPa of stress, so that this checks `under_stress` as well.
    """
    atoms = stretched(diagonal, shears)
    step, slopes = 1e-3, np.empty((6, 6))
    for number, (i, j) in enumerate(tensor.PAIRS):
        ends = []
        for signed in (step, -step):
            small = np.zeros((3, 3))
            small[i, j] += signed / 2
            small[j, i] += signed / 2
            moved = atoms.copy()
            moved.set_cell(atoms.cell.array @ (np.eye(3) + small), scale_atoms=True)
            moved.calc = stillinger_weber()
            BFGS(moved, logfile=None).run(fmax=1e-7)
            ends.append(moved.get_stress())
        slopes[:, number] = (ends[0] - ends[1]) / (2 * step) / GPa
    found = measured(atoms, amplitudes=[0.001, 0.002], fmax=1e-7)
    assert np.abs(found.residual).max() > 0.5
    load = tensor.matrix(found.residual * tensor.SCALE)
    ours = tensor.to_voigt(tensor.under_stress(tensor.from_voigt(found.stiffness), load))
    np.testing.assert_allclose(ours, (slopes + slopes.T) / 2, atol=0.05)
    assert (found.group.laue, found.group.independent) == (laue, constants)


def test_trigonal_constants_in_the_standard_setting():
    c = measured(stretched(shears=(0.01, 0.01, 0.01))).standard
    assert c[0, 3] == pytest.approx(-c[1, 3])
    assert c[0, 3] == pytest.approx(c[4, 5])
    assert abs(c[0, 3]) > 1
    assert c[5, 5] == pytest.approx((c[0, 0] - c[0, 1]) / 2)
    np.testing.assert_allclose(c[[0, 1, 2], 4], 0, atol=1e-8)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6))
def test_turning_the_crystal_turns_the_tensor(seed):
    turn = Rotation.random(rng=seed).as_matrix()
    cell = silicon_primitive(RELAXED)
    found = measured(cell)
    cell.set_cell(cell.cell.array @ turn.T, scale_atoms=True)
    turned = measured(cell)
    expected = tensor.to_voigt(tensor.rotate(tensor.from_voigt(found.stiffness), turn))
    np.testing.assert_allclose(turned.stiffness, expected, atol=1e-3)
    np.testing.assert_allclose(turned.standard, found.standard, atol=1e-3)
    assert turned.evaluations == found.evaluations, "no more strains than in standard axes"


def test_energies_have_the_same_curvature(tmp_path):
    cell = hexagonal_silicon(tmp_path)
    for from_stress, from_energy in measured(cell).curvature:
        assert from_stress == pytest.approx(from_energy, rel=1e-3)


def test_piola_stress_is_the_derivative_of_the_energy():
    """At a large strain too, where it is not the Cauchy stress."""
    atoms, eta = silicon_cubic(), np.array([[0.03, 0.01, 0], [0.01, -0.02, 0.02], [0, 0.02, 0.01]])

    def energy(lagrangian):
        moved = strain.strained(atoms, lagrangian)
        moved.calc = stillinger_weber()
        return moved.get_potential_energy(), moved.get_stress(voigt=False)

    found = strain.piola(energy(eta)[1], eta)
    for pair in tensor.PAIRS:
        small = np.zeros((3, 3))
        small[pair] += 5e-6
        small[pair[::-1]] += 5e-6
        slope = (energy(eta + small)[0] - energy(eta - small)[0]) / 2e-5 / atoms.cell.volume
        assert slope == pytest.approx(found[pair], abs=1e-7)
    square = strain.stretch(eta) @ strain.stretch(eta)
    np.testing.assert_allclose(square, np.eye(3) + 2 * eta, atol=1e-14)


def test_supercell_has_the_tensor_of_its_crystal():
    """A cell with less symmetry than the crystal: still cubic constants."""
    long = silicon_primitive(RELAXED) * (1, 1, 2)
    np.testing.assert_allclose(
        measured(long).stiffness, measured(silicon_primitive(RELAXED)).stiffness, atol=1e-3
    )


def test_ions_that_do_not_come_to_rest(monkeypatch):
    monkeypatch.setattr(strain, "MAX_STEPS", 1)
    with pytest.raises(CalculationError, match=r"do not relax .* eV/Å after 1 steps"):
        measured(silicon_primitive(RELAXED), fmax=1e-12)


def test_reference_labels_are_kept_and_counted(tmp_path):
    engine, ledger = silicon_engine("CountingSilicon"), Ledger(tmp_path / "ledger")

    def calculator():
        return LabellingCalculator(engine, ledger, tmp_path / "work", 60, "elastic")

    first = calculator()
    found = measured(silicon_primitive(RELAXED), first, fmax=1e-4)
    assert found.stiffness[0, 0] == pytest.approx(151.4, rel=2e-3)
    kept = list((tmp_path / "ledger").rglob("*.extxyz"))
    assert len(first.asked) == len(kept) <= found.evaluations
    again = calculator()
    with logged() as messages:
        measured(silicon_primitive(RELAXED), again, fmax=1e-4)
    assert again.asked == first.asked
    assert all("known already" in text or text.startswith("strain ") for text in messages)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("StresslessSilicon", "'ase' gives no stress"),
        ("DivergingSilicon", "got no label, not_finite"),
    ],
)
def test_reference_that_cannot(tmp_path, name, message):
    calculator = LabellingCalculator(
        silicon_engine(name), Ledger(tmp_path), tmp_path, 60, "elastic"
    )
    with pytest.raises(CalculationError, match=message):
        measured(silicon_primitive(RELAXED), calculator, fmax=1e-3)
