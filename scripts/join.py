"""The tables of all shards in one."""

from pathlib import Path

from umklapp.files import write_table
from umklapp.logs import log_to
from umklapp.report import summary


def main(tables, costs, order, out):
    """Write summary.csv and costs.csv of all materials in the order of the configuration."""
    write_table(out["table"], summary.joined(tables, order))
    write_table(out["costs"], summary.joined(costs, order))


if __name__ == "__main__":
    log_to(snakemake.log[0])
    files = snakemake.input
    main(
        [Path(path) for path in files.tables],
        [Path(path) for path in files.costs],
        list(snakemake.params.order),
        snakemake.output,
    )
