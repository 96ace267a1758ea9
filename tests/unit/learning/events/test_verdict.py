"""The word on events in cases whose right answer is known, and the evidence behind it."""

import json
import os

import pytest
from assessments import assessment
from observed import QUIET, event, observation

from umklapp import config
from umklapp.learning.events import verdict
from umklapp.learning.events.event_record import (
    Along,
    Dynamics,
    Errors,
    EventRecord,
    LabelInEvent,
    Trial,
)
from umklapp.learning.events.evidence import Facts
from umklapp.learning.events.observations import Observation
from umklapp.learning.events.thermal import Temperature
from umklapp.learning.events.verdict import Belongs, Verdict
from umklapp.paths import Material

HOP = "Cu to an interstitial"


def errors(force=(0.016, 0.015), largest=(0.05, 0.04), uncertainty=(0.03, 0.025)):
    """Of one committee inside and outside the reference's events, eV/Å."""
    names = ("force", "largest", "uncertainty")
    values = dict(zip(names, (force, largest, uncertainty), strict=True))
    return Errors(
        **{
            f"{name}_{side}": value
            for name, pair in values.items()
            for side, value in zip(("inside", "outside"), pair, strict=True)
        }
    )


KNOWN = Along(inside=50, outside=200, before=errors(), after=errors())
UNKNOWN = Along(
    inside=50,
    outside=200,
    before=errors(force=(0.040, 0.015), uncertainty=(0.300, 0.025)),
    after=errors(),
)


def label(score=0.6, kind=f"stay: {HOP}", error=0.3, frame="f1", **changes):
    """A label in an event, `score` standard deviations above the thermal mean."""
    motion = kind.split(": ")[1]
    values = {"round": 0, "replica": 0, "time": 5000.0, "temperature": 300.0, "sigma": 1.8}
    values |= {"error_before": error, "error_after": 0.03, "largest_before": 5 * error}
    values |= {"largest_after": 0.05, "began_inside": False, "learned": True, **changes}
    energy = 2.4 + 0.25 * score
    return LabelInEvent(
        frame_id=frame, kind=kind, motion=motion, energy=energy, thermal_mean=2.4,
        thermal_spread=0.25, **values,
    )  # fmt: skip


def trial(stayed=True, relaxed=True, audited=True, frame="f1", **changes):
    """An event continued from a label."""
    return Trial(
        label=frame, motion=HOP, temperature=300.0, duration=500.0, stayed=stayed, relaxed=relaxed,
        audited=audited, error=0.05, **changes,
    )  # fmt: skip


def facts(reference, before, after, labels=(), trials=(), along=None, temperature=300.0):
    """What a verdict is made of; quiet test errors are 20 meV/Å."""
    record = EventRecord(
        reference=reference,
        reference_temperature=(
            None if reference is None else Temperature(value=temperature, error=2.0)
        ),
        dynamics=(Dynamics(temperature=300.0, before=before, after=after),),
        along=along,
        labels=labels,
        quiet_error_before=0.02,
        quiet_error_after=0.02,
    )
    return Facts(record, trials)


def judge(*parts, **more):
    """The verdict, which can be written and read, and begins with its word."""
    found = verdict.judge(facts(*parts, **more))
    same = Verdict.model_validate_json(found.model_dump_json())
    stamped = {"schema_version": found.schema_version, "versions": {}, "code": found.code}
    assert same.model_copy(update=stamped) == found.model_copy(update=stamped)
    assert found.reason.startswith(found.verdict)
    assert all(len(sentence) < 200 for sentence in (found.reason, *found.details))
    return found


# without events


def test_no_events_in_long_dynamics_and_a_long_reference_are_sound():
    found = judge(observation(0), observation(0), observation(0))
    assert found.verdict == "sound"
    assert "events rarer than 0.03 per ps would not show" in found.text


def test_no_events_and_no_reference_are_undecided():
    found = judge(None, observation(0), observation(0))
    assert found.verdict == "undecided"
    assert "30 ps more of reference dynamics" in found.text


def test_a_tenth_of_a_ps_of_reference_is_too_little_for_sound():
    """The demo's."""
    found = judge(observation(0, 0.1), observation(0, 6.0), observation(0, 6.0))
    assert found.verdict == "undecided"
    assert found.needs == ["29.9 ps more of reference dynamics (verdict.reference)"]
    twice = found.model_copy(update={"evidence": found.evidence * 2})
    assert twice.needs == found.needs


