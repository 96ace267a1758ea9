"""Labels of different settings are not joined, unless something explains the difference."""

import pytest
from conftest import labelled_frames

from umklapp.errors import InputError
from umklapp.learning.label_settings import check_same


def labels(settings, origin="round_00", count=2):
    return labelled_frames(count, engine="ase", settings_hash=settings, origin=origin)


def test_one_set_of_settings_is_good():
    check_same([*labels("s1", "rattled 0"), *labels("s1"), *labels("s1", "audit_00")])
    check_same([])


def test_mixed_settings_are_refused_with_their_counts():
    counts = r"3 by ase with s1 \(rattled 0\); 2 by ase with s2 \(round_00\)"
    with pytest.raises(InputError, match=counts):
        check_same([*labels("s1", "rattled 0", 3), *labels("s2")])


def test_labels_of_the_user_are_of_any_settings():
    given = [*labels("s3", "frames 0"), *labels("s4", "nomad 1 0"), *labelled_frames(1)]
    check_same([*given, *labels("s1")])


def test_an_earlier_hash_of_the_same_settings_is_explained():
    check_same([*labels("old"), *labels("new")], {"old": "new", "new": "new"}.__getitem__)
