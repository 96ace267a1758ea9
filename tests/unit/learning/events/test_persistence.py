"""Events continued on the double-well crystal, whose metastable site is there or is not."""

import numpy as np
import pytest
from ase import Atoms

from umklapp.crystals import frames, phonopy_cells
from umklapp.lattice.harmonic_reference import HarmonicReference
from umklapp.learning.events import persistence
from umklapp.learning.events.event_record import Dynamics, EventRecord, PersistenceRecord
from umklapp.learning.events.observations import Observation
from umklapp.learning.events.persistence import Start
from umklapp.learning.events.quiet import Quiet
from umklapp.potentials import testbed
from umklapp.potentials.ase import AsePotential
from umklapp.potentials.committee import Committee

QUIET = Quiet(median=0.3, width=0.03)
MOTION = "Cu to an interstitial"


@pytest.fixture(scope="module")
def perfect() -> Atoms:
    return phonopy_cells.supercell(testbed.primitive(), np.diag([2, 2, 2]).tolist())


@pytest.fixture(scope="module")
def harmonic(perfect) -> HarmonicReference:
    constants = testbed.force_constants(perfect, testbed.DoubleWellCrystal())
    return HarmonicReference(perfect, constants, "")


def committee(metastable: bool) -> Committee:
    return Committee([AsePotential(testbed.DoubleWellCrystal(metastable))])


def label(atoms: Atoms, metastable: bool = True) -> Atoms:
    """By the true potential."""
    atoms = atoms.copy()
    atoms.calc = testbed.DoubleWellCrystal(metastable)
    return frames.labelled(atoms, atoms.get_potential_energy(), atoms.get_forces())


@pytest.fixture(scope="module")
def hopped(perfect) -> Atoms:
    return label(testbed.hop(perfect))


def continued(hopped, harmonic, metastable: bool):
    start = Start(hopped, MOTION, 150.0, QUIET)
    return persistence.continue_events(
        [start], committee(metastable), harmonic, 200.0, 4.0, 0.01, np.random.default_rng(3)
    )


def test_an_event_that_is_there_lasts(hopped, harmonic, perfect):
    (trial,), asked = continued(hopped, harmonic, True)
    assert (trial.stayed, trial.relaxed, trial.duration) == (True, True, 200.0)
    assert not trial.lasts, "nobody has audited the committee yet"
    crystal = label(perfect)
    record = EventRecord(crystal_energy=crystal.get_potential_energy() + 0.7)
    runs = PersistenceRecord(trials=(trial,), crystal_frame=frames.frame_id(perfect))
    labels = [crystal, *map(label, asked)]
    _, (audited,) = persistence.audit(runs, record, labels, committee(True), 0.15)
    assert audited.error == pytest.approx(0.0, abs=1e-6)
    assert audited.lasts
    # the interstitial lies 0.257 eV above the crystal, 150 K mean 0.29 eV more in 15 atoms
    assert 0.26 < audited.end_energy < 1.2


def test_an_event_that_is_not_there_returns(hopped, harmonic):
    (trial,), _ = continued(hopped, harmonic, False)
    assert (trial.stayed, trial.relaxed) == (False, False)
    assert trial.returns


def test_a_committee_that_invents_the_site_is_not_audited(hopped, harmonic, perfect):
    """It says that the event lasts; the engine has other forces there."""
    (trial,), asked = continued(hopped, harmonic, True)
    runs = PersistenceRecord(trials=(trial,))
    labels = [label(frame, metastable=False) for frame in asked]
    record = EventRecord(crystal_energy=label(perfect).get_potential_energy())
    _, (audited,) = persistence.audit(runs, record, labels, committee(True), 0.15)
    assert audited.stayed
    assert audited.error > 0.15
    assert not audited.lasts
    missing = persistence.audit(runs, record, labels[:1], committee(True), 10.0)[1][0]
    assert not missing.audited, "one of its two ends has no label"


