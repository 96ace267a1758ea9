"""Phonon lifetimes of the first and of the last committee, on the coarse mesh of the rounds."""

from pathlib import Path

from umklapp.logs import log_to
from umklapp.transport import mode_lifetimes


def main(material, last_round, last, first, out):
    """Write lifetimes.json."""
    mode_lifetimes.of_material(material, last_round, last, first).write(out)


if __name__ == "__main__":
    log_to(snakemake.log[0])
    last = [Path(path) for path in snakemake.input.last]
    main(
        snakemake.wildcards.material,
        int(last[0].parents[1].name.rpartition("_")[2]),
        last,
        [Path(path) for path in snakemake.input.first],
        Path(snakemake.output[0]),
    )
