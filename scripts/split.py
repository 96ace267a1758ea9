"""Time-blocked split of all seeds into train, calibration and test."""

from itertools import chain
from pathlib import Path

from umklapp import config
from umklapp.crystals import frames
from umklapp.logs import log_to
from umklapp.wording import counted


def main(paths, settings, out):
    """Write the parts; no frame is in two of them. `displaced` only where a seed has such cells."""
    labelled = frames.unique(chain.from_iterable(map(frames.read_labels, paths)))
    parts = frames.split(labelled, settings.calibration, settings.test)
    for name in out:
        frames.write_frames(Path(out[name]), getattr(parts, name))
        print(f"{name}: {counted(len(getattr(parts, name)), 'frame')}")


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        [Path(path) for path in snakemake.input],
        config.parse(config.Split, snakemake.params.split),
        dict(snakemake.output.items()),
    )
