"""Figure: expected against true error on the test frames."""

from pathlib import Path

import pandas as pd

from umklapp.logs import log_to
from umklapp.report.figures import uncertainty
from umklapp.report.history import History


def main(material, test, history, out):
    """Draw the figure and write its csv."""
    table = pd.read_csv(test)
    table.to_csv(out["csv"], index=False)
    rounds = [record.committee for record in History.read(history).rounds]
    uncertainty.draw(table, rounds, material, [Path(out["png"]), Path(out["pdf"])])


if __name__ == "__main__":
    log_to(snakemake.log[0])
    files = snakemake.input
    main(snakemake.wildcards.material, files.test, files.history, snakemake.output)
