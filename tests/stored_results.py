"""Records of the stored campaign (tests/data/results_0.1), whole or with some fields changed."""

from pathlib import Path

from umklapp.lattice.thermodynamics_record import ThermodynamicsRecord
from umklapp.learning.judgement import CommitteeRecord
from umklapp.transport.kappa_records import Conductivity

RESULTS = Path(__file__).resolve().parent / "data/results_0.1"
SILICON = RESULTS / "Si-227"


def committee(frames=None, test=None, **changes):
    """committee.json of the last round; `test` changes some of the errors."""
    record = CommitteeRecord.read(SILICON / "round_01/committee.json")
    changes["test"] = record.test.model_copy(update=test or {})
    if frames is not None:
        changes["frames"] = frames
    return record.model_copy(update=changes)


def conductivity(**changes):
    """conductivity.json; new temperatures and values need to go together."""
    return Conductivity.read(SILICON / "conductivity.json").model_copy(update=changes)


def thermodynamics(**changes):
    """phonons/thermodynamics.json."""
    path = SILICON / "phonons/thermodynamics.json"
    return ThermodynamicsRecord.read(path).model_copy(update=changes)
