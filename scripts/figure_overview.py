"""Figures of the screening: κ against σᴬ with the published power law, and all materials by σᴬ."""

from pathlib import Path

from umklapp.files import write_table
from umklapp.logs import log_to
from umklapp.report.figures import overview


def main(table, out):
    """Draw both figures and write their csv."""
    data = overview.table(Path(table))
    write_table(out["csv"], data)
    overview.draw_law(data, [Path(out["law"]), Path(out["law_pdf"])])
    overview.draw_screening(data, [Path(out["screening"]), Path(out["screening_pdf"])])


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake.input[0], snakemake.output)
