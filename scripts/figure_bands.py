"""Figure: phonon bands with the spread over the committee."""

from pathlib import Path

from umklapp.files import write_table
from umklapp.lattice import phonons
from umklapp.logs import log_to
from umklapp.report.figures import bands


def main(material, path, out):
    """Draw the figure and write its csv."""
    dispersion = phonons.read_bands(Path(path))
    write_table(out["csv"], bands.table(dispersion))
    bands.draw(dispersion, material, [Path(out["png"]), Path(out["pdf"])])


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake.wildcards.material, snakemake.input.bands, snakemake.output)
