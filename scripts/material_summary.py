"""One row of the summary: rounds, labels, errors, κ."""

import json
from pathlib import Path

from umklapp import provenance
from umklapp.learning.verdict import Verdict
from umklapp.logs import log_to
from umklapp.report import summary
from umklapp.report.history import History
from umklapp.transport.kappa_records import Conductivity

NAMES = ("thermodynamics", "green_kubo", "elastic")


def main(material, files, out):
    """Write summary.json of one material."""
    rounds = History.read(Path(files["history"])).rounds
    thermodynamics, *asked = (
        json.loads(Path(files[name]).read_text()) if files[name] else None for name in NAMES
    )
    assessments = [record.assessment for record in rounds]
    verdict = Verdict.read(files["verdict"])
    row = summary.row(
        material,
        assessments,
        rounds[-1].committee,
        Conductivity.read(Path(files["conductivity"])),
        thermodynamics,
        verdict,
        *asked,
    )
    provenance.write_json(out, row)


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        snakemake.wildcards.material,
        dict(snakemake.input.items()),
        Path(snakemake.output[0]),
    )
