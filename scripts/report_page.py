"""The report of the campaign: one html page."""

from pathlib import Path

from umklapp.logs import log_to
from umklapp.report.page import campaign_page


def main(results, out):
    """Write the page of a results folder."""
    campaign_page.write(Path(results), Path(out))


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake.params.results, snakemake.output[0])
