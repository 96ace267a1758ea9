"""Committees and verdicts of all rounds in one file."""

import json
import shutil
from pathlib import Path

from umklapp import provenance
from umklapp.learning.assessment import Assessment
from umklapp.logs import log_to


def main(committees, assessments, test, out):
    """Write history.json and copy the test errors of the last round beside it."""
    rounds = [
        {
            "committee": json.loads(Path(one).read_text()),
            "assessment": Assessment.read(Path(two)).model_dump(mode="json"),
        }
        for one, two in zip(committees, assessments, strict=True)
    ]
    provenance.write_json(out["history"], {"rounds": rounds})
    shutil.copyfile(test, out["test"])


if __name__ == "__main__":
    log_to(snakemake.log[0])
    files = snakemake.input
    main(files.committees, files.assessments, files.test, snakemake.output)