def test_a_tenth_of_a_ps_of_reference_denies_no_rate_of_0_29():
    found = judge(observation(0, 0.1), observation(4, 13.8), observation(4, 13.8))
    assert found.verdict == "undecided"
    # three mean waiting times of 1/0.29 ps, less what is there
    assert any("10.2 ps more of the reference would show such events" in n for n in found.needs)


def test_too_little_dynamics_decides_nothing():
    found = judge(observation(0), observation(0, 0.4), observation(0))
    assert found.verdict == "undecided"
    assert "exploration.steps" in found.text


def test_replicas_begun_in_events_are_no_dynamics_to_judge_by():
    apart = Observation(apart=(event(open_start=True),), apart_ps=50.0, replicas=3, began_inside=3)
    found = judge(observation(0), apart, observation(0))
    assert found.verdict == "undecided"


def test_no_harmonic_reference_is_undecided():
    found = verdict.judge(Facts(EventRecord(missing="no harmonic reference, so no σᴬ")))
    assert (found.verdict, found.reason) == (
        "undecided", "undecided: no harmonic reference, so no σᴬ",
    )  # fmt: skip


# against reference dynamics


def test_the_same_events_everywhere_are_sound():
    found = judge(observation(10), observation(9), observation(11), along=KNOWN)
    assert found.verdict == "sound"


def test_one_event_each_is_not_enough_to_say_that_rates_agree():
    found = judge(observation(1, 8.0), observation(1, 8.0), observation(1, 8.0), along=KNOWN)
    assert found.verdict == "undecided"
    assert any(text.startswith("about 40 ps of the first committee") for text in found.needs)


def test_events_of_the_reference_that_the_first_potential_does_not_have_were_missed():
    assert judge(observation(9), observation(0), observation(10)).verdict == "missed event"


def test_one_event_of_the_reference_and_none_in_the_dynamics_is_undecided():
    """Unless the committee is wrong in it: the exact test alone cannot tell."""
    parts = (observation(1, 8.0, dwell=13000.0, open_end=True), observation(0, 40.0))
    found = judge(*parts, observation(2, 40.0), along=KNOWN)
    assert found.verdict == "undecided"
    assert judge(*parts, observation(2, 40.0), along=UNKNOWN).verdict == "missed event"


def test_errors_inside_the_reference_events_are_not_sound():
    """40 against 15 meV/Å and an uncertainty of 300 against 25, at the right rates."""
    found = judge(observation(9), observation(8), observation(10), along=UNKNOWN)
    assert found.verdict == "missed event"
    assert "missed event: inside the reference's events, against outside, the first" in found.reason
    assert "force MAE 40.0 against 15.0" in found.text
    assert "uncertainty 300.0 against 25.0 meV/Å before learning" in found.text


def test_uncertainty_alone_is_not_sound():
    along = UNKNOWN.model_copy(update={"before": errors(uncertainty=(0.300, 0.025))})
    parts = (observation(9), observation(8), observation(10))
    assert judge(*parts, along=along).verdict == "missed event"


def test_errors_that_learning_leaves_are_said():
    along = Along(inside=50, outside=200, before=UNKNOWN.before, after=UNKNOWN.before)
    found = judge(observation(9), observation(8), observation(10), along=along)
    assert "learning has not repaired it" in found.text


def test_three_frames_inside_decide_nothing():
    few = UNKNOWN.model_copy(update={"inside": 3})
    found = judge(observation(9), observation(8), observation(10), along=few)
    assert found.verdict == "undecided"
    assert "5 reference frames within events" in found.text


def test_dwell_times_decide_in_both_directions():
    reference = observation(9, dwell=4000.0)
    after = observation(9, dwell=4000.0)
    longer = judge(reference, observation(9, dwell=40000.0, open_end=True), after)
    assert longer.verdict == "false event"
    assert "lasts longer in the first committee than in the reference" in longer.text
    shorter = judge(reference, observation(9, dwell=1000.0), after)
    assert shorter.verdict == "missed event"
    assert "ends sooner in the first committee" in shorter.text


def test_events_that_come_too_often_are_false():
    found = judge(observation(3), observation(30), observation(4))
    assert found.verdict == "false event"


