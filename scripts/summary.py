"""The table of all materials, and the table of costs."""

from pathlib import Path

import pandas as pd

from umklapp.files import write_table
from umklapp.logs import log_to
from umklapp.report import costs
from umklapp.report.summary import MaterialSummary


def main(rows, benchmarks, out):
    """Write summary.csv, one row per material in the order of the configuration, and costs.csv."""
    rows = [MaterialSummary.read(Path(path)) for path in rows]
    spent = costs.table(costs.read(benchmarks, [row.material for row in rows]))
    write_table(out["costs"], spent)
    table = [{**row.columns(), **costs.of_material(spent, row.material)} for row in rows]
    write_table(out["table"], pd.DataFrame(table))


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(list(snakemake.input), Path(snakemake.params.benchmarks), snakemake.output)
