"""Committees, assessments and audits of all rounds in one file."""

import json
import shutil
from pathlib import Path

from umklapp import provenance
from umklapp.logs import log_to


def main(committees, assessments, audits, test, out):
    """Write history.json and copy the test errors of the last round beside it."""
    audited = {record["round"]: record for record in (json.loads(p.read_text()) for p in audits)}
    rounds = [
        {
            "committee": json.loads(Path(one).read_text()),
            "assessment": json.loads(Path(two).read_text()),
            "audit": audited.get(number),
        }
        for number, (one, two) in enumerate(zip(committees, assessments, strict=True))
    ]
    provenance.write_json(out["history"], {"rounds": rounds})
    shutil.copyfile(test, out["test"])


if __name__ == "__main__":
    log_to(snakemake.log[0])
    files = snakemake.input
    audits = [Path(path) for path in files.audits]
    main(files.committees, files.assessments, audits, files.test, snakemake.output)