def test_excursions_of_one_class_do_not_stand_for_hops_of_another():
    """Equally many events, but the first committee's return at once and reach nothing."""
    excursions = observation(9, dwell=300.0, moved="own")
    found = judge(observation(9), excursions, observation(9), along=KNOWN)
    assert found.verdict == "missed event"


def test_a_last_committee_that_differs_from_the_reference_is_not_sound():
    found = judge(observation(10), observation(9), observation(0), along=KNOWN)
    assert found.verdict == "missed event"
    assert "begins less often in the last committee than in the reference" in found.text


def test_a_melted_committee_is_false():
    melted = observation(6, 2.0, dwell=9000.0, moved="own", open_end=True)
    assert judge(observation(0, 40.0), melted, observation(0)).verdict == "false event"


def test_a_reference_that_is_in_its_event_all_the_time_is_undecided():
    """It says that the state exists, not how often it is entered."""
    inside = observation(1, 0.0, dwell=39000.0, start=0.0, open_start=True, open_end=True)
    found = judge(inside, observation(0), observation(0))
    assert found.verdict == "undecided"
    assert "none was seen to begin" in found.text


def test_a_reference_of_another_temperature_is_no_comparison_of_rates():
    found = judge(observation(30), observation(0), observation(0), temperature=900.0)
    assert found.verdict == "undecided"
    assert not found.comparisons
    alike = judge(observation(30, 5.0), observation(9), observation(9), temperature=200.0)
    assert alike.verdict == "undecided"
    assert "the reference is at 200 ± 2 K" in alike.text


def test_a_colder_reference_says_nothing_of_events_at_the_temperature():
    found = judge(observation(0), observation(0), observation(0), temperature=100.0)
    assert found.verdict == "undecided"
    assert "30 ps more of reference dynamics" in found.text
    hotter = judge(observation(0), observation(0), observation(0), temperature=900.0)
    assert hotter.verdict == "sound"


# by labels


def test_events_that_learning_brought_and_labels_confirm_were_missed():
    found = judge(None, observation(0), observation(10), (label(),), (trial(),))
    assert found.verdict == "missed event"
    assert (
        "a real event: on its labels the first committee has a force MAE of 300.0" in found.reason
    )
    assert "(20.0 on test frames), the last of 30.0" in found.reason


def test_events_that_learning_brought_and_nobody_confirms_are_undecided():
    found = judge(None, observation(0), observation(10))
    assert found.verdict == "undecided"
    assert "30 ps more of reference dynamics, in which such events would show" in found.text


def test_anharmonic_in_the_reference_too_confirms_nothing():
    """σᴬ of the label is that of an event; it was never continued."""
    found = judge(None, observation(0), observation(10), (label(sigma=3.0),))
    assert found.verdict == "undecided"


@pytest.mark.parametrize(
    "weak",
    [
        trial(stayed=False),
        trial(relaxed=False),
        trial(audited=False),
    ],
)
def test_a_label_confirms_only_what_lasts_where_the_committee_is_audited(weak):
    assert judge(None, observation(0), observation(10), (label(),), (weak,)).verdict == "undecided"


def test_a_label_far_above_the_thermal_energy_confirms_nothing_even_if_it_lasts():
    hot = (label(score=9.0),)
    assert judge(None, observation(0), observation(10), hot, (trial(),)).verdict == "undecided"


def test_a_hot_label_whose_state_is_thermal_once_it_has_relaxed_confirms():
    """The first committee put the atom on a wrong place of a real event."""
    hot, cool = (label(score=9.0),), (trial(end_energy=2.5),)
    assert judge(None, observation(0), observation(10), hot, cool).verdict == "missed event"


def test_hot_labels_that_return_make_a_false_event():
    hot = (label(score=9.0), label(score=30.0, frame="f2"))
    gone = (trial(stayed=False, relaxed=False),)
    found = judge(None, observation(5), observation(0), hot, gone)
    assert found.verdict == "false event"
    assert "labels with an energy of their temperature: 0 of 2" in found.text


def test_hot_labels_of_an_event_that_the_reference_has_do_not_make_it_false():
    """No true event is called false."""
    hot = (label(score=9.0),)
    gone = (trial(stayed=False, relaxed=False),)
    reference = observation(9)
    found = judge(reference, observation(8), observation(9), hot, gone, along=KNOWN)
    assert found.verdict == "sound"


