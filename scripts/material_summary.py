"""One row of the summary: rounds, labels, errors, κ."""

import json
from pathlib import Path

from umklapp import provenance
from umklapp.learning.assessment import Assessment
from umklapp.logs import log_to
from umklapp.report import summary

NAMES = ("conductivity", "thermodynamics", "verdict", "green_kubo", "elastic")


def main(material, files, out):
    """Write summary.json of one material."""
    history = Path(files["history"])
    rounds = json.loads(history.read_text())["rounds"]
    numbers = [json.loads(Path(files[n]).read_text()) if files[n] else None for n in NAMES]
    assessments = [Assessment.parse(each["assessment"], history) for each in rounds]
    row = summary.row(material, assessments, rounds[-1]["committee"], *numbers)
    provenance.write_json(out, row)


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        snakemake.wildcards.material,
        dict(snakemake.input.items()),
        Path(snakemake.output[0]),
    )
