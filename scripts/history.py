"""Committees, assessments and audits of all rounds in one file."""

import shutil
from pathlib import Path

from umklapp.learning.assessment import Assessment
from umklapp.learning.judgement import CommitteeRecord
from umklapp.logs import log_to
from umklapp.report.history import History, Round
from umklapp.transport.audit.record import AuditRecord


def main(committees, assessments, audits, test, out):
    """Write history.json and copy the test errors of the last round beside it."""
    audited = {record.round: record for record in map(AuditRecord.read, audits)}
    rounds = [
        Round(
            committee=CommitteeRecord.read(committee),
            assessment=Assessment.read(Path(assessment)),
            audit=audited.get(round_index),
        )
        for round_index, (committee, assessment) in enumerate(
            zip(committees, assessments, strict=True)
        )
    ]
    History(rounds=rounds).write(out["history"])
    shutil.copyfile(test, out["test"])


if __name__ == "__main__":
    log_to(snakemake.log[0])
    files = snakemake.input
    audits = [Path(path) for path in files.audits]
    main(files.committees, files.assessments, audits, files.test, snakemake.output)
