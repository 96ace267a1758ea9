"""What a data set on NOMAD has for a material, and how large it is; nothing is downloaded."""

from pathlib import Path

from umklapp import config
from umklapp.learning.seeds import nomad
from umklapp.logs import log_to
from umklapp.web import Client


def main(formula, settings, out):
    """Write the listing."""
    server = Client(settings.server, settings.interval, settings.patience)
    listing = nomad.listing(server, settings, formula)
    listing.write(out)
    print(f"{formula}: {len(listing.files)} files, {listing.megabytes} MB")


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        snakemake.params.formula,
        config.parse(config.NomadSeed, snakemake.params.seed),
        Path(snakemake.output[0]),
    )
