"""Frames of the ensembles that κ comes from."""

import h5py
import numpy as np
import pytest
from ase import Atoms, units
from ase.build import bulk
from conftest import label
from models import silicon_cubic, silicon_primitive, sw_potential

from umklapp import config
from umklapp.crystals import frames, phonopy_cells
from umklapp.lattice import force_constants, harmonic_reference
from umklapp.transport import nve
from umklapp.transport.audit import drawing

PHONONS = config.Phonons(pair_cutoff=3.0)
CUBE = [[-1, 1, 1], [1, -1, 1], [1, 1, -1]]


@pytest.fixture(scope="module")
def silicon():
    primitive = silicon_primitive()
    perfect = phonopy_cells.supercell(primitive, CUBE)
    return (
        primitive,
        perfect,
        harmonic_reference.of_potential(sw_potential(), primitive, perfect, 0.01),
    )


def test_labels_are_shared_out_in_turn():
    three = ("thermal", "displaced", "green_kubo")
    assert drawing.shares(6, three) == dict.fromkeys(three, 2)
    assert drawing.shares(4, three) == {"thermal": 2, "displaced": 1, "green_kubo": 1}
    assert drawing.shares(1, three) == {"thermal": 1, "displaced": 0, "green_kubo": 0}
    assert sum(drawing.shares(7, three[:2]).values()) == 7


@pytest.mark.parametrize("temperature", [20.0, 300.0, 3000.0])
def test_thermal_displacements_have_the_quantum_widths(temperature):
    """Two masses on one spring: ⟨u²⟩ of the stretch is ħ/(2 μ ω) coth(ħω/2k_BT) by hand."""
    spring, masses = 5.0, np.array([10.0, 30.0])
    constants = np.zeros((6, 6))
    for axis in range(3):
        constants[axis, axis] = constants[axis + 3, axis + 3] = spring
        constants[axis, axis + 3] = constants[axis + 3, axis] = -spring
    drawn = drawing.thermal_displacements(
        constants, masses, temperature, 20000, np.random.default_rng(0)
    )
    reduced = masses.prod() / masses.sum()
    omega = np.sqrt(spring / reduced)  # 1/(Å √(amu/eV))
    hbar = 6.582119569e-16 * 1e15 * units.fs  # eV s in ASE's time
    wanted = hbar / (2 * reduced * omega) / np.tanh(hbar * omega / (2 * units.kB * temperature))
    stretch = drawn[:, 1] - drawn[:, 0]
    assert np.mean(stretch**2, axis=0) == pytest.approx(wanted, rel=0.05)
    assert np.abs(np.einsum("i,nia->na", masses, drawn)).max() < 1e-12, "no translation"


def test_thermal_cells_have_the_energy_of_the_temperature_and_a_quarter_is_opposite(silicon):
    _, perfect, constants = silicon
    drawn = drawing.thermal(perfect, constants, 600.0, 401, np.random.default_rng(1), first=5)
    assert len(drawn) == 401
    assert [each.pair for each in drawn[:5]] == [5, 5, 6, 6, 7]
    assert len({each.pair for each in drawn}) == 301, "100 pairs and 201 alone"
    shifts = np.array([each.atoms.positions - perfect.positions for each in drawn])
    assert np.abs(shifts[0] + shifts[1]).max() < 1e-7
    flat = shifts.reshape(len(shifts), -1)
    energy = 0.5 * np.einsum("ni,ij,nj->n", flat, constants, flat)
    classical = 0.5 * units.kB * 600.0 * (3 * len(perfect) - 3)
    assert 1.0 < energy.mean() / classical < 1.35  # zero-point motion adds some


@pytest.mark.parametrize(("count", "pairs"), [(1, [0]), (2, [0, 0]), (3, [0, 0, 1])])
def test_few_thermal_labels_are_one_pair_and_independent_frames(silicon, count, pairs):
    _, perfect, constants = silicon
    drawn = drawing.thermal(perfect, constants, 300.0, count, np.random.default_rng(1))
    assert [each.pair for each in drawn] == pairs


def test_a_soft_mode_does_not_throw_atoms_across_the_cell(silicon):
    _, perfect, constants = silicon
    values, modes = np.linalg.eigh(constants)
    soft = constants - np.outer(modes[:, 3], modes[:, 3]) * (values[3] + 1e-6)
    drawn = drawing.thermal_displacements(
        soft, perfect.get_masses(), 300.0, 200, np.random.default_rng(0)
    )
    assert np.abs(drawn).max() < 1.5


def test_cells_are_those_of_fc3_and_none_that_was_learned(silicon):
    primitive, perfect, _ = silicon
    calculation = force_constants.prepare(primitive, perfect, PHONONS)
    own = {frames.frame_id(cell) for cell in force_constants.displace(calculation, PHONONS)}
    drawn = drawing.displaced(primitive, perfect, PHONONS, 4, np.random.default_rng(0))
    assert [each.pair for each in drawn] == [0, 1, 2, 3], "every cell is a block"
    assert {frames.frame_id(each.atoms) for each in drawn} <= own
    for each in drawn:
        u = each.atoms.positions - perfect.positions
        assert (np.abs(u).max(axis=1) > 1e-9).sum() == 2, "a pair of atoms, no single one"
        assert np.linalg.norm(u, axis=1).max() == pytest.approx(PHONONS.displacement, abs=1e-6)
    taken = {str(drawn[0].atoms.info["frame_id"])}
    again = drawing.displaced(primitive, perfect, PHONONS, 200, np.random.default_rng(0), taken)
    assert len(again) > 4
    shifts = np.array([each.atoms.positions - perfect.positions for each in again])
    sums = np.abs(shifts[:, None] + shifts[None]).max(axis=(2, 3))
    assert sums.min() > 1e-3, "never u and −u"
    assert not taken & {each.atoms.info["frame_id"] for each in again}
    identities = [each.atoms.info["frame_id"] for each in again]
    assert len(identities) == len(set(identities))


