"""Figure: κ(T) of the committee with literature values."""

import json
from pathlib import Path

from umklapp.logs import log_to
from umklapp.report.figures import kappa


def main(material, conductivity, out):
    """Draw the figure and write its csv."""
    numbers = json.loads(Path(conductivity).read_text())
    kappa.table(numbers).to_csv(out["csv"], index=False)
    kappa.draw(numbers, material, [Path(out["png"]), Path(out["pdf"])])


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake.wildcards.material, snakemake.input.conductivity, snakemake.output)
