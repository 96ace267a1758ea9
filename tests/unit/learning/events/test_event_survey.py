"""The survey of a small campaign on the double-well crystal, whose events are put there by hand."""

import numpy as np
import pytest
from ase import units

from umklapp.crystals import frames, phonopy_cells
from umklapp.lattice.harmonic_reference import HarmonicReference
from umklapp.learning.events import event_survey, reference_replay, replay, verdict
from umklapp.learning.events.event_record import EventRecord
from umklapp.learning.events.evidence import Facts
from umklapp.learning.judgement import reference_energies
from umklapp.learning.sampling import exploration
from umklapp.learning.sampling.dynamics import Recorder, Trajectory
from umklapp.potentials import testbed
from umklapp.potentials.ase import AsePotential
from umklapp.potentials.committee import Committee

OPTIONS = {"enter": 6.0, "leave": 3.0, "shortest": 0.0, "gap": 60.0}
HOP = "stay: Cu to an interstitial"
FRAMES, STEP = 80, 40.0  # of a replica; fs


@pytest.fixture(scope="module")
def crystal():
    """Perfect cell, its force constants, the hop, and a committee of two equal exact potentials."""
    perfect = phonopy_cells.supercell(testbed.primitive(), np.diag([2, 2, 2]).tolist())
    constants = testbed.force_constants(perfect, testbed.DoubleWellCrystal())
    shift = testbed.hop(perfect).positions - perfect.positions
    exact = Committee([AsePotential(testbed.DoubleWellCrystal())] * 2)
    return perfect, HarmonicReference(perfect, constants, ""), shift, exact


def cells(crystal, inside, seed):
    """Frames of small thermal displacements, hopped within some stretch of frames."""
    perfect, _, shift, _ = crystal
    generator = np.random.default_rng(seed)
    for number in range(FRAMES):
        atoms = perfect.copy()
        atoms.positions += generator.normal(0, 0.06, atoms.positions.shape)
        if number in inside:
            atoms.positions += shift
        yield atoms


def explore(path, crystal, stretches, committee=None):
    """An exploration file with a replica per stretch."""
    perfect, harmonic, _, exact = crystal
    models = committee or exact
    recorder = Recorder(reference_energies(models, perfect), harmonic)
    replicas = []
    for seed, inside in enumerate(stretches):
        replica = Trajectory(perfect, 300.0)
        for number, atoms in enumerate(cells(crystal, inside, seed)):
            prediction = models.evaluate_members([atoms])
            recorder.keep(replica, atoms, prediction, STEP * (number + 1), 300.0, 2.5)
        replicas.append(replica)
    exploration.write(path, replicas)
    return path


def reference(crystal, inside, seed=9):
    """Labelled frames of reference MD with their times."""
    run = []
    for number, atoms in enumerate(cells(crystal, inside, seed)):
        atoms.calc = testbed.DoubleWellCrystal()
        energy, forces = atoms.get_potential_energy(), atoms.get_forces()
        run.append(frames.labelled(atoms, energy, forces, time=STEP * number, origin="md"))
    return run


@pytest.fixture(scope="module")
def surveyed(crystal, tmp_path_factory):
    """First exploration quiet; the second with a hop that ends, a return, and labels."""
    folder = tmp_path_factory.mktemp("survey")
    paths = [
        explore(folder / "0.h5", crystal, [range(0), range(0)]),
        explore(folder / "1.h5", crystal, [range(20, 60), range(3)]),
    ]
    found = exploration.read(paths[1])
    chosen = [30, 70, FRAMES + 1]  # inside, outside, and in the return
    labelled = []
    for number in chosen:
        atoms = found.frames[number]
        atoms.calc = testbed.DoubleWellCrystal()
        energy, forces = atoms.get_potential_energy(), atoms.get_forces()
        labelled.append(frames.labelled(atoms, energy, forces, explored=number))
    files = [folder / f"{number}.extxyz" for number in range(2)]
    frames.write_frames(files[0], [])
    frames.write_frames(files[1], labelled)
    _, harmonic, _, exact = crystal
    material = event_survey.Material(
        paths, files, exact, exact, (0.02, 0.01), harmonic,
        reference=reference(crystal, range(30, 70)),
    )  # fmt: skip
    return event_survey.survey(material, OPTIONS, 8)


def test_the_dynamics_are_counted_by_temperature_with_replicas_begun_inside_apart(surveyed):
    (dynamics,) = surveyed[0].dynamics
    assert dynamics.temperature == 300.0
    assert dynamics.before.entries() == 0
    assert dynamics.before.exposure == pytest.approx(2 * STEP * (FRAMES - 1) / 1000)
    assert dynamics.after.kinds == [HOP]
    assert (dynamics.after.replicas, dynamics.after.began_inside) == (2, 1)
    (event,) = dynamics.after.real_events
    assert (event.start, event.end) == (21 * STEP, 60 * STEP)


