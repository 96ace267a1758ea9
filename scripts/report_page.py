"""The report of the campaign: one html page."""

from pathlib import Path

from umklapp.logs import log_to
from umklapp.report.page import campaign_page


def main(out):
    """Write the page of the results folder that it lies in."""
    campaign_page.write(out.parent, out)


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(Path(snakemake.output[0]))
