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
from umklapp.paths import Material, Results
from umklapp.wording import counted

log = logging.getLogger(__name__)


def sources(material: Material) -> list[str]:
    """Files of one material that its figures, its part of the report and its row are made of."""
    return [
        *(material.history, material.test_errors, material.verdict, material.events),
        *(material.conductivity, material.bands, material.thermodynamics),
        *(material.green_kubo, material.heat_flux, material.effective, material.srme),
        *(material.elastic, material.summary, material.audit, material.error_budget),
        material.lifetimes,
        *(material.baseline, material.corrected_baseline, material.stop),
        *(material.structure, material.primitive),
    ]


def files(results: Path, materials: Sequence[str]) -> list[Path]:
    """What the figures need, as far as a campaign has made it.

    Raises:
        InputError: a material has nothing yet.
    """
    places = Results(str(results))
    chosen = [Path(places.summary)]
    for key in materials:
        material = places.material(key)
        present = [path for path in map(Path, sources(material)) if path.exists()]
        if not present:
            raise InputError(f"{material}: nothing to archive: run {key} first")
        chosen += present
    return [path for path in chosen if path.exists()]


def run(path: Path, out: Path) -> None:
    """Write the archive of the campaign with this configuration; paths in it are as in the results.

    All files get one time, so that Snakemake finds none older than what it was made of.

    Raises:
        InputError: the configuration cannot be read, or a material has no results.
    """
    campaign = config.load(path)
    chosen = files(Path(campaign.results), materials.keys(campaign.materials))
    newest = int(max(file.stat().st_mtime for file in chosen))

    def same_time(member: tarfile.TarInfo) -> tarfile.TarInfo:
        """Snakemake makes what is older than its inputs again, for example in a copied folder."""
        member.mtime = newest
        return member

    with replacing(out) as part, tarfile.open(part, "w:gz") as archive:
        for file in chosen:
            archive.add(file, filter=same_time)
    log.info(f"{out}: {counted(len(chosen), 'file')}, {out.stat().st_size / 1e6:.1f} MB")
