"""Figure: κ of this campaign against σᴬ, among the literature."""

from pathlib import Path

import pandas as pd

from umklapp.files import write_table
from umklapp.logs import log_to
from umklapp.report.figures import overview


def main(table, summary, out):
    """Draw the figure and write its csv."""
    data = overview.table(Path(table))
    own = overview.own_results(pd.read_csv(summary), data)
    write_table(out["csv"], own)
    overview.draw_law(data, [Path(out["png"]), Path(out["pdf"])], own)


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake.input.table, snakemake.input.summary, snakemake.output)
