"""Figure: phonon lifetimes of the first and of the last committee."""

from pathlib import Path

from umklapp.files import write_table
from umklapp.logs import log_to
from umklapp.report.figures import lifetimes
from umklapp.transport.mode_lifetimes import ModeLifetimes


def main(record, out):
    """Draw the figure and write its csv."""
    numbers = ModeLifetimes.read(Path(record))
    data = lifetimes.table(numbers)
    write_table(out["csv"], data)
    lifetimes.draw(data, numbers, [Path(out["png"]), Path(out["pdf"])])


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake.input[0], snakemake.output)
