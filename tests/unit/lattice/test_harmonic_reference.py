from pathlib import Path
from tempfile import TemporaryDirectory

import h5py
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT
from conftest import diamond
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from models import bare, rattled_silicon, silicon_cubic, silicon_primitive, stillinger_weber
from vibes_files import dynamics, write_nc

from umklapp.crystals import phonopy_cells, registration, symmetry
from umklapp.crystals.formats import given as given_files
from umklapp.crystals.frames import labelled
from umklapp.errors import InputError
from umklapp.lattice import harmonic_reference, sigma_a
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


def sw_label(perfect, seed, amplitude=0.005):
    atoms = perfect.copy()
    atoms.positions += amplitude * np.random.default_rng(seed).normal(size=(len(atoms), 3))
    atoms.calc = stillinger_weber()
    return labelled(bare(atoms), atoms.get_potential_energy(), atoms.get_forces())


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


def test_the_perfect_crystal_among_the_labels_has_no_sigma_and_hides_none():
    perfect = silicon_cubic()
    still = labelled(perfect, -1.0, np.zeros((8, 3)))
    found = harmonic_reference.from_fit(perfect, [still, *sw_labels(6, 0.005)])
    assert "fit to 7 labels" in found.source
    assert "nan" not in found.source


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
    primitive = symmetry.primitive_cell(silicon_primitive())
    perfect = phonopy_cells.supercell(primitive, [[-1, 1, 1], [1, -1, 1], [1, 1, -1]])
    labels = displaced_labels(primitive, perfect, stillinger_weber(), 0.02)
    found = harmonic_reference.build(primitive, perfect, labels, [])
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
    primitive = symmetry.primitive_cell(cell)
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


def test_a_fit_in_place_of_displaced_cells_says_so(copper_gold):
    """One of the displaced cells is missing, as when they were split with the other seeds."""
    primitive, perfect, _ = copper_gold
    labels = displaced_labels(primitive, perfect, EMT(), 0.005)
    reason = harmonic_reference.from_displaced(primitive, perfect, labels[1:])
    assert reason.startswith(f"only {len(labels) - 1} of the {len(labels)} finite displacements")
    silicon = symmetry.primitive_cell(silicon_primitive())
    cube = phonopy_cells.supercell(silicon, [[-1, 1, 1], [1, -1, 1], [1, 1, -1]])
    twisted = bare(cube)  # not the displacement that is asked for
    twisted.positions[[2, 5]] += [0.02, -0.01, 0.005]
    still = labelled(twisted, 0.0, np.zeros((8, 3)), origin="harmonic 0 displaced")
    thermal = [sw_label(cube, seed) for seed in range(6)]
    source = harmonic_reference.build(silicon, cube, [still], thermal).source
    assert "in place of finite displacements: only 0 of the 1" in source
    assert "place of" not in harmonic_reference.build(silicon, cube, [], thermal).source


def test_without_small_displacements_there_is_no_reference():
    primitive = symmetry.primitive_cell(silicon_primitive())
    perfect = phonopy_cells.supercell(primitive, [[-1, 1, 1], [1, -1, 1], [1, 1, -1]])
    assert harmonic_reference.build(primitive, perfect, [], []) is None
    assert harmonic_reference.from_fit(silicon_cubic(), sw_labels(3, 0.8)) is None


def low_symmetry():
    places = [[0.02, 0.0, 0.03], [0.52, 0.47, 0.05], [0.45, 0.08, 0.5], [0.1, 0.55, 0.45]]
    return Atoms("CuAuCuAg", cell=np.eye(3) * 4.4, scaled_positions=places, pbc=True)


def write_force_constants(path, atoms, constants):
    """What FHI-vibes writes with `vibes output md -fc`."""
    write_nc(path, dynamics(2))
    with h5py.File(path, "a") as file:
        file.attrs["symbols"] = [str(symbol) for symbol in atoms.symbols]
        for name, values in (
            ("force_constants_remapped", constants),
            ("positions_reference", atoms.positions),
            ("lattice_reference", atoms.cell.array),
        ):
            if name in file:
                del file[name]
            file[name] = values