def test_reference_events_carry_their_moves(surveyed, crystal):
    record = surveyed[0]
    (event,) = record.reference.real_events
    assert event.kind == HOP
    assert event.moves[0].atom == int(np.flatnonzero(crystal[0].symbols == "Cu")[0])
    assert (event.open_start, event.open_end) == (False, False)
    assert record.along.inside == 40
    assert record.along.outside == 40
    assert record.along.before.force_inside == pytest.approx(0.0, abs=1e-6)


def test_the_finer_source_is_thinned_to_the_coarser(crystal, tmp_path):
    """Two frames of large σᴬ that the coarser source does not look at are nobody's event."""
    time = 10.0 * np.arange(9)
    assert replay.stride_of(time, 40.0) == 4
    assert replay.stride_of(time, 5.0) == 1
    assert replay.stride_of(time[:1], 40.0) == 1
    path = explore(tmp_path / "e.h5", crystal, [range(41, 43)])
    _, harmonic, _, _ = crystal
    fine = replay.scan_exploration(path, {}, harmonic, gap=60.0)[300.0]
    coarse = replay.scan_exploration(path, {}, harmonic, 4 * STEP, gap=60.0)[300.0]
    assert replay.exploration_spacing(path) == STEP
    assert (fine.entries(), coarse.entries()) == (1, 0)
    assert coarse.exposure == pytest.approx(fine.exposure, abs=4 * STEP / 1000)
    run = reference(crystal, range(41, 43))
    band = fine.quiet
    assert reference_replay.scan_reference([run], band, harmonic, gap=60.0).entries() == 1
    assert reference_replay.scan_reference([run], band, harmonic, 4 * STEP, gap=60.0).entries() == 0


def test_labels_in_events_have_energy_temperature_and_errors(surveyed):
    inside, back = surveyed[0].labels
    assert (inside.kind, inside.began_inside, inside.learned) == (HOP, False, False)
    assert (inside.temperature, inside.time, inside.round) == (300.0, 31 * STEP, 1)
    assert inside.error_before == pytest.approx(0.0, abs=1e-6)
    assert inside.energy > 0.257  # of the interstitial alone
    assert (back.replica, back.began_inside) == (1, True)


def test_the_record_can_be_written_and_judged(surveyed, tmp_path):
    record, series = surveyed
    record.write(tmp_path / "events.json")
    read = EventRecord.read(tmp_path / "events.json")
    assert read.labels == record.labels
    assert read.dynamics == record.dynamics
    assert verdict.judge(Facts(read)).verdict == "undecided"  # 3 ps of everything
    assert set(series["source"]) == {"reference", "before", "after"}
    assert {"largest_error_before", "uncertainty_after"} <= set(series.columns)


def test_reference_at_several_temperatures_is_not_one_source(crystal):
    """Ten short runs at 600 K and a long one at 300 K: their σᴬ and rates are not the same."""
    perfect, harmonic = crystal[0], crystal[1]
    generator = np.random.default_rng(0)

    def run(target, length):
        """Forces −F = c u with the virial of the temperature."""
        found = []
        for time in np.linspace(0, length, 4):
            u = generator.normal(scale=0.05, size=(len(perfect), 3))
            u -= u.mean(axis=0)
            atoms = perfect.copy()
            atoms.positions += u
            stiffness = 3 * (len(perfect) - 1) * units.kB * target / (u**2).sum()
            found.append(frames.labelled(atoms, 0.0, -stiffness * u, time=time))
        return found

    cold, hot = run(300.0, 20000.0), [run(600.0, 1000.0) for _ in range(10)]
    assert event_survey.temperature_of(hot, harmonic).value == pytest.approx(600.0)
    assert event_survey.of_one_temperature([*hot, cold], harmonic, [300.0, 600.0]) == ([cold], 10)
    assert event_survey.of_one_temperature([*hot, cold], harmonic, [600.0]) == (hot, 1)
    assert event_survey.of_one_temperature([cold], harmonic, [1200.0]) == ([cold], 0)
    assert event_survey.of_one_temperature([], harmonic, [300.0]) == ([], 0)
    assert event_survey.temperature_of([], harmonic) is None


def test_frames_of_a_pool_are_no_dynamics(crystal, tmp_path):
    perfect, harmonic, _, exact = crystal
    pool = list(cells(crystal, range(5), 0))[:6]
    zero = reference_energies(exact, perfect)
    replicas = exploration.judge_pool(exact, pool, zero, harmonic)
    path = tmp_path / "pool.h5"
    exploration.write(path, replicas)
    frames.write_frames(tmp_path / "none.extxyz", [])
    material = event_survey.Material(
        [path], [tmp_path / "none.extxyz"], exact, exact, (0.02, 0.01), harmonic
    )
    record, _ = event_survey.survey(material, OPTIONS, 8)
    assert record.dynamics == ()
    assert verdict.judge(Facts(record)).verdict == "undecided"


def test_a_material_without_harmonic_reference(tmp_path):
    record, series = event_survey.none("no harmonic reference, so no σᴬ")
    record.write(tmp_path / "events.json")
    assert EventRecord.read(tmp_path / "events.json").missing.startswith("no harmonic")
    assert list(series.columns) == ["source", "replica", "time_ps"]