def test_label_energies_are_counted_from_the_engines_crystal(perfect):
    from test_verdict import label as label_in_event

    crystal = label(perfect)
    record = EventRecord(
        labels=(label_in_event(),), crystal_energy=crystal.get_potential_energy() - 0.5
    )
    runs = PersistenceRecord(crystal_frame=frames.frame_id(perfect))
    moved, _ = persistence.audit(runs, record, [crystal], committee(True), 0.1)
    assert moved.labels[0].energy == pytest.approx(record.labels[0].energy - 0.5)
    assert moved.crystal_energy == pytest.approx(crystal.get_potential_energy())


def judged(start, last, sigma, harmonic):
    """A run of 20 frames that goes from one configuration to another, by the reference."""
    positions = np.array([start] * 10 + [last] * 10)
    time = 20.0 * np.arange(20)
    return persistence.judge_run(
        "f", MOTION, 150.0, time, np.array(sigma), positions, start, QUIET, harmonic, "reference"
    )


def test_an_atom_that_hops_on_has_neither_stayed_nor_returned(hopped, harmonic, perfect):
    start = hopped.positions
    on = start.copy()
    on[np.linalg.norm(start - perfect.positions, axis=1).argmax()] += [0.0, 1.5, 0.0]
    calm, large = [0.3] * 20, [1.5] * 20
    trial = judged(start, on, calm, harmonic)
    assert (trial.stayed, trial.elsewhere, trial.returns, trial.lasts) == (
        False, True, False, False,
    )  # fmt: skip
    assert judged(start, start, large, harmonic).lasts
    back = judged(start, perfect.positions, calm, harmonic)
    assert (back.elsewhere, back.returns) == (False, True)


def test_half_of_the_atoms_that_were_away_must_still_be(harmonic, perfect):
    start = np.array(perfect.positions)
    away = np.flatnonzero(perfect.symbols == "Cu")[:4]
    start[away, 0] += 1.5
    back = start.copy()
    back[away[:2], 0] -= 1.5
    assert persistence.still_away(back[None], start, harmonic)
    back[away[2], 0] -= 1.5
    assert not persistence.still_away(back[None], start, harmonic)
    still = perfect.positions[None]
    assert persistence.still_away(still, perfect.positions, harmonic), "σᴬ alone tells"


def test_a_strained_cell_is_no_atom_away(harmonic, perfect):
    """A frame of dynamics at constant pressure: one atom away, which comes back."""
    cell = 1.3 * perfect.cell.array
    start, back = 1.3 * perfect.positions, 1.3 * perfect.positions
    start[np.flatnonzero(perfect.symbols == "Cu")[0], 0] += 1.5
    assert not persistence.still_away(back[None], start, harmonic, cell)
    assert persistence.still_away(start[None], start, harmonic, cell)
    assert persistence.still_away(back[None], start, harmonic), "strain taken for atoms away"


def test_labels_to_continue_from_are_of_every_motion_in_turn():
    from test_verdict import label as label_in_event

    other = "stay: Cu to the site of another atom"
    labels = [
        label_in_event(score=5.0, frame="a"),
        label_in_event(score=1.0, frame="b"),
        label_in_event(score=3.0, frame="c", kind=other),
        label_in_event(score=0.0, frame="d", kind="excursion: Cu beside its site"),
    ]
    chosen = [each.frame_id for each in persistence.chosen(labels, 3)]
    assert chosen == ["b", "c", "d"]
    assert [each.frame_id for each in persistence.chosen(labels, 9)] == ["b", "c", "d", "a"]
    assert persistence.chosen(labels, 0) == []


def test_starts_have_the_band_of_the_last_committee(hopped):
    from test_verdict import label as label_in_event

    name = str(hopped.info["frame_id"])
    after = Observation(quiet=QUIET)
    dynamics = Dynamics(temperature=300.0, before=Observation(), after=after)
    record = EventRecord(dynamics=(dynamics,))
    (start,) = persistence.starts([label_in_event(frame=name)], [hopped], record)
    assert (start.quiet, start.temperature, start.motion) == (QUIET, 300.0, MOTION)
    nowhere = label_in_event(frame=name, temperature=900.0)
    assert persistence.starts([nowhere], [hopped], record) == []