@given(st.integers(0, 10**6))
@examples(max_examples=10)
def test_force_constants_of_a_file_turn_with_its_crystal(seed):
    """The forces in our setting are those of its setting, turned, proper and improper."""
    generator, perfect = np.random.default_rng(seed), low_symmetry()
    rotation = np.linalg.qr(generator.normal(size=(3, 3)))[0]
    order = generator.permutation(4)
    theirs = Atoms(perfect.numbers[order], cell=perfect.cell.array @ rotation, pbc=True)
    theirs.positions = ((perfect.positions + np.array([0.4, 1.0, -2.0])) @ rotation)[order]
    constants = generator.normal(size=(12, 12))
    u = generator.normal(scale=0.05, size=(4, 3))
    u -= u.mean(axis=0)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "md.nc"
        write_force_constants(path, theirs, constants)
        found = harmonic_reference.from_vibes(perfect, [path])
    assert "md.nc" in found.source
    wanted = -(constants @ (u @ rotation)[order].ravel()).reshape(4, 3) @ rotation.T
    forces = found.forces((perfect.positions + u)[None])[0]
    np.testing.assert_allclose(forces[order], wanted, atol=1e-6)


def test_files_without_our_force_constants_give_none(tmp_path):
    write_nc(tmp_path / "md.nc", dynamics(2))
    assert harmonic_reference.from_vibes(diamond(), [tmp_path / "md.nc"]) is None
    write_force_constants(tmp_path / "md.nc", low_symmetry(), np.eye(12))
    assert harmonic_reference.from_vibes(diamond(), [tmp_path / "md.nc"]) is None


def test_real_argon_has_the_harmonic_forces_of_its_file(shared):
    """FHI-vibes' harmonic forces and σᴬ, from frames in another order and origin."""
    path = shared / "data/vibes/argon_green_kubo.nc"
    primitive = bulk("Ar", "fcc", a=5.4025897)
    perfect = phonopy_cells.supercell(primitive, [[-3, 3, 3], [3, -3, 3], [3, 3, -3]])
    perfect = perfect[np.random.default_rng(0).permutation(108)]
    perfect.positions += 1.1
    frames, report = registration.register(given_files.read(path), perfect, str(path))
    assert report.changed == len(frames) == 51
    reference = harmonic_reference.from_vibes(perfect, [path])
    positions = np.array([frame.positions for frame in frames])
    forces = reference.forces(positions, np.array([frame.cell.array for frame in frames]))
    values = sigma_a.sigma(np.array([frame.get_forces() for frame in frames]), forces)
    with h5py.File(path) as file:
        theirs, expected = file["forces_harmonic"][()], file["sigma_per_sample"][()]
    size = [np.sort(np.linalg.norm(array, axis=-1)) for array in (forces, theirs)]
    np.testing.assert_allclose(*size, atol=2e-5)
    np.testing.assert_allclose(values[1:], expected[1:], rtol=2e-3)


def quiet_labels(reference, origin, size, count=6):
    """Frames with harmonic forces of that size in units of the true ones."""
    found = []
    for number in range(count):
        u = np.random.default_rng(number).normal(scale=0.05, size=(8, 3))
        positions = reference.perfect.positions + u
        frame = reference.perfect.copy()
        frame.positions = positions
        forces = size * reference.forces(positions[None])[0]
        found.append(labelled(frame, -1.0, forces, origin=origin, time=float(number)))
    return found


@pytest.mark.parametrize(
    "origin", ["harmonic 0", "harmonic 0 displaced", "aimd 1", "frames 0", "nomad 2"]
)
def test_quiet_seeds_that_are_not_quiet_are_refused(origin):
    reference = spring_reference()
    harmonic_reference.check_quiet(reference, quiet_labels(reference, origin, 1.3))
    with pytest.raises(InputError, match=rf"seed {origin}: σᴬ is 3\.0 in frames that should be"):
        harmonic_reference.check_quiet(reference, quiet_labels(reference, origin, -0.5))


def test_rattled_frames_and_an_event_late_in_a_trajectory_pass():
    reference = spring_reference()
    harmonic_reference.check_quiet(reference, quiet_labels(reference, "rattled 0", -0.5))
    harmonic_reference.check_quiet(reference, quiet_labels(reference, "round_01", -0.5))
    start = quiet_labels(reference, "aimd 1", 1.0, count=10)
    late = quiet_labels(reference, "aimd 1", -0.5, count=20)
    for frame in late:
        frame.info["time"] += 100.0
    harmonic_reference.check_quiet(reference, [*late, *start])
