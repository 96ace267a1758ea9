"""Figure: errors against the number of labels."""

import json
from pathlib import Path

from umklapp.learning.assessment import Assessment
from umklapp.logs import log_to
from umklapp.report.figures import learning_curve


def main(material, history, out):
    """Draw the figure and write its csv."""
    rounds = json.loads(Path(history).read_text())["rounds"]
    table = learning_curve.table(
        [
            (each["committee"], Assessment.parse(each["assessment"], Path(history)))
            for each in rounds
        ]
    )
    table.to_csv(out["csv"], index=False)
    learning_curve.draw(table, material, [Path(out["png"]), Path(out["pdf"])])


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake.wildcards.material, snakemake.input[0], snakemake.output)
