"""Figure: Green–Kubo integral, spectrum and convergence."""

from pathlib import Path

import pandas as pd

from umklapp.files import write_table
from umklapp.logs import log_to
from umklapp.report.figures import green_kubo
from umklapp.transport.green_kubo_record import GreenKuboRecord
from umklapp.transport.green_kubo_series import GreenKuboSeries


def main(material, record, series, out):
    """Draw the figure and write the integral as csv."""
    numbers, curves = GreenKuboRecord.read(record), GreenKuboSeries.read(series)
    names = ("times_fs", "correlation", "integral", "smooth_integral")
    write_table(out["csv"], pd.DataFrame({name: getattr(curves, name) for name in names}))
    green_kubo.draw(numbers, curves, material, [out["png"], out["pdf"]])


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        snakemake.wildcards.material,
        Path(snakemake.input.record),
        Path(snakemake.input.series),
        {name: Path(path) for name, path in snakemake.output.items()},
    )
