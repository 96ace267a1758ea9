"""Committees, assessments, audits and κ of all rounds in one file."""

from pathlib import Path

from umklapp.files import copy
from umklapp.learning.assessment import Assessment
from umklapp.learning.judgement import CommitteeRecord
from umklapp.logs import log_to
from umklapp.report.history import History, Round
from umklapp.transport.audit.record import AuditRecord
from umklapp.transport.committee import at_300_kelvin


def main(files, out):
    """Write history.json and copy the test errors of the last round beside it.

    Args:
        files: inputs by name; committees and assessments a file per round, κ a file per round and
            member, or none.
    """
    audited = {record.round: record for record in map(AuditRecord.read, files["audits"])}
    rounds = list(zip(files["committees"], files["assessments"], strict=True))
    members = len(files["kappa"]) // len(rounds)
    kappa = at_300_kelvin(files["kappa"])
    history = [
        Round(
            committee=CommitteeRecord.read(committee),
            assessment=Assessment.read(assessment),
            audit=audited.get(index),
            kappa_members_W_per_mK=kappa[index * members : (index + 1) * members],
        )
        for index, (committee, assessment) in enumerate(rounds)
    ]
    History(rounds=history).write(out["history"])
    copy(files["test"], out["test"])


if __name__ == "__main__":
    log_to(snakemake.log[0])
    names = ("committees", "assessments", "audits", "kappa")
    files = {name: [Path(path) for path in snakemake.input[name]] for name in names}
    main({**files, "test": snakemake.input.test}, snakemake.output)
