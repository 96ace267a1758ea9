import h5py
import numpy as np
import pytest
from ase import Atoms
from ase.calculators.emt import EMT
from hypothesis import given
from hypothesis import strategies as st
from models import bare, rattled_silicon, silicon_cubic, silicon_primitive, stillinger_weber

from umklapp.crystals import materials, phonopy_cells
from umklapp.crystals.frames import labelled
from umklapp.errors import InputError
from umklapp.lattice import harmonic_reference
from umklapp.lattice.harmonic_reference import HarmonicReference
from umklapp.potentials.ase import AsePotential


def spring_reference(k=5.0):
    perfect = silicon_cubic()
    return HarmonicReference(perfect, k * np.eye(24), "springs")


@pytest.fixture(scope="module")
def argon(shared):
    """FHI-vibes' own numbers: 108 argon atoms, 51 frames."""
    with h5py.File(shared / "data/vibes/argon_green_kubo.nc") as file:
        names = (
            "positions", "positions_reference", "forces_harmonic", "force_constants_remapped",
            "lattice_reference",
        )  # fmt: skip
        return {name: file[name][()] for name in names}


def test_harmonic_forces_are_those_of_fhi_vibes(argon):
    perfect = Atoms("Ar108", cell=argon["lattice_reference"], pbc=True)
    perfect.positions = argon["positions_reference"]
    reference = HarmonicReference(perfect, argon["force_constants_remapped"], "vibes")
    found = reference.forces(argon["positions"])
    np.testing.assert_allclose(found, argon["forces_harmonic"], atol=1e-10)


@given(st.integers(0, 10**6), st.floats(-20, 20), st.floats(-20, 20))
def test_wrapping_and_moving_the_crystal_change_nothing(seed, x, y):
    reference, generator = spring_reference(), np.random.default_rng(seed)
    u = generator.normal(scale=0.1, size=(8, 3))
    cell = reference.perfect.cell.array
    moved = reference.perfect.positions + u + [x, y, x - y]
    moved += generator.integers(-3, 4, size=(8, 3)) @ cell
    found = reference.displacements(moved[None])[0]
    np.testing.assert_allclose(found, u - u.mean(axis=0), atol=1e-8)


def test_a_strained_cell_is_mapped_on_the_perfect_one():
    reference = spring_reference()
    strained = reference.perfect.copy()
    strained.set_cell(strained.cell.array @ (np.eye(3) + 0.02), scale_atoms=True)
    found = reference.displacements(strained.positions[None], strained.cell.array[None])
    np.testing.assert_allclose(found, 0, atol=1e-10)


def test_another_number_of_atoms_is_refused():
    with pytest.raises(InputError, match="8 atoms, frames of 9"):
        spring_reference().displacements(np.zeros((1, 9, 3)))


def test_harmonic_forces_pull_atoms_back_by_hand():
    """Forces are −k u, without the common shift: one atom of eight moved by 0.08 Å along x."""
    reference = spring_reference(k=5.0)
    positions = reference.perfect.positions[None].copy()
    positions[0, 0, 0] += 0.08
    wanted = np.zeros((8, 3))
    wanted[:, 0] = 5.0 * 0.01
    wanted[0, 0] = -5.0 * 0.07
    np.testing.assert_allclose(reference.forces(positions)[0], wanted, atol=1e-12)


def test_what_is_written_is_read(tmp_path):
    reference = spring_reference()
    reference.write(tmp_path / "h.h5")
    found = harmonic_reference.read(tmp_path / "h.h5")
    assert found.source == "springs"
    np.testing.assert_array_equal(found.force_constants, reference.force_constants)
    np.testing.assert_array_equal(found.perfect.positions, reference.perfect.positions)
    harmonic_reference.write_missing(tmp_path / "none.h5", "no labels")
    assert harmonic_reference.read(tmp_path / "none.h5") is None


def sw_labels(count, amplitude, seed=0):
    return rattled_silicon(count, seed, amplitude=amplitude, strain=0)


def numerical_hessian(atoms, step=1e-3, calculator=None):
    rows = []
    for index in np.ndindex(len(atoms), 3):
        forces = []
        for sign in (1, -1):
            moved = atoms.copy()
            moved.positions[index] += sign * step
            moved.calc = calculator or stillinger_weber()
            forces.append(moved.get_forces().ravel())
        rows.append((forces[1] - forces[0]) / (2 * step))
    return np.array(rows)


