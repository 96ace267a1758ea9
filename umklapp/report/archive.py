"""The small files that all figures are made of (`umklapp archive CONFIG OUT`).

Unpacked in a clean clone they are enough for `snakemake figures --configfile CONFIG`, which then
plans the figures and nothing else. They are what goes beside a paper.
"""

from __future__ import annotations

import logging
import tarfile
from collections.abc import Sequence
from pathlib import Path

from umklapp import config
from umklapp.crystals import materials
from umklapp.errors import InputError
from umklapp.files import replacing

log = logging.getLogger(__name__)

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


def run(path: Path, out: Path) -> None:
    """Write the archive of the campaign with this configuration; paths in it are as in the results.

    Raises:
        InputError: the configuration cannot be read, or a material has no results.
    """
    campaign = config.load(path)
    chosen = files(Path(campaign.results), materials.keys(campaign.materials))
    with replacing(out) as part, tarfile.open(part, "w:gz") as archive:
        for file in chosen:
            archive.add(file)
    log.info(f"{out}: {len(chosen)} files, {out.stat().st_size / 1e6:.1f} MB")