def test_one_thermal_label_that_returns_does_not_make_a_false_event():
    gone = (trial(stayed=False, relaxed=False),)
    assert judge(None, observation(5), observation(4), (label(),), gone).verdict == "undecided"


def test_returns_by_a_committee_that_is_not_audited_deny_no_thermal_label():
    """Two hops to a real state; the committee throws the atom back and no label says it may."""
    labels = (label(), label(frame="f2"))
    gone = tuple(trial(False, False, frame=name) for name in ("f1", "f2"))
    lost = tuple(each.model_copy(update={"audited": False}) for each in gone)
    assert judge(None, observation(5), observation(4), labels, gone).verdict == "false event"
    assert judge(None, observation(5), observation(4), labels, lost).verdict == "undecided"


def test_excursions_return_and_that_denies_nothing():
    short = tuple(label(kind=f"excursion: {HOP}", frame=name) for name in ("f1", "f2", "f3"))
    gone = tuple(trial(False, False, frame=name) for name in ("f1", "f2", "f3"))
    found = judge(None, observation(9, dwell=300.0), observation(8, dwell=300.0), short, gone)
    assert found.verdict == "undecided"


def test_returns_of_the_last_committee_speak_against_hot_labels():
    back = Observation(
        quiet_ps=50.0, replicas=2, began_inside=2,
        apart=(event(80.0, start=80.0, open_start=True),) * 2,
    )  # fmt: skip
    found = judge(None, observation(5), back, (label(score=9.0),))
    assert found.verdict == "false event"
    assert "2 replicas of the last committee that began in such an event returned" in found.text


def test_returns_of_another_motion_speak_against_nothing():
    """The last committee's replicas returned from another event, or the atom hopped on."""
    for changes in ({"moved": "own"}, {"home": False}, {"began_as": "Cu beside its site"}):
        other = Observation(
            quiet_ps=50.0, replicas=2, began_inside=2,
            apart=(event(80.0, start=80.0, open_start=True, **changes),) * 2,
        )  # fmt: skip
        found = judge(None, observation(5), other, (label(score=9.0),))
        assert found.verdict == "undecided", changes


def test_another_mix_of_temperatures_is_no_missed_event():
    """Half an event per ps at 600 K in both; the first was there for 2 ps, the last for 40."""
    cold = Dynamics(temperature=300.0, before=observation(0, 80.0), after=observation(0, 80.0))
    hot = Dynamics(temperature=600.0, before=observation(1, 2.0), after=observation(20, 40.0))
    record = EventRecord(
        dynamics=(cold, hot), labels=(label(error=0.03),), quiet_error_before=0.02,
        quiet_error_after=0.02,
    )  # fmt: skip
    assert verdict.judge(Facts(record, (trial(),))).verdict != "missed event"


def test_a_last_committee_that_stays_in_an_unknown_state_is_not_sound():
    """Four replicas began in a hop and stay; the reference has no such event."""
    inside = event(20000.0, 0.0, open_start=True, open_end=True)
    stuck = Observation(apart=(inside,) * 4, apart_ps=80, quiet_ps=10, replicas=8, began_inside=4)
    assert judge(observation(0, 40.0), observation(0), observation(0)).verdict == "sound"
    found = judge(observation(0, 40.0), observation(0), stuck)
    assert found.verdict == "undecided"
    assert "4 replicas of the last committee stayed in it from the first frame" in found.text
    hot, gone = (label(score=9.0),), (trial(stayed=False, relaxed=False),)
    assert judge(observation(0, 40.0), observation(0), stuck, hot, gone).verdict == "false event"


@pytest.mark.parametrize("count", [1, 9])
def test_labels_alone_are_not_enough_for_sound(count):
    """They are of events that a committee shows; what none shows would not be noticed."""
    names = [f"f{number}" for number in range(count)]
    known = tuple(label(error=0.03, frame=name) for name in names)
    trials = tuple(trial(frame=name) for name in names)
    found = judge(None, observation(9), observation(10), known, trials)
    assert found.verdict == "undecided"
    assert found.needs == ["30 ps more of reference dynamics (verdict.reference)"]
    assert (
        "labels confirm events that a committee shows, not that it shows all events" in found.text
    )


