"""Figure: κ(T) of the committee with literature values."""

from pathlib import Path

from umklapp.files import write_table
from umklapp.logs import log_to
from umklapp.report.figures import kappa
from umklapp.transport.error_budget import KappaErrors
from umklapp.transport.kappa_records import Conductivity


def main(material, files, out):
    """Draw the figure and write its csv."""
    numbers = Conductivity.read(Path(files["conductivity"]))
    errors = KappaErrors.read(Path(files["error_budget"])) if files["error_budget"] else None
    write_table(out["csv"], kappa.table(numbers, errors))
    kappa.draw(numbers, errors, material, [Path(out["png"]), Path(out["pdf"])])


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake.wildcards.material, dict(snakemake.input.items()), snakemake.output)
