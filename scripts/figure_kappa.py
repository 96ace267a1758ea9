"""Figure: κ(T) of the committee with literature values."""

from pathlib import Path

from umklapp.logs import log_to
from umklapp.report.figures import kappa
from umklapp.transport.kappa_records import Conductivity


def main(material, conductivity, out):
    """Draw the figure and write its csv."""
    numbers = Conductivity.read(Path(conductivity))
    kappa.table(numbers).to_csv(out["csv"], index=False)
    kappa.draw(numbers, material, [Path(out["png"]), Path(out["pdf"])])


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake.wildcards.material, snakemake.input.conductivity, snakemake.output)
