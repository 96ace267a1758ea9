"""The table of all materials."""

import json
from pathlib import Path

import pandas as pd

from umklapp.logs import log_to


def main(rows, out):
    """Write summary.csv, one row per material in the order of the configuration."""
    pd.DataFrame([json.loads(Path(path).read_text()) for path in rows]).to_csv(out, index=False)


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(list(snakemake.input), Path(snakemake.output[0]))
