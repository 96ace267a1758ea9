"""One row of the summary: rounds, labels, errors, κ."""

import json
from pathlib import Path

from umklapp import provenance, summary
from umklapp.logs import log_to


def main(material, assessments, committee, conductivity, thermodynamics, out):
    """Write summary.json of one material."""
    row = summary.row(
        material,
        [json.loads(Path(path).read_text()) for path in assessments],
        *(json.loads(Path(path).read_text()) for path in (committee, conductivity, thermodynamics)),
    )
    provenance.write_json(out, row)


if __name__ == "__main__":
    log_to(snakemake.log[0])
    files = snakemake.input
    main(
        snakemake.wildcards.material,
        files.assessments,
        files.committee,
        files.conductivity,
        files.thermodynamics,
        Path(snakemake.output[0]),
    )
