"""Figure: expected against true error on the test frames, reliability, acceptance."""

from pathlib import Path

import pandas as pd

from umklapp.files import write_table
from umklapp.logs import log_to
from umklapp.report.figures import uncertainty
from umklapp.report.history import History


def main(material, test, history, bound, out):
    """Draw the figure and write its csv."""
    table = uncertainty.accepted(pd.read_csv(test), bound)
    write_table(out["csv"], table)
    rounds = History.read(history).rounds
    paths = [Path(out["png"]), Path(out["pdf"])]
    uncertainty.draw(table, rounds, bound, material, paths)


if __name__ == "__main__":
    log_to(snakemake.log[0])
    files = snakemake.input
    main(
        snakemake.wildcards.material,
        files.test,
        Path(files.history),
        snakemake.params.bound,
        snakemake.output,
    )
