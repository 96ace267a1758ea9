"""Committees and verdicts of all rounds in one file."""

import shutil
from pathlib import Path

from umklapp.learning.assessment import Assessment
from umklapp.learning.judgement import CommitteeRecord
from umklapp.logs import log_to
from umklapp.report.history import History, Round


def main(committees, assessments, test, out):
    """Write history.json and copy the test errors of the last round beside it."""
    rounds = [
        Round(
            committee=CommitteeRecord.read(committee),
            assessment=Assessment.read(Path(assessment)),
        )
        for committee, assessment in zip(committees, assessments, strict=True)
    ]
    History(rounds=rounds).write(out["history"])
    shutil.copyfile(test, out["test"])


if __name__ == "__main__":
    log_to(snakemake.log[0])
    files = snakemake.input
    main(files.committees, files.assessments, files.test, snakemake.output)
