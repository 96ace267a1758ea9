"""One row of the summary: rounds, labels, errors, κ."""

import json
from pathlib import Path

from umklapp import provenance
from umklapp.learning.assessment import Assessment
from umklapp.learning.verdict import Verdict
from umklapp.logs import log_to
from umklapp.report import summary

NAMES = ("conductivity", "thermodynamics", "green_kubo", "elastic")


def main(material, files, out):
    """Write summary.json of one material."""
    history = Path(files["history"])
    rounds = json.loads(history.read_text())["rounds"]
    conductivity, thermodynamics, *asked = (
        json.loads(Path(files[name]).read_text()) if files[name] else None for name in NAMES
    )
    assessments = [Assessment.parse(each["assessment"], history) for each in rounds]
    verdict = Verdict.read(files["verdict"])
    row = summary.row(
        material,
        assessments,
        rounds[-1]["committee"],
        conductivity,
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
