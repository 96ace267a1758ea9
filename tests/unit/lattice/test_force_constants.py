import numpy as np
import phono3py
import pytest
from models import (
    CONVENTIONAL,
    Springs,
    bare,
    force_constants_of,
    hessian,
    silicon_phonons,
    silicon_primitive,
    stillinger_weber,
    sw_potential,
)
from phono3py import Phono3py
from scipy import constants

from umklapp import config
from umklapp.crystals import phonopy_cells
from umklapp.errors import CalculationError, InputError
from umklapp.lattice import force_constants, phonons
from umklapp.potentials.contract import Prediction
from umklapp.transport import bte

SMALL = config.Phonons(displacement=0.01)


@pytest.fixture(scope="module")
def small():
    """Eight atoms, all pairs."""
    return force_constants_of(sw_potential(), SMALL, scale=1)


def full(phonon):
    """Full (N, N, 3, 3) from the compact fc2 and the symmetry that translations give."""
    from phonopy.harmonic.force_constants import compact_fc_to_full_fc

    return compact_fc_to_full_fc(phonon.phonon_primitive, phonon.fc2)


def test_fc2_is_the_hessian_of_the_supercell(small):
    wanted = hessian(phonopy_cells.from_phonopy(small.supercell)).reshape(8, 3, 8, 3)
    found = full(small)
    assert found.shape == (8, 8, 3, 3)
    # ± pairs leave an error of second order in the displacement
    np.testing.assert_allclose(
        found, wanted.transpose(0, 2, 1, 3), atol=5e-4 * np.abs(wanted).max()
    )


def test_fc3_is_the_change_of_the_hessian(small):
    cell = phonopy_cells.from_phonopy(small.supercell)
    atom, step = int(small.primitive.p2s_map[0]), 1e-3
    for axis in range(3):
        up, down = cell.copy(), cell.copy()
        up.positions[atom, axis] += step
        down.positions[atom, axis] -= step
        wanted = (hessian(up) - hessian(down)).reshape(8, 3, 8, 3) / (2 * step)
        found = small.fc3[0][:, :, axis]  # (8, 8, 3, 3)
        np.testing.assert_allclose(
            found, wanted.transpose(0, 2, 1, 3), atol=5e-3 * np.abs(wanted).max()
        )


def test_force_constants_are_symmetric_and_sum_to_zero(small):
    found = full(small)
    np.testing.assert_allclose(found, found.transpose(1, 0, 3, 2), atol=1e-9)
    assert force_constants.acoustic_residual(small.fc2) < 1e-10
    assert force_constants.acoustic_residual(silicon_phonons().fc2) < 1e-10


def test_acoustic_residual_of_a_broken_matrix():
    found = np.zeros((2, 4, 3, 3))
    found[1, 0, 2, 0], found[1, 3, 2, 0] = -3.0, 2.5
    assert force_constants.acoustic_residual(found) == 0.5


class Tilted:
    """Stillinger–Weber in a field: a constant force on every atom, that has no derivative."""

    def __init__(self, field):
        self.exact, self.field = sw_potential(), field

    def evaluate(self, frames):
        found = self.exact.evaluate(frames)
        return Prediction(found.energy, [f + self.field for f in found.forces], found.stress)


def test_forces_of_the_perfect_cell_do_not_count(small):
    field = np.random.default_rng(0).normal(size=(8, 3))
    found = force_constants_of(Tilted(field), SMALL, scale=1)
    np.testing.assert_allclose(found.fc2, small.fc2, atol=1e-9)
    np.testing.assert_allclose(found.fc3, small.fc3, atol=1e-6)


def test_displaced_cells_come_in_pairs_of_the_asked_length():
    primitive = silicon_primitive()
    phonon = force_constants.prepare(
        primitive, phonopy_cells.supercell(primitive, CONVENTIONAL), SMALL
    )
    cells = force_constants.displace(phonon, SMALL)
    first = phonon.dataset["first_atoms"]
    seconds = [second for each in first for second in each["second_atoms"]]
    assert len(cells) == len(first) + len(seconds)
    lengths = [np.linalg.norm(each["displacement"]) for each in [*first, *seconds]]
    np.testing.assert_allclose(lengths, 0.01)
    known = {(each["number"], *np.round(each["displacement"], 9)) for each in first}
    assert all((each["number"], *-np.round(each["displacement"], 9)) in known for each in first)
    perfect = phonopy_cells.from_phonopy(phonon.supercell).positions
    for cell, each in zip(cells, first, strict=False):  # cells of the first atoms come first
        shift = cell.positions - perfect
        np.testing.assert_allclose(shift[each["number"]], each["displacement"], atol=1e-12)
        assert (np.abs(shift).max(axis=1) > 1e-9).sum() == 1