def test_random_displacements_of_symfc_are_drawn_too(silicon):
    primitive, perfect, _ = silicon
    settings = config.Phonons(fc3="symfc", random_displacements=30)
    drawn = drawing.displaced(primitive, perfect, settings, 2, np.random.default_rng(0))
    shift = drawn[0].atoms.positions - perfect.positions
    assert np.linalg.norm(shift, axis=1) == pytest.approx(settings.random_amplitude, abs=1e-6)


def trajectory(path, sites, member, ended="", temperature=300.0, frames=50):
    """A file as `nve.run` writes it; the displacements of frame n are n 1e-3 Å."""
    shifts = np.arange(frames)[:, None, None] * 1e-3 * np.ones((1, len(sites), 3))
    shifts[:, 0] *= -1
    with h5py.File(path, "w") as file:
        file.attrs.update(timestep_fs=4.0, frame_step_fs=8.0, ended=ended)
        file.attrs["record"] = f'{{"member": {member}}}'
        for name in ("flux_lattice", "flux_potential", "flux_convective"):
            file[name] = np.zeros((2 * frames, 3))
        file["temperature"] = np.full(2 * frames, temperature)
        file["energy"] = np.zeros(2 * frames)
        file["displacements"], file["velocities"] = shifts, np.zeros_like(shifts)
        file["numbers"], file["cell"] = sites.numbers, sites.cell.array
        file["sites"], file["masses"] = sites.positions, sites.get_masses()
    return path


def test_frames_of_the_trajectories_that_gave_kappa(tmp_path):
    sites = silicon_cubic()
    paths = [
        trajectory(tmp_path / "0.h5", sites, 0),
        trajectory(tmp_path / "1.h5", sites, 1, ended="exploded"),
        trajectory(tmp_path / "2.h5", sites, 0, temperature=900.0),  # left the crystal: not used
        trajectory(tmp_path / "3.h5", sites, 1),
    ]
    settings = config.GreenKubo()
    drawn = drawing.dynamics(paths, settings, 6, np.random.default_rng(0), first=10)
    assert [each.pair for each in drawn] == list(range(10, 16)), "every frame is a block"
    recorded = np.concatenate([nve.read_frames(paths[n])[0] for n in (0, 3)])
    for each in drawn:
        shift = each.atoms.positions - sites.positions
        assert np.abs(recorded - shift).max(axis=(1, 2)).min() < 1e-6


def test_trajectories_that_cannot_be_used_leave_their_labels_to_the_others(tmp_path, silicon):
    primitive, perfect, constants = silicon
    path = trajectory(tmp_path / "0.h5", perfect, 0, ended="exploded")
    found = drawing.Ensembles(
        primitive, perfect, constants, PHONONS, config.GreenKubo(), [path], None, set()
    )
    drawn, missing = drawing.draw(found, config.Audit(), np.random.default_rng(0))
    assert len(drawn) == 6
    assert {each.source for each in drawn} == {"thermal", "displaced"}
    assert "exploded" in missing["green_kubo"]
    good = trajectory(tmp_path / "1.h5", perfect, 0)
    found = drawing.Ensembles(
        primitive, perfect, constants, PHONONS, config.GreenKubo(), [good], None, set()
    )
    drawn, missing = drawing.draw(found, config.Audit(), np.random.default_rng(0))
    assert [each.source for each in drawn].count("green_kubo") == 2
    assert not missing
    numbers = [each.pair for each in drawn]
    assert len(set(numbers)) == 5, "one thermal pair, two displaced cells, two frames of dynamics"
    drawn, missing = drawing.draw(found, config.Audit(labels=1), np.random.default_rng(0))
    assert [each.source for each in drawn] == ["thermal"]
    assert set(missing) == {"displaced", "green_kubo"}
    assert "raise audit.labels" in missing["displaced"]


def test_the_same_seed_draws_the_same_frames(silicon):
    primitive, perfect, constants = silicon
    found = drawing.Ensembles(primitive, perfect, constants, PHONONS, None, [], None, set())
    one, two, other = (
        [
            each.atoms.info["frame_id"]
            for each in drawing.draw(found, config.Audit(), np.random.default_rng(seed))[0]
        ]
        for seed in (0, 0, 1)
    )
    assert one == two != other


def test_a_table_gives_frames_of_its_own_that_nothing_learned(silicon):
    primitive, perfect, constants = silicon
    generator = np.random.default_rng(0)
    known = []
    for _ in range(5):
        atoms = perfect.copy()
        atoms.positions += generator.normal(scale=0.02, size=atoms.positions.shape)
        known.append(label(atoms))
    known.append(label(bulk("Si", a=5.43)))  # another cell: no ensemble of κ
    taken = {known[0].info["frame_id"], known[1].info["frame_id"]}
    found = drawing.Ensembles(primitive, perfect, constants, PHONONS, None, [], known, taken)
    drawn, missing = drawing.draw(found, config.Audit(), np.random.default_rng(0))
    wanted = {frame.info["frame_id"] for frame in known[2:5]}
    assert {each.atoms.info["frame_id"] for each in drawn} == wanted
    assert not missing
    assert all(isinstance(each.atoms, Atoms) and each.atoms.calc is None for each in drawn)
    used = drawing.Ensembles(primitive, perfect, constants, PHONONS, None, [], known[:2], taken)
    drawn, missing = drawing.draw(used, config.Audit(), np.random.default_rng(0))
    assert not drawn
    assert "used already" in missing["table"]
