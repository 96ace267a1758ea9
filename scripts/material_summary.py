"""One row of the summary: rounds, labels, errors, κ."""

import json
from pathlib import Path

from umklapp import provenance, summary
from umklapp.logs import log_to


def main(material, history, conductivity, thermodynamics, verdict, out):
    """Write summary.json of one material."""
    rounds = json.loads(Path(history).read_text())["rounds"]
    row = summary.row(
        material,
        [each["assessment"] for each in rounds],
        rounds[-1]["committee"],
        *(json.loads(Path(path).read_text()) for path in (conductivity, thermodynamics, verdict)),
    )
    provenance.write_json(out, row)


if __name__ == "__main__":
    log_to(snakemake.log[0])
    files = snakemake.input
    main(
        snakemake.wildcards.material,
        files.history,
        files.conductivity,
        files.thermodynamics,
        files.verdict,
        Path(snakemake.output[0]),
    )
