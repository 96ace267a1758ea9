"""Download the files of a listing; a job that was killed goes on where it was."""

import json
from pathlib import Path

from umklapp import config, provenance
from umklapp.learning.seeds import nomad
from umklapp.logs import log_to
from umklapp.web import Client


def main(listing, settings, folder, out):
    """Write the manifest: every file with its place and checksum."""
    server = Client(settings.server, settings.interval, settings.patience)
    found = json.loads(Path(listing).read_text())
    provenance.write_json(out, nomad.fetch(server, settings, found, Path(folder)))


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        snakemake.input[0],
        config.parse(config.NomadSeed, snakemake.params.seed),
        snakemake.params.folder,
        Path(snakemake.output[0]),
    )
