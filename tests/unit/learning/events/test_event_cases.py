"""The two cases that were judged wrongly: KZnF3 (a false event) and CuI (a missed one).

The small data are cut from ../shared (each file says how); the full ones are read where they are.
"""

import io
import json
import lzma
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.io import read

from umklapp.crystals import phonopy_cells, registration
from umklapp.lattice import harmonic_reference
from umklapp.lattice.harmonic_reference import HarmonicReference
from umklapp.learning.events import (
    detection,
    event_survey,
    persistence,
    quiet,
    reference_replay,
    thermal,
    verdict,
)
from umklapp.learning.events.event_record import (
    Along,
    Dynamics,
    Errors,
    EventRecord,
    LabelInEvent,
)
from umklapp.learning.events.evidence import Facts
from umklapp.learning.events.moves import motion, moved_atoms
from umklapp.learning.events.observations import Event, Observation

DATA = Path(__file__).parent / "data"
SHARED = Path(__file__).resolve().parents[5] / "shared"
KZNF3 = SHARED / "cases/23-false-event"
CUI = SHARED / "data/cui"
AT_300 = thermal.Temperature(value=300.0, error=3.0)


def resting(perfect):
    """A harmonic reference that knows the sites only."""
    return HarmonicReference(perfect, np.zeros((3 * len(perfect),) * 2), "")


# KZnF3: a committee that let a quiet lattice collapse, and six labels that taught it better


@pytest.fixture(scope="module")
def kznf3():
    return json.loads((DATA / "kznf3_false_event.json").read_text())


@pytest.fixture(scope="module")
def kznf3_harmonic(kznf3):
    return resting(Atoms(kznf3["numbers"], kznf3["sites"], cell=kznf3["cell"], pbc=True))


def kznf3_labels(case):
    """The five labels within the event of replica 1, at 600 K."""
    belongs = thermal.equipartition(60, 600.0)
    return tuple(
        LabelInEvent(
            frame_id=f"f{number}", round=0, replica=1, time=80.0 * (explored - 49),
            temperature=600.0, kind="stay: many atoms leave their sites",
            motion="many atoms leave their sites", energy=energy, thermal_mean=belongs.mean,
            thermal_spread=belongs.spread, sigma=sigma, error_before=0.585, error_after=0.088,
            largest_before=3.0, largest_after=0.3, began_inside=False, learned=True,
        )
        for number, (explored, energy, sigma) in enumerate(
            zip(*(case["labels"][key] for key in ("explored", "energy", "sigma")), strict=True)
        )
        if number < 5
    )  # fmt: skip


def kznf3_facts(case, trials, returned=True):
    """What that campaign knew, with its events counted as they are now."""
    before = Observation(
        events=tuple(Event.model_validate(each) for each in case["before"]["events"]),
        quiet_ps=case["before"]["exposure_ps"] - 3.28,
        replicas=4,
    )
    before = before.model_copy(
        update={
            "events": tuple(
                each.model_copy(update={"open_end": each.end == 4000.0}) for each in before.events
            )
        }
    )
    inside = [Event.model_validate(each) for each in case["after"]["events"]]
    after = Observation(
        quiet_ps=case["after"]["exposure_ps"] / 2,
        apart=tuple(each.model_copy(update={"open_start": True}) for each in inside),
        apart_ps=case["after"]["exposure_ps"] / 2,
        replicas=4,
        began_inside=2,
    )
    if not returned:
        after = after.model_copy(update={"apart": (), "began_inside": 0})
    record = EventRecord(
        reference=Observation(quiet_ps=0.22, replicas=1),
        reference_temperature=AT_300,
        dynamics=(Dynamics(temperature=600.0, before=before, after=after),),
        labels=kznf3_labels(case),
        quiet_error_before=0.018,
        quiet_error_after=0.018,
    )
    return Facts(record, trials)


