import json

import numpy as np
import pytest

from umklapp.learning import verdict
from umklapp.learning.events import Event, Quiet, Record
from umklapp.learning.verdict import Labels


def record(number, exposure=100.0):
    made = [Event(0, 1e3 * n, 1e3 * n + 500, 1.2, 1.0, False) for n in range(number)]
    return Record(made, exposure, Quiet(0.4, 0.02))


def labels(real=True, before=0.3, after=0.03, n=5):
    sigma = np.full(n, 1.2 if real else 0.4)
    return Labels(sigma, np.full(n, before), np.full(n, after), 0.02, 0.52)


def judge(reference, before, after, inside=None):
    found = verdict.judge(reference, before, after, inside)
    json.dumps(found.as_dict(), allow_nan=False)
    assert found.words.startswith(found.kind)
    return found.kind


def test_no_events_anywhere_is_sound():
    assert judge(record(0), record(0), record(0)) == "sound"
    assert judge(None, record(0), record(0)) == "sound"


def test_the_same_events_everywhere_are_sound():
    assert judge(record(10), record(9), record(11)) == "sound"


def test_events_of_the_reference_that_the_first_potential_does_not_have_were_missed():
    assert judge(record(9), record(0), record(10)) == "missed event"
    assert judge(record(1), record(0), record(0)) == "missed event"


def test_events_that_learning_brought_and_labels_confirm_were_missed():
    assert judge(None, record(0), record(10), labels()) == "missed event"


def test_events_that_learning_brought_and_nobody_confirms_are_undecided():
    assert judge(None, record(0), record(10)) == "undecided"


def test_an_event_region_that_the_first_potential_gets_wrong_was_missed():
    """It has events at about the right rate, but errors there are fifteen times the quiet ones."""
    assert judge(record(9), record(8), record(10), labels()) == "missed event"
    assert judge(record(9), record(8), record(10), labels(before=0.03)) == "sound"


def test_events_that_the_reference_denies_were_false():
    assert judge(record(0), record(12), record(0), labels(real=False)) == "false event"
    assert judge(None, record(12), record(0), labels(real=False)) == "false event"
    assert judge(record(0), record(12), record(0)) == "false event"


def test_real_events_are_not_called_false():
    assert judge(record(12), record(12), record(10), labels(before=0.03)) == "sound"
    assert judge(record(12), record(12), record(1)) != "false event"


def test_real_events_that_come_too_often_or_last_too_long_are_false():
    assert judge(record(3), record(20), record(3), labels()) == "false event"
    stuck = Record([Event(0, 0.0, 5e3, 1.2, 1.0, True)] * 2, 100.0, Quiet(0.4, 0.02))
    assert judge(record(9), stuck, record(3), labels()) == "false event"
    # one short event that was cut says nothing
    cut = Record([Event(0, 0.0, 500.0, 1.2, 1.0, True)], 100.0, Quiet(0.4, 0.02))
    assert judge(record(3), cut, record(3), labels(before=0.03)) == "sound"


def test_the_comparison_of_exits_is_the_exact_binomial_one():
    # 2 ps in events each, none left against 4 left: 2 · (1/2)^4
    stuck = Record([Event(0, 0.0, 2e3, 1.2, 1.0, True)], 100.0, Quiet(0.4, 0.02))
    assert verdict.compare_exits(stuck, record(4)) == pytest.approx(2 / 16)


def test_too_little_dynamics_decides_nothing():
    found = verdict.judge(None, record(0, 0.4), record(0, 100.0))
    assert found.kind == "undecided"
    assert "exploration.steps" in found.words


def test_the_comparison_of_rates_is_the_exact_binomial_one():
    # equal exposures, 0 against 5 events: 2 · (1/2)^5
    assert verdict.compare(record(0), record(5)) == pytest.approx(2 / 32)
    assert verdict.compare(record(0), record(0)) == 1.0
    # ten times the exposure, ten times the events: nothing to see
    assert verdict.compare(record(2, 10.0), record(20, 100.0)) > 0.5


def test_words_have_the_numbers():
    found = verdict.judge(record(9), record(0), record(10), labels())
    for text in ("0 events in 100.0 ps", "of 5 labels in events 100%", "300 meV/Å before and 30"):
        assert text in found.words
