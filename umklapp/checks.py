"""What can be known to be wrong before the first job, from the config and the files it names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from ase import Atoms

from umklapp import materials, supercells
from umklapp.config import WHICH, Campaign, FramesSeed, Lookup, RattledSeed
from umklapp.errors import InputError
from umklapp.force_sets import load_params, read_labelled
from umklapp.materials import from_phonopy


def check(campaign: Campaign) -> pd.DataFrame:
    """The table's selected rows, after every file that the config names was looked at.

    Raises:
        InputError: naming file, key and value.
    """
    table = materials.read_table(campaign.materials.table)
    keys = materials.selected(table, campaign.materials.select, campaign.materials.table)
    rows = table.loc[keys]
    _check_mappings(campaign, table)
    problems = []
    for _, row in rows.iterrows():
        try:
            primitive = _primitive(campaign, row)
            _check_files(campaign, row["material"], primitive)
        except InputError as error:
            problems.append(str(error))
    if problems:
        raise InputError("\n".join(dict.fromkeys(problems)))
    _check_counts(campaign)
    return rows


def of_materials(campaign: Campaign, keys: Sequence[str]) -> Campaign:
    """The same campaign with these materials selected."""
    chosen = campaign.materials.model_copy(update={"select": list(keys)})
    return campaign.model_copy(update={"materials": chosen})


def _check_mappings(campaign: Campaign, table: pd.DataFrame) -> None:
    for which in WHICH:
        said = getattr(campaign.materials, f"{which}_supercell")
        unknown = sorted(set(said) - {"default", *table.index}) if isinstance(said, dict) else []
        if unknown:
            raise InputError(
                f"materials.{which}_supercell: {unknown} are not in {campaign.materials.table}; "
                "the keys are those of the table, or 'default'"
            )


def _primitive(campaign: Campaign, row: pd.Series) -> Atoms:
    chosen, name = campaign.materials, row["material"]
    if chosen.cells is None:
        primitive = materials.build_primitive(row, chosen.structures, chosen.downloads)
        for which in WHICH:
            key, said = f"materials.{which}_supercell", chosen.supercell(which, name)
            if said is None:
                raise InputError(f"{key}: nothing for {name}; give it an entry, or a default")
            supercells.matrix(said, primitive, materials.published_size(row), key)
        return primitive
    primitive = from_phonopy(load_params(chosen.cells).primitive)
    found = materials.space_group(primitive)
    formula, wanted = materials.composition(primitive), materials.composition(Atoms(row["formula"]))
    if (formula, found) != (wanted, int(row["space_group"])):
        raise InputError(
            f"materials.cells: {chosen.cells} holds {formula}-{found}, select says {name}"
        )
    return primitive


def _check_files(campaign: Campaign, material: str, primitive: Atoms) -> None:
    for number, seed in enumerate(campaign.seeds):
        key = f"seeds.{number}"
        if isinstance(seed, FramesSeed):
            found = _check_frames(seed.path, f"{key}.path", material, primitive)
            if seed.count is not None and seed.count > found:
                raise InputError(
                    f"{key}.count: {seed.count} frames wanted, {seed.path} has {found}"
                )
        if isinstance(seed, RattledSeed) and isinstance(seed.supercell, list):
            materials.check_matrix(seed.supercell, f"{key}.supercell")
    if isinstance(campaign.reference, Lookup):
        _check_frames(campaign.reference.path, "reference.path", material, primitive)
    if campaign.phonons.force_constants is not None:
        load_params(campaign.phonons.force_constants)


def _check_frames(path: Path, key: str, material: str, primitive: Atoms) -> int:
    if not path.exists():
        raise InputError(f"{key}: {path} does not exist")
    formula = materials.composition(primitive)
    found = read_labelled(path)
    multiples: set[bytes] = set()
    for number, frame in enumerate(found):
        where = f"{key}: {path} frame {number}"
        if materials.composition(frame) != formula:
            raise InputError(f"{where}: composition {frame.symbols}, but {material} is {formula}")
        if len(frame) % len(primitive):
            raise InputError(
                f"{where}: {len(frame)} atoms are no multiple of the primitive cell's "
                f"{len(primitive)}"
            )
        cell = frame.cell.array.tobytes()
        if cell not in multiples and not materials.is_multiple(primitive, frame):
            lengths = ", ".join(f"{length:.3f}" for length in frame.cell.lengths())
            raise InputError(
                f"{where}: the supercell ({lengths} Å) is no multiple of the primitive cell of "
                f"{material}; check its lattice parameters and its number of atoms"
            )
        multiples.add(cell)
    return len(found)


def expected_frames(campaign: Campaign) -> int:
    """Labelled frames that the seeds will give, at least."""
    count = 0
    for seed in campaign.seeds:
        if seed.kind == "aimd":
            count += seed.steps // seed.every
        elif seed.kind == "frames":
            count += len(read_labelled(seed.path)) if seed.count is None else seed.count
        else:
            count += seed.count
    return count


def _check_counts(campaign: Campaign) -> None:
    total = expected_frames(campaign)
    train = total - max(1, round(campaign.split.test * total))
    train -= max(1, round(campaign.split.calibration * total))
    if train < 2:
        raise InputError(
            f"seeds: {total} frames leave {train} for training after the split; at least 2 needed"
        )
    if campaign.committee.subsamples > train:
        raise InputError(
            f"committee.subsamples: {campaign.committee.subsamples} subsamples of {train} "
            "training frames; give fewer subsamples or more seed frames"
        )
