"""The committee of the last round, copied to one place."""

from pathlib import Path

from umklapp.files import copy
from umklapp.logs import log_to


def main(sources, targets):
    """Copy every file."""
    for source, target in zip(sources, targets, strict=True):
        copy(source, target)


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        [*map(Path, snakemake.input.members), Path(snakemake.input.committee)],
        [*map(Path, snakemake.output.members), Path(snakemake.output.committee)],
    )
