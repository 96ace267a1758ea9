"""The small files that all figures are made of (`python -m umklapp.report.archive CONFIG OUT`).

Unpacked in a clean clone they are enough for `snakemake figures --configfile CONFIG`, which then
plans the figures and nothing else. They are what goes beside a paper.
"""

from __future__ import annotations

import argparse
import sys
import tarfile
from collections.abc import Sequence
from pathlib import Path

from umklapp import config
from umklapp.crystals import materials
from umklapp.errors import InputError

NAMES = (
    "history.json", "test_errors.csv", "verdict.json", "events.csv", "conductivity.json",
    "phonons/bands.h5", "phonons/thermodynamics.json", "green_kubo.json", "green_kubo/series.h5",
    "effective.json", "conductivity/srme.json", "elastic.json", "summary.json",
)  # fmt: skip
"""Of every material, relative to its folder; those that a campaign has not made are left out."""


def files(results: Path, materials: Sequence[str]) -> list[Path]:
    """What the figures need, as far as it exists.

    Raises:
        InputError: a material has nothing yet.
    """
    found = [results / "summary.csv"]
    for material in materials:
        mine = [results / material / name for name in NAMES]
        mine = [path for path in mine if path.exists()]
        if not mine:
            raise InputError(f"{results / material}: nothing to archive: run {material} first")
        found += mine
    return [path for path in found if path.exists()]


def main(arguments: Sequence[str]) -> None:
    """Write the archive; paths in it are as in the results.

    Raises:
        InputError: the configuration cannot be read, or a material has no results.
    """
    parser = argparse.ArgumentParser(prog="python -m umklapp.report.archive", description=__doc__)
    parser.add_argument("config", type=Path)
    parser.add_argument("out", type=Path)
    options = parser.parse_args(arguments)
    campaign = config.load(options.config)
    chosen = files(Path(campaign.results), materials.keys(campaign.materials))
    with tarfile.open(options.out, "w:gz") as archive:
        for path in chosen:
            archive.add(path)
    size = options.out.stat().st_size / 1e6
    print(f"{options.out}: {len(chosen)} files, {size:.1f} MB")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except InputError as error:
        sys.exit(str(error))