def test_a_pair_cutoff_saves_cells_and_keeps_fc2():
    settings = SMALL.model_copy(update={"pair_cutoff": 2.6})
    primitive = silicon_primitive()
    cell = phonopy_cells.supercell(primitive, (2 * np.array(CONVENTIONAL)).tolist())
    counts = {}
    for name, each in (("all", SMALL), ("near", settings)):
        phonon = force_constants.prepare(primitive, cell, each)
        counts[name] = len(force_constants.displace(phonon, each))
        assert all(len(frame) == 64 for frame in force_constants.displace(phonon, each))
    assert counts["near"] < counts["all"] / 3
    near = force_constants_of(sw_potential(), settings, scale=1)
    every = force_constants_of(sw_potential(), SMALL, scale=1)
    np.testing.assert_allclose(near.fc2, every.fc2, atol=1e-9)


def test_springs_on_sites_are_removed_by_the_sum_rule():
    """Φ_ii = k alone breaks the sum rule; the net force is removed: k (δ_ij − 1/N)."""
    from umklapp.potentials.ase import AsePotential

    primitive = silicon_primitive()
    cell = phonopy_cells.supercell(primitive, CONVENTIONAL)
    phonon = force_constants.prepare(primitive, cell, SMALL)
    sites = phonopy_cells.from_phonopy(phonon.supercell).positions
    force_constants.evaluate(phonon, AsePotential(Springs(sites, 5.0)), SMALL)
    found = full(phonon)
    wanted = np.einsum("ij,ab->ijab", 5.0 * (np.eye(8) - 1 / 8), np.eye(3))
    np.testing.assert_allclose(found, wanted, atol=1e-8)
    np.testing.assert_allclose(phonon.fc3, 0, atol=1e-6)


def test_fc2_round_trip(small, tmp_path):
    force_constants.write_fc2(small, tmp_path / "fc2.hdf5")
    primitive = silicon_primitive()
    fresh = force_constants.prepare(
        primitive, phonopy_cells.supercell(primitive, CONVENTIONAL), SMALL
    )
    assert fresh.fc2 is None
    force_constants.read_fc2(fresh, tmp_path / "fc2.hdf5")
    np.testing.assert_array_equal(fresh.fc2, small.fc2)


def test_a_cell_that_is_no_supercell_is_refused():
    strained = phonopy_cells.supercell(silicon_primitive(), CONVENTIONAL)
    strained.set_cell(strained.cell.array * 1.01, scale_atoms=True)
    with pytest.raises(InputError, match="no multiple"):
        force_constants.prepare(silicon_primitive(), strained, SMALL)


def test_a_params_file_without_phonon_supercell_is_named(small, tmp_path):
    path = tmp_path / "params.yaml"
    small.save(str(path), settings={"force_sets": False, "displacements": True})
    with pytest.raises(CalculationError, match=r"params\.yaml.*the phonon supercell has no forces"):
        force_constants.from_params(path)


@pytest.mark.parametrize("kind", ["pairs", "pairs within a cutoff", "random"])
def test_fc2_of_a_file_with_one_cell_for_fc2_and_fc3(tmp_path, kind):
    """Whatever its displacements; pairs that were not calculated do not count."""
    reference = silicon_phonons()
    fresh = Phono3py(
        reference.unitcell, supercell_matrix=np.array(CONVENTIONAL).T, primitive_matrix="P"
    )
    if kind == "random":
        fresh.generate_displacements(distance=0.01, number_of_snapshots=8, random_seed=5)
    else:
        cutoff = 2.5 if kind == "pairs within a cutoff" else None
        fresh.generate_displacements(distance=0.01, cutoff_pair_distance=cutoff)
    forces = []
    for cell in fresh.supercells_with_displacements:
        if cell is None:
            forces.append(np.zeros((len(fresh.supercell), 3)))
            continue
        atoms = phonopy_cells.from_phonopy(cell)
        atoms.calc = stillinger_weber()
        forces.append(atoms.get_forces())
    fresh.forces = forces
    fresh.save(tmp_path / "params.yaml", settings={"force_sets": True, "displacements": True})
    found = full(force_constants.from_params(tmp_path / "params.yaml"))
    wanted = hessian(phonopy_cells.from_phonopy(fresh.supercell)).reshape(found.shape[0], 3, -1, 3)
    np.testing.assert_allclose(
        found, wanted.transpose(0, 2, 1, 3), atol=5e-3 * np.abs(wanted).max()
    )


