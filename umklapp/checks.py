"""What can be known to be wrong before the first job, from the config and the files it names."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from ase import Atoms

from umklapp import materials, reference
from umklapp.config import Campaign, FramesSeed, Lookup, Matrix, RattledSeed
from umklapp.errors import InputError
from umklapp.force_sets import load_params, read_labelled
from umklapp.materials import from_phonopy
from umklapp.seeds import given


def check(campaign: Campaign) -> pd.DataFrame:
    """The table's selected rows, after every file that the config names was looked at.

    Raises:
        InputError: naming file, key and value.
    """
    table = materials.read_table(campaign.materials.table)
    materials.check_selection(table, campaign.materials.select, campaign.materials.table)
    rows = table.loc[campaign.materials.select]
    for _, row in rows.iterrows():
        primitive = _primitive(campaign, row)
        _check_files(campaign, row["material"], primitive)
    _check_counts(campaign)
    species = materials.species(campaign.materials.table, campaign.materials.select)
    reference.check(campaign.reference, {name for names in species.values() for name in names})
    return rows


def _primitive(campaign: Campaign, row: pd.Series) -> Atoms:
    chosen = campaign.materials
    if chosen.cells is None:
        primitive = materials.build_primitive(row, chosen.structures)
        for key in ("sampling_supercell", "phonon_supercell"):
            _check_matrix(getattr(chosen, key), f"materials.{key}")
        return primitive
    primitive = from_phonopy(load_params(chosen.cells).primitive)
    found = materials.space_group(primitive)
    formula, wanted = materials.composition(primitive), materials.composition(Atoms(row["formula"]))
    if (formula, found) != (wanted, int(row["space_group"])):
        raise InputError(
            f"materials.cells: {chosen.cells} holds {formula}-{found}, "
            f"select says {row['material']}"
        )
    return primitive


def _check_matrix(matrix: Matrix | None, key: str) -> None:
    if matrix is not None:
        materials.check_matrix(matrix, key)


def _check_files(campaign: Campaign, material: str, primitive: Atoms) -> None:
    for number, seed in enumerate(campaign.seeds):
        key = f"seeds.{number}"
        if isinstance(seed, FramesSeed):
            _check_seed(seed, key, material, primitive)
        if isinstance(seed, RattledSeed):
            _check_matrix(seed.supercell, f"{key}.supercell")
    if isinstance(campaign.reference, Lookup):
        path = campaign.reference.path
        _check_exists(path, "reference.path")
        _check_frames(read_labelled(path), f"reference.path: {path}", material, primitive)
    if campaign.phonons.force_constants is not None:
        load_params(campaign.phonons.force_constants)


def _check_seed(seed: FramesSeed, key: str, material: str, primitive: Atoms) -> None:
    path = seed.path_of(material)
    _check_exists(path, f"{key}.path")
    found = given.count(path, seed.every, seed.skip)
    if found == 0 or (seed.count or 0) > found:
        raise InputError(
            f"{key}.count: {seed.count or 'some'} frames wanted, {path} has {found} "
            f"(every {seed.every}, skip {seed.skip})"
        )
    _check_frames(given.first(path, seed.skip), f"{key}.path: {path}", material, primitive)


def _check_exists(path: Path, key: str) -> None:
    if not path.exists():
        raise InputError(f"{key}: {path} does not exist")


def _check_frames(found: list[Atoms], source: str, material: str, primitive: Atoms) -> None:
    formula = materials.composition(primitive)
    multiples: set[bytes] = set()
    for number, frame in enumerate(found):
        where = f"{source} frame {number}"
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


def expected_frames(campaign: Campaign) -> int:
    """Labelled frames that the seeds will give, at least; what NOMAD has is not known."""
    count = 0
    material = campaign.materials.select[0]
    for seed in campaign.seeds:
        if seed.kind == "aimd":
            count += seed.steps // seed.every
        elif seed.kind == "frames":
            path = seed.path_of(material)
            found = given.count(path, seed.every, seed.skip)
            count += found if seed.count is None else seed.count
        elif seed.kind != "nomad" or seed.count is not None:
            count += seed.count or 0
    return count


def _check_counts(campaign: Campaign) -> None:
    if any(seed.kind == "nomad" and seed.count is None for seed in campaign.seeds):
        return
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
