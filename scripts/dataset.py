"""All training labels so far: the seeds, or the round before with its new labels."""

from itertools import chain
from pathlib import Path

from umklapp.crystals import frames
from umklapp.learning import label_settings
from umklapp.logs import log_to
from umklapp.paths import Material
from umklapp.reference.ledger import Ledger


def main(before, labels, lesson, stop, ledger, out):
    """Write the cumulative data set; `ledger` knows settings that had another hash once."""
    earlier = list(chain.from_iterable(map(frames.read_labels, before)))
    new = list(chain.from_iterable(map(frames.read_labels, labels)))
    audited = list(chain.from_iterable(map(frames.read_labels, lesson)))
    spent = list(chain.from_iterable(map(frames.read_labels, stop)))
    everything = [*earlier, *new, *audited, *spent]
    label_settings.check_same(everything, ledger.same_settings)
    frames.write_frames(out, frames.unique(everything))
    print(f"{len(earlier)} known frames, {len(new)} new ones, {len(audited)} of a failed audit")
    print(f"{len(spent)} of the stop rule")


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        [Path(path) for path in snakemake.input.dataset or snakemake.input.seeds],
        [Path(path) for path in snakemake.input.labels],
        [Path(path) for path in snakemake.input.lesson],
        [Path(path) for path in snakemake.input.stop],
        Ledger(Path(Material(str(Path(snakemake.output[0]).parents[1])).ledger)),
        Path(snakemake.output[0]),
    )
