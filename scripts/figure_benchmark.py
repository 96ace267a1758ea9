"""Figure of an archived benchmark: acquisition, fine-tuning, the panel, κ without labels."""

from pathlib import Path

import pandas as pd

from umklapp.files import write_table
from umklapp.logs import log_to
from umklapp.report.figures import panel, strategies, tuning_benchmark, zero_label

MODULES = {
    "strategies": strategies,
    "finetuning": tuning_benchmark,
    "panel": panel,
    "zero_label": zero_label,
}


def main(name, tables, out):
    """Draw the figure and write the numbers behind it."""
    module = MODULES[name]
    data = module.table({path.stem: pd.read_csv(path) for path in tables})
    write_table(out["csv"], data)
    module.draw(data, [Path(out["png"]), Path(out["pdf"])])


if __name__ == "__main__":
    log_to(snakemake.log[0])
    tables = [Path(path) for path in snakemake.input]
    main(snakemake.wildcards.figure, tables, snakemake.output)