@pytest.mark.parametrize("fc3", ["displacements", "symfc"])
def test_fc2_and_cells_of_a_params_file_stay_when_fc3_is_evaluated(tmp_path, fc3):
    """A params file with a phonon supercell of its own: fc2 from there, fc3 from the potential."""
    primitive = silicon_primitive()
    writer = Phono3py(
        phonopy_cells.to_phonopy(primitive),
        supercell_matrix=np.array(CONVENTIONAL).T,
        primitive_matrix="P",
        phonon_supercell_matrix=np.array(CONVENTIONAL).T,
    )
    writer.generate_displacements(distance=0.01, is_plusminus=True)
    cells = [phonopy_cells.from_phonopy(c) for c in writer.supercells_with_displacements]
    writer.forces = np.array(sw_potential().evaluate(cells).forces)
    # rattled phonon cells, with forces of springs: nothing that the potential below would give
    generator = np.random.default_rng(0)
    shifts = generator.normal(scale=0.01, size=(20, 8, 3))
    shifts -= shifts.mean(axis=1, keepdims=True)
    writer.phonon_dataset = {"displacements": shifts, "forces": -2.0 * shifts}
    path = tmp_path / "params.yaml"
    writer.save(str(path))

    settings = config.Phonons(displacement=0.01, force_constants=path, fc3=fc3)
    phonon = force_constants.prepare(primitive, primitive, settings)
    wanted = np.einsum("ij,ab->ijab", 2.0 * (np.eye(8) - 1 / 8), np.eye(3))
    before = phonon.fc2.copy()
    np.testing.assert_allclose(full(phonon), wanted, atol=1e-6)
    force_constants.evaluate(phonon, sw_potential(), settings)
    np.testing.assert_array_equal(phonon.fc2, before)
    assert np.abs(phonon.fc3).max() > 1


@pytest.mark.parametrize("fc3", ["displacements", "symfc"])
def test_fc2_of_a_file_with_one_cell_stays_when_fc3_is_evaluated(tmp_path, fc3):
    """phono3py would make another fc2 of the forces behind fc3."""
    primitive = silicon_primitive()
    writer = Phono3py(
        phonopy_cells.to_phonopy(primitive),
        supercell_matrix=np.array(CONVENTIONAL).T,
        primitive_matrix="P",
    )
    writer.generate_displacements(distance=0.01, number_of_snapshots=20, random_seed=3)
    writer.forces = -2.0 * (writer.displacements - writer.displacements.mean(axis=1)[:, None])
    path = tmp_path / "params.yaml"
    writer.save(str(path), settings={"force_sets": True, "displacements": True})
    settings = config.Phonons(displacement=0.01, force_constants=path, fc3=fc3)
    phonon = force_constants.prepare(primitive, primitive, settings)
    wanted = np.einsum("ij,ab->ijab", 2.0 * (np.eye(8) - 1 / 8), np.eye(3))
    np.testing.assert_allclose(full(phonon), wanted, atol=1e-6)
    force_constants.evaluate(phonon, sw_potential(), settings)
    np.testing.assert_allclose(full(phonon), wanted, atol=1e-6)
    assert np.abs(phonon.fc3).max() > 1


def test_stillinger_weber_labels_are_gradients():
    """The exact model of all these tests against its own energy."""
    from models import rattled_silicon

    atoms = bare(rattled_silicon(1)[0])
    atoms.calc = stillinger_weber()
    forces, stress = atoms.get_forces(), atoms.get_stress()
    step = 1e-4
    found = []
    for sign in (1, -1):
        shifted = atoms.copy()
        shifted.calc = stillinger_weber()
        shifted.positions[3, 2] += sign * step
        found.append(shifted.get_potential_energy())
    assert -(found[0] - found[1]) / (2 * step) == pytest.approx(forces[3, 2], abs=1e-6)
    found = []
    for sign in (1, -1):
        strained = atoms.copy()
        strained.calc = stillinger_weber()
        strain = np.diag([1 + sign * step, 1, 1])
        strained.set_cell(atoms.cell.array @ strain, scale_atoms=True)
        found.append(strained.get_potential_energy())
    volume = atoms.get_volume()
    assert (found[0] - found[1]) / (2 * step) / volume == pytest.approx(stress[0], abs=1e-6)


# Born charges