def test_a_fit_to_small_displacements_finds_the_force_constants():
    perfect = silicon_cubic()
    found = harmonic_reference.from_fit(perfect, sw_labels(6, 0.005))
    wanted = numerical_hessian(perfect)
    np.testing.assert_allclose(found.force_constants, wanted, atol=0.02 * np.abs(wanted).max())
    assert "fit to 6 labels" in found.source


def displaced_labels(primitive, perfect, calculator, distance):
    """Labels of all displaced cells that phonopy asks for."""
    phonon = phonopy_cells.harmonic_calculation(primitive, perfect)
    phonon.generate_displacements(distance=distance)
    labels = []
    for cell in phonon.supercells_with_displacements:
        atoms = phonopy_cells.from_phonopy(cell)
        atoms.calc = calculator
        energy, forces = atoms.get_potential_energy(), atoms.get_forces()
        labels.append(labelled(bare(atoms), energy, forces, origin="harmonic 0 displaced"))
    return labels


def test_finite_displacements_of_the_engine_come_first():
    primitive = materials.primitive_cell(silicon_primitive())
    perfect = phonopy_cells.supercell(primitive, [[-1, 1, 1], [1, -1, 1], [1, 1, -1]])
    labels = displaced_labels(primitive, perfect, stillinger_weber(), 0.02)
    found = harmonic_reference.build(primitive, perfect, labels)
    assert "finite displacements" in found.source
    wanted = numerical_hessian(perfect)
    np.testing.assert_allclose(found.force_constants, wanted, atol=0.01 * np.abs(wanted).max())


TOLERANCE = 0.02
"""eV/Å², between finite differences of two step lengths."""


@pytest.fixture(scope="module")
def copper_gold():
    """CuAu without any symmetry, so that the blocks between two atoms are not symmetric.

    The primitive cell, a supercell of 16 atoms, and its second derivatives by EMT.
    """
    vectors = [[2.83, 0.1, 0.0], [0.3, 2.9, 0.2], [-0.2, 0.4, 3.6]]
    cell = Atoms("CuAu", scaled_positions=[[0, 0, 0], [0.47, 0.52, 0.55]], cell=vectors)
    cell.pbc = True
    primitive = materials.primitive_cell(cell)
    perfect = phonopy_cells.supercell(primitive, 2 * np.eye(3, dtype=int))
    hessian = numerical_hessian(perfect, calculator=EMT())
    blocks = hessian.reshape(16, 3, 16, 3).transpose(0, 2, 1, 3)
    assert np.abs(blocks - blocks.swapaxes(2, 3)).max() > 4 * TOLERANCE  # or it tells nothing
    return primitive, perfect, hessian


def test_force_constants_of_a_potential_are_its_second_derivatives(copper_gold):
    primitive, perfect, hessian = copper_gold
    found = harmonic_reference.of_potential(AsePotential(EMT()), primitive, perfect, 0.005)
    np.testing.assert_allclose(found, hessian, atol=TOLERANCE)


def test_force_constants_of_labels_are_the_second_derivatives(copper_gold):
    """And the harmonic forces of a displaced crystal are those of the calculator, sign and all."""
    primitive, perfect, hessian = copper_gold
    labels = displaced_labels(primitive, perfect, EMT(), 0.005)
    found = harmonic_reference.from_displaced(primitive, perfect, labels)
    np.testing.assert_allclose(found.force_constants, hessian, atol=TOLERANCE)
    still, moved = perfect.copy(), perfect.copy()
    shift = 0.002 * np.random.default_rng(4).normal(size=(16, 3))
    moved.positions += shift - shift.mean(axis=0)
    still.calc, moved.calc = EMT(), EMT()
    forces = moved.get_forces() - still.get_forces()  # EMT's minimum is elsewhere
    near = found.forces(moved.positions[None])[0]
    np.testing.assert_allclose(near, forces, atol=0.03 * np.abs(forces).max())


def test_without_small_displacements_there_is_no_reference():
    primitive = materials.primitive_cell(silicon_primitive())
    perfect = phonopy_cells.supercell(primitive, [[-1, 1, 1], [1, -1, 1], [1, 1, -1]])
    assert harmonic_reference.build(primitive, perfect, []) is None
    assert harmonic_reference.from_fit(silicon_cubic(), sw_labels(3, 0.8)) is None
