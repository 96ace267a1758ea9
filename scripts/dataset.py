"""All training labels so far: the seeds, or the round before with its new labels."""

from itertools import chain
from pathlib import Path

from umklapp.crystals import frames
from umklapp.logs import log_to


def main(before, labels, out):
    """Write the cumulative data set."""
    known = list(chain.from_iterable(map(frames.read_labels, before)))
    new = list(chain.from_iterable(map(frames.read_labels, labels)))
    frames.write_frames(out, frames.unique([*known, *new]))
    print(f"{len(known)} known frames, {len(new)} new ones")


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        [Path(path) for path in snakemake.input.dataset or snakemake.input.seeds],
        [Path(path) for path in snakemake.input.labels],
        Path(snakemake.output[0]),
    )
