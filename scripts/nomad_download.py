"""Download the files of a listing; a job that was killed goes on where it was."""

from pathlib import Path

from umklapp import config
from umklapp.learning.seeds import nomad
from umklapp.logs import log_to
from umklapp.web import Client


def main(listing, settings, folder, out):
    """Write the manifest: every file with its place and checksum."""
    server = Client(settings.server, settings.interval, settings.patience)
    offer = nomad.NomadListing.read(Path(listing))
    nomad.fetch(server, settings, offer, Path(folder)).write(out)


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        snakemake.input[0],
        config.parse(config.NomadSeed, snakemake.params.seed),
        snakemake.params.folder,
        Path(snakemake.output[0]),
    )