def test_lo_to_splitting_is_that_of_the_textbook(shared):
    """ω_LO² − ω_TO² = Z*² e² / (ε₀ ε∞ μ V), for any second-order constants."""
    params = shared / "data/dft/NaCl-225_phono3py_params.yaml.xz"
    calculation = force_constants.from_params(params)
    model = phonons.harmonic(calculation)
    bands = phonons.bands([model])
    transverse, _, longitudinal = 2 * np.pi * 1e12 * bands.frequencies[0, 0, 3:]
    masses = model.primitive.masses * constants.atomic_mass
    reduced = masses.prod() / masses.sum()
    charge = calculation.nac_params["born"][0][0, 0] * constants.e
    dielectric = calculation.nac_params["dielectric"][0, 0] * constants.epsilon_0
    volume = model.primitive.volume * 1e-30
    wanted = charge**2 / (dielectric * reduced * volume)
    assert longitudinal**2 - transverse**2 == pytest.approx(wanted, rel=1e-3)


# fc3 by symfc


RANDOM = config.Phonons(pair_cutoff=4.0, fc3="symfc", random_displacements=20)


def error(found, wanted):
    return np.linalg.norm(found - wanted) / np.linalg.norm(wanted)


def test_a_fit_to_random_displacements_is_the_finite_difference():
    """20 supercells in place of 62; what is left is the fourth order in the displacements."""
    found, wanted = force_constants_of(sw_potential(), RANDOM), silicon_phonons()
    assert len(found.displacements) == 20
    assert error(found.fc2, wanted.fc2) < 2e-3
    assert error(found.fc3, wanted.fc3) < 1e-2
    assert force_constants.acoustic_residual(found.fc2) < 1e-10
    one, two = (
        bte.solve(each, config.Conductivity(), [5, 5, 5], -0.05).scalar()[0]
        for each in (found, wanted)
    )
    assert one == pytest.approx(two, rel=0.01)


def test_a_small_cell_is_fitted_to_more_cells_than_determine_it(small):
    """Four cells of eight atoms fix fc3, with the error of the displacements that were drawn."""
    fits = {
        n: force_constants_of(
            sw_potential(), config.Phonons(fc3="symfc", random_displacements=n), 1
        )
        for n in (4, None)
    }
    assert len(fits[None].displacements) == force_constants.LEAST_CELLS
    left = {n: error(fit.fc3, small.fc3) for n, fit in fits.items()}
    assert left[None] < 0.5 * left[4]


def test_smaller_displacements_leave_less_of_the_fourth_order():
    wanted = silicon_phonons().fc2
    errors = [
        error(
            force_constants_of(
                sw_potential(), RANDOM.model_copy(update={"random_amplitude": amplitude})
            ).fc2,
            wanted,
        )
        for amplitude in (0.03, 0.1)
    ]
    assert errors[1] > 3 * errors[0]


def test_random_displacements_are_the_same_for_all_members():
    primitive = silicon_primitive()
    cell = phonopy_cells.supercell(primitive, (2 * np.array(CONVENTIONAL)).tolist())
    settings = config.Phonons(pair_cutoff=4.0, fc3="symfc", random_amplitude=0.02)
    phonon = [force_constants.prepare(primitive, cell, settings) for _ in range(2)]
    one, two = ([c.positions for c in force_constants.displace(p, settings)] for p in phonon)
    np.testing.assert_array_equal(one, two)
    needed = -(-force_constants.unknowns(phonon[0], 4.0) // 192)
    assert len(one) == max(force_constants.LEAST_CELLS, 4 * needed)
    np.testing.assert_allclose(np.linalg.norm(phonon[0].displacements, axis=2), 0.02)


def test_too_few_random_displacements_are_named():
    settings = config.Phonons(fc3="symfc", random_displacements=2)
    with pytest.raises(InputError, match=r"random_displacements: 2 supercells of 64 .* at least 5"):
        force_constants_of(sw_potential(), settings)


def test_a_number_of_supercells_without_the_fit_is_refused():
    with pytest.raises(ValueError, match="set fc3 to 'symfc', or leave it out"):
        config.Phonons(random_displacements=20)


def test_a_params_file_has_all_that_phono3py_needs(tmp_path):
    primitive = silicon_primitive()
    supercell = phonopy_cells.supercell(primitive, [[-1, 1, 1], [1, -1, 1], [1, 1, -1]])
    settings = config.Phonons()
    phonon = force_constants.prepare(primitive, supercell, settings)
    force_constants.evaluate(phonon, sw_potential(), settings)
    path = tmp_path / "member_0.params.yaml.xz"
    force_constants.write_params(phonon, path)
    again = phono3py.load(path, log_level=0, symmetrize_fc=False)
    np.testing.assert_allclose(again.forces, phonon.forces, atol=1e-9)
    assert len(again.fc3.shape) == 6
