"""Stored events: what an earlier version wrote says the same today."""

import json

import pytest

from umklapp.learning.events import thermal
from umklapp.learning.events.event_record import EventRecord
from umklapp.learning.events.thermal import Temperature


def of_version_1(path, temperature):
    """A file of the version that knew temperatures without their errors."""
    record = EventRecord(crystal_energy=-1.0).model_dump(mode="json")
    record |= {"schema_version": 1, "reference_temperature": temperature}
    path.write_text(json.dumps(record))
    return EventRecord.read(path)


def test_a_temperature_without_an_error_gets_none(tmp_path):
    record = of_version_1(tmp_path / "events.json", 302.0)
    assert record.schema_version == EventRecord.VERSION
    assert record.reference_temperature == Temperature(value=302.0)
    assert str(record.reference_temperature) == "302 K (error unknown)"
    assert of_version_1(tmp_path / "events.json", None).reference_temperature is None


@pytest.mark.parametrize(("value", "target"), [(310.0, 300.0), (345.0, None)])
def test_nothing_is_tolerated_for_an_unknown_error(value, target):
    assert thermal.nearest(Temperature(value=value), [300.0]) == target
