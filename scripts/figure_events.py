"""Figure: anharmonicity, force error and uncertainty in time."""

from pathlib import Path

import pandas as pd

from umklapp.files import copy
from umklapp.learning.events.verdict import Verdict
from umklapp.logs import log_to
from umklapp.report.figures import events


def main(material, series, record, out):
    """Draw the figure and copy its csv."""
    copy(series, out["csv"])
    verdict = Verdict.read(record)
    paths = [Path(out["png"]), Path(out["pdf"])]
    events.draw(pd.read_csv(series), verdict, material, paths)


if __name__ == "__main__":
    log_to(snakemake.log[0])
    files = snakemake.input
    main(snakemake.wildcards.material, files.series, files.record, snakemake.output)
