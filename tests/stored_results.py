"""Records of the stored campaign (tests/data/results_0.1), whole or with some fields changed."""

from pathlib import Path

from umklapp.lattice.thermodynamics_record import ThermodynamicsRecord
from umklapp.learning.judgement import CommitteeRecord
from umklapp.transport.error_budget import ErrorBudget, ErrorPart, KappaErrors
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


def budget(temperatures, **errors):
    """A budget of potential, mesh, size and statistics by name; None: not known."""
    parts = [
        ErrorPart(
            name=name,
            source=name,
            text=f"the {name}",
            error_W_per_mK=error,
            not_computed=None if error else "nobody knows",
        )
        for name, error in errors.items()
    ]
    return ErrorBudget(temperatures_K=temperatures, parts=parts)


def errors(boltzmann=None, green_kubo=None, moves=None):
    """error_budget.json."""
    return KappaErrors(
        material="Si-227",
        audited="audited: 3.1 meV/Å on 6 labels, expected 2.8",
        moves_W_per_mK=moves,
        boltzmann=boltzmann,
        green_kubo=green_kubo,
    )
