"""Figure: errors against the number of labels."""

import json
from pathlib import Path

from umklapp.figures import learning_curve
from umklapp.logs import log_to


def main(material, committees, assessments, out):
    """Draw the figure and write its csv."""
    rounds = [
        (json.loads(Path(one).read_text()), json.loads(Path(two).read_text()))
        for one, two in zip(committees, assessments, strict=True)
    ]
    table = learning_curve.table(rounds)
    table.to_csv(out["csv"], index=False)
    learning_curve.draw(table, material, [Path(out["png"]), Path(out["pdf"])])


if __name__ == "__main__":
    log_to(snakemake.log[0])
    files = snakemake.input
    main(snakemake.wildcards.material, files.committees, files.assessments, snakemake.output)