def test_confirmed_events_at_the_same_rate_beside_a_long_reference_are_sound():
    known = (label(error=0.03),)
    found = judge(observation(0, 31.0), observation(9), observation(10), known, (trial(),))
    assert found.verdict == "sound"
    short = judge(observation(0, 8.0), observation(9), observation(10), known, (trial(),))
    assert short.verdict == "undecided"
    assert short.needs == ["22 ps more of reference dynamics (verdict.reference)"]


# the table


def test_short_dynamics_come_first_and_what_is_open_prevents_sound_only():
    found = judge(observation(9, 8.0), observation(0, 60.0), observation(0, 60.0), along=UNKNOWN)
    assert found.verdict == "missed event"
    points = {piece.points_to for piece in found.evidence}
    assert {"missed event", "sound"} <= points or "undecided" in points
    assert all(piece.test and piece.sentence for piece in found.evidence)


def test_a_missed_and_an_invented_event_are_both_in_the_reason():
    before = Observation(
        events=tuple(event(2000.0, moved="own", replica=n) for n in range(30)),
        quiet_ps=100.0,
        quiet=QUIET,
    )
    found = judge(observation(9), before, observation(9), along=KNOWN)
    assert found.verdict == "missed event"
    assert "Cu beside its site begins more often in the first committee" in found.text


def test_the_record_says_what_was_checked_with_what():
    record = facts(observation(2), observation(1), observation(1), (label(),), along=KNOWN).record
    said = verdict.checked(record, [trial()], 3, config.Verdict())
    assert said == (
        "rates: against 104 ps of reference dynamics at 300 ± 2 K by its virial",
        "errors along the reference: both committees on 250 of its frames",
        "labels in events: 1, energies against the thermal distribution of no dynamics",
        "persistence: 1 labelled frames continued by the last committee for 500 fs and relaxed, "
        "the ends checked by 3 reference calculations",
    )


# on disk


def written(folder, number=1):
    """A folder of results whose verdict is that of its last round."""
    judged, model = folder / f"round_{number:02d}/assessment.json", folder / "model/member_0.ckpt"
    for path in (judged, model):
        path.parent.mkdir(parents=True, exist_ok=True)
    assessment(number, met=True).write(judged)
    model.write_text("weights")
    belongs = Belongs.of(number, judged, [model])
    Verdict(verdict="sound", reason="sound: x", belongs=belongs).write(folder / "verdict.json")
    return folder


def test_a_verdict_is_current_until_a_new_round_opens(tmp_path):
    folder = written(tmp_path)
    found, why = verdict.current(Material(str(folder)))
    assert (found.verdict, why) == ("sound", None)
    (folder / "round_02").mkdir()
    found, why = verdict.current(Material(str(folder)))
    assert found is None
    assert why == "verdict.json is not shown: it is of round 1, and round 2 is the last one now"


def test_a_verdict_is_not_current_when_its_round_was_assessed_again(tmp_path):
    folder = written(tmp_path)
    assessment(1, met=True, accepted=9).write(folder / "round_01/assessment.json")
    assert "was assessed again" in verdict.current(Material(str(folder)))[1]


def test_a_verdict_is_not_current_when_the_models_have_changed(tmp_path):
    folder = written(tmp_path)
    model = folder / "model/member_0.ckpt"
    os.utime(model, (2e9, 2e9))
    assert verdict.current(Material(str(folder)))[0] is not None, "touched, but the same"
    model.write_text("another")
    os.utime(model, (2e9, 2e9))
    assert verdict.current(Material(str(folder)))[1].endswith("the models have changed")


def test_the_word_of_a_verdict_from_before_there_was_evidence_is_not_taken_over(tmp_path):
    """Its σᴬ is: an archive of that time can be drawn."""
    path = tmp_path / "verdict.json"
    sigma = {"after": {"value": 0.4, "error": None}}
    old = {"verdict": "sound", "reason": "sound: x", "labels_in_events": 0, "sigma": sigma}
    path.write_text(json.dumps(old))
    found = Verdict.read(path)
    assert found.verdict == "undecided"
    assert "delete verdict.json and run again" in found.text
    assert (found.overall_sigma("after"), found.overall_sigma("before")) == (0.4, None)
    assert "earlier umklapp" in verdict.current(Material(str(tmp_path)))[1]
    assert verdict.current(Material(str(tmp_path / "none"))) == (None, None)