def kznf3_return(case, harmonic):
    """The reference from the fifth label."""
    run = case["return"]
    band = quiet.lowest([np.array(case["quiet"]["sigma"])])
    return persistence.judge_run(
        "f4", "many atoms leave their sites", 600.0, np.array(run["time"]),
        np.array(run["sigma"]), np.array(run["positions"]),
        np.array(case["labels"]["positions_of_the_fifth"]), band, harmonic, "reference",
    )  # fmt: skip


def test_kznf3_labels_have_no_energy_of_600_kelvin(kznf3):
    scores = [label.score() for label in kznf3_labels(kznf3)]
    assert min(scores) > thermal.ALLOWED
    assert max(scores) > 40
    belongs = thermal.equipartition(60, 600.0)
    thermal_scores = [belongs.score(energy) for energy in kznf3["quiet"]["energy"]]
    assert max(map(abs, thermal_scores)) < thermal.ALLOWED, "the reference's own dynamics has"


def test_kznf3_returns_in_the_reference(kznf3, kznf3_harmonic):
    trial = kznf3_return(kznf3, kznf3_harmonic)
    assert not trial.stayed
    assert trial.returns
    assert trial.returned < 150


def test_kznf3_is_a_false_event(kznf3, kznf3_harmonic):
    found = verdict.judge(kznf3_facts(kznf3, [kznf3_return(kznf3, kznf3_harmonic)]))
    assert found.verdict == "false event", found.reason
    assert "labels with an energy of their temperature: 0 of 5" in found.text
    assert "no state of this crystal" in found.reason


def test_kznf3_is_false_by_the_returns_of_the_last_committee_alone(kznf3):
    assert verdict.judge(kznf3_facts(kznf3, [])).verdict == "false event"


def test_kznf3_is_undecided_while_nothing_was_seen_to_return(kznf3):
    """High energies alone: the first committee may have misplaced the atoms of a real event."""
    assert verdict.judge(kznf3_facts(kznf3, [], returned=False)).verdict == "undecided"


@pytest.mark.skipif(not KZNF3.exists(), reason=f"{KZNF3} is not here")
def test_the_whole_kznf3_case(kznf3):
    perfect = read(KZNF3 / "crystal.extxyz")
    calm, back, labels = (
        read(KZNF3 / f"{name}.extxyz", ":") for name in ("quiet", "return", "labels")
    )
    fitted = harmonic_reference.from_fit(perfect, calm[1:], 0.7)
    band = quiet.lowest([reference_replay.frame_sigma(calm[1:], fitted)])
    run = reference_replay.trajectories(back)
    observed = reference_replay.scan_reference(
        reference_replay.trajectories(calm[1:]), band, fitted, gap=200.0
    )
    assert observed.entries() == 0, "its own 600 K dynamics knows no event"
    returned = reference_replay.scan_reference(run, band, fitted, gap=200.0)
    assert returned.entries() == 0, "it begins in the event: no entry"
    trial = persistence.judge_run(
        "f4", "many atoms leave their sites", 600.0, np.array([f.info["time"] for f in back]),
        reference_replay.frame_sigma(back, fitted), np.array([f.positions for f in back]),
        labels[4].positions, band, fitted, "reference",
    )  # fmt: skip
    assert trial.returned <= 120
    assert verdict.judge(kznf3_facts(kznf3, [trial])).verdict == "false event"


# CuI: a Cu atom hops to an interstitial at 7.9 ps and stays


@pytest.fixture(scope="module")
def cui():
    return json.loads((DATA / "cui_missed_event.json").read_text())


@pytest.fixture(scope="module")
def cui_observed(cui):
    """Events of 21 ps of the reference, from σᴬ and the one atom that hops."""
    perfect = bulk("CuI", "zincblende", a=cui["cell"] / 2, cubic=True).repeat(2)
    perfect.positions += np.array(cui["site"]) - perfect.positions[0]
    sigma = np.array(cui["sigma"], float)
    positions = np.repeat(perfect.positions[None], len(sigma), axis=0)
    positions[:, 0] += np.array(cui["displacement"])
    band = quiet.lowest([sigma])
    time = 48.0 * np.arange(len(sigma))
    return detection.scan([iter([(time, sigma, positions)])], band, resting(perfect), gap=200.0)


