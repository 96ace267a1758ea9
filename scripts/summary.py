"""The table of all materials, and the table of costs."""

import json
from pathlib import Path

import pandas as pd

from umklapp.logs import log_to
from umklapp.report import costs


def main(rows, benchmarks, out):
    """Write summary.csv, one row per material in the order of the configuration, and costs.csv."""
    rows = [json.loads(Path(path).read_text()) for path in rows]
    spent = costs.table(costs.read(benchmarks, [row["material"] for row in rows]))
    spent.to_csv(out["costs"], index=False)
    told = [{**row, **costs.of_material(spent, row["material"])} for row in rows]
    pd.DataFrame(told).to_csv(out["table"], index=False)


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(list(snakemake.input), Path(snakemake.params.benchmarks), snakemake.output)