def cui_facts(observed, before, after, along):
    dynamics = Dynamics(
        temperature=300.0,
        before=Observation(quiet_ps=before, replicas=6),
        after=after,
    )
    record = EventRecord(
        reference=observed,
        reference_temperature=AT_300,
        dynamics=(dynamics,),
        along=along,
    )
    return Facts(record)


def cui_errors(force, uncertainty):
    return Errors(
        force_inside=force, force_outside=0.015, largest_inside=10 * force, largest_outside=0.06,
        uncertainty_inside=uncertainty, uncertainty_outside=0.025,
    )  # fmt: skip


def test_cui_hops_once_and_stays_and_two_thirds_event_do_not_move_the_band(cui, cui_observed):
    assert cui_observed.quiet.median == pytest.approx(0.41, abs=0.02)
    assert np.nanmedian(np.array(cui["sigma"], float)) > 1.4
    assert cui_observed.entries() >= 1
    (stay,) = [each for each in cui_observed.real_events if each.dwell == "stay"]
    assert stay.kind == "stay: Cu to an interstitial"
    assert stay.start == pytest.approx(7900, abs=200)
    assert stay.open_end
    assert stay.duration > 13000
    assert 7 < cui_observed.quiet_ps < 8.2


def test_cui_energies_in_the_event_are_those_of_300_kelvin(cui):
    inside = np.array(cui["energy"])[190:]
    quiet_energies = np.array(cui["energy"])[20:150]
    belongs = thermal.measured(quiet_energies, 64, 300.0, "the reference")
    assert max(belongs.score(energy) for energy in inside) < thermal.ALLOWED


def test_cui_is_a_missed_event(cui_observed):
    """The first committee does not know the hop; learning repairs it."""
    along = Along(
        inside=275, outside=170, before=cui_errors(0.040, 0.300), after=cui_errors(0.016, 0.040)
    )
    after = Observation(events=cui_observed.events, quiet_ps=45.0, replicas=6)
    found = verdict.judge(cui_facts(cui_observed, 45.0, after, along))
    assert found.verdict == "missed event", found.reason
    assert "uncertainty 300.0 against 25.0" in found.text


def test_cui_before_anybody_has_seen_the_hop_is_not_sound(cui_observed):
    """What a campaign knew that ended after two rounds: quiet dynamics, 2 ps of quiet reference."""
    short = Observation(quiet_ps=2.0, replicas=1)
    after = Observation(quiet_ps=45.0, replicas=6)
    found = verdict.judge(cui_facts(short, 45.0, after, None))
    assert found.verdict == "undecided"
    assert found.needs == ["28 ps more of reference dynamics (verdict.reference)"]


@pytest.mark.skipif(not CUI.exists(), reason=f"{CUI} is not here")
def test_the_whole_cui_trajectory(cui_observed):
    primitive = read(CUI / "CuI-216.extxyz")
    perfect = phonopy_cells.supercell(primitive, [[-2, 2, 2], [2, -2, 2], [2, 2, -2]])
    with lzma.open(CUI / "CuI-216_md300K.extxyz.xz", "rt") as file:
        given = read(io.StringIO(file.read()), ":", format="extxyz")
    every, _ = registration.register(given, perfect, "CuI")
    fitted = harmonic_reference.from_fit(perfect, every[20:150])
    temperature = event_survey.temperature_of([every], fitted)
    assert temperature.value == pytest.approx(300, rel=0.02), "of its thermostat"
    assert temperature.error < 4
    band = quiet.lowest([reference_replay.frame_sigma(every, fitted)])
    found = reference_replay.scan_reference(
        reference_replay.trajectories(every), band, fitted, gap=200.0
    )
    (stay,) = [each for each in found.real_events if each.dwell == "stay"]
    (small,) = [each for each in cui_observed.real_events if each.dwell == "stay"]
    assert (stay.kind, stay.open_end) == (small.kind, True)
    assert stay.start == pytest.approx(small.start, abs=100)
    moved = moved_atoms(fitted.displacements(every[300].positions[None])[0], perfect)
    assert motion(moved) == "Cu to an interstitial"
