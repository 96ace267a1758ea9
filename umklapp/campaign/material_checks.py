"""What can be known to be wrong of one material: its cells, and the files that are named for it."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
from ase import Atoms

from umklapp.config import WHICH, Campaign, FramesSeed, Lookup, LowFidelitySeed, RattledSeed
from umklapp.crystals import (
    given_cells,
    materials,
    phonopy_cells,
    registration,
    supercells,
    symmetry,
)
from umklapp.crystals.formats import given
from umklapp.crystals.formats.displaced_cells import check_forces
from umklapp.crystals.formats.force_sets import load_params
from umklapp.errors import InputError
from umklapp.learning.events import reference_dynamics

if TYPE_CHECKING:
    from umklapp.potentials.nequip.parents import Parent


@dataclass(frozen=True)
class Cells:
    """Primitive cell and sampling supercell of a material, before any relaxation.

    The supercell is built where a file is held against it: for 122 materials it would take longer
    than all other checks.
    """

    primitive: Atoms
    build: Callable[[], Atoms]

    @cached_property
    def sampling(self) -> Atoms:
        return self.build()


def cells_of(campaign: Campaign, row: pd.Series) -> Cells:
    """Cells of a row of the table, as the rule `structure` will build them.

    Raises:
        InputError: a cell cannot be built, or a given one is of another crystal.
    """
    chosen, name = campaign.materials, row["material"]
    if chosen.cells is None:
        primitive = materials.build_primitive(row, chosen.structures, chosen.downloads)
        matrices = {}
        for which in WHICH:
            key, said = f"materials.{which}_supercell", chosen.supercell(which, name)
            if said is None:
                raise InputError(f"{key}: nothing for {name}; give it an entry, or a default")
            matrices[which] = supercells.matrix(said, primitive, materials.published_size(row), key)
        phonopy_cells.check_matrix(matrices["sampling"], "materials.sampling_supercell")
        return Cells(primitive, partial(phonopy_cells.supercell, primitive, matrices["sampling"]))
    primitive, sampling, _ = given_cells.of_material(chosen, row)
    space_group = symmetry.space_group(primitive)
    formula, wanted = materials.composition(primitive), materials.composition(Atoms(row["formula"]))
    if (formula, space_group) != (wanted, int(row["space_group"])):
        raise InputError(
            f"materials.cells: {chosen.cells} holds {formula}-{space_group}, select says {name}"
        )
    return Cells(primitive, lambda: sampling)


def check_files(campaign: Campaign, material: str, cells: Cells) -> None:
    """Every file that the campaign names for a material is there, and of this crystal.

    Raises:
        InputError: naming key and file.
    """
    primitive = cells.primitive
    for index, seed in enumerate(campaign.seeds):
        key = f"seeds.{index}"
        if isinstance(seed, FramesSeed):
            _check_seed(seed, key, material, cells)
        own = getattr(seed, "supercell", None)
        if isinstance(seed, RattledSeed | LowFidelitySeed) and isinstance(own, list):
            phonopy_cells.check_matrix(own, f"{key}.supercell")
        if isinstance(seed, LowFidelitySeed):
            _check_cheap(seed, key, primitive)
    if isinstance(campaign.reference, Lookup):
        path = campaign.reference.path
        _check_exists(path, "reference.path")
        table, _ = given.inspected(path, keys=campaign.reference.keys)
        _check_frames(table, f"reference.path: {path}", material, primitive)
        registration.register(table, cells.sampling, f"reference.path: {path}")
    modes = campaign.conductivity.reference
    if modes is not None:
        _check_exists(Path(str(modes).replace("{material}", material)), "conductivity.reference")
    _check_reference_dynamics(campaign, material, cells)
    _check_curvature(campaign, material)
    if campaign.phonons.force_constants is not None:
        path = campaign.phonons.force_constants
        check_forces(load_params(path), path)


def _check_curvature(campaign: Campaign, material: str) -> None:
    """The file of second derivatives is there; it is read where the relaxed cells are known."""
    if campaign.finetune is None or campaign.finetune.labels == "reference":
        return
    path = Path(str(campaign.finetune.labels).replace("{material}", material))
    if not path.exists():
        raise InputError(f"finetune.labels: {path} does not exist")


def _check_reference_dynamics(campaign: Campaign, material: str, cells: Cells) -> None:
    """Every trajectory of `verdict.reference` is there, of this crystal, and has times."""
    for path in campaign.verdict.references(material):
        _check_exists(path, "verdict.reference")
        first = given.first(path, keys=campaign.verdict.reference_keys)
        if not first:
            raise InputError(f"verdict.reference: {path} has no frames")
        _check_frames(first, f"verdict.reference: {path}", material, cells.primitive)
        reference_dynamics.check(first, path, cells.sampling)


def _check_seed(seed: FramesSeed, key: str, material: str, cells: Cells) -> None:
    path = seed.path_of(material)
    _check_exists(path, f"{key}.path")
    n_frames = given.count(path, seed.every, seed.skip, seed.keys)
    if n_frames == 0 or (seed.count or 0) > n_frames:
        raise InputError(
            f"{key}.count: {seed.count or 'some'} frames wanted, {path} has {n_frames} "
            f"(every {seed.every}, skip {seed.skip})"
        )
    first = given.first(path, seed.skip, seed.keys)
    _check_frames(first, f"{key}.path: {path}", material, cells.primitive)
    registration.register(first, cells.sampling, f"{key}.path: {path}")


def _check_exists(path: Path, key: str) -> None:
    if not path.exists():
        raise InputError(f"{key}: {path} does not exist")


def _check_frames(labels: list[Atoms], source: str, material: str, primitive: Atoms) -> None:
    formula = materials.composition(primitive)
    multiples: set[bytes] = set()
    for index, frame in enumerate(labels):
        where = f"{source} frame {index}"
        if materials.composition(frame) != formula:
            raise InputError(f"{where}: composition {frame.symbols}, but {material} is {formula}")
        if len(frame) % len(primitive):
            raise InputError(
                f"{where}: {len(frame)} atoms are no multiple of the primitive cell's "
                f"{len(primitive)}"
            )
        cell = frame.cell.array.tobytes()
        if cell not in multiples and not phonopy_cells.is_multiple(primitive, frame):
            lengths = ", ".join(f"{length:.3f}" for length in frame.cell.lengths())
            raise InputError(
                f"{where}: the supercell ({lengths} Å) is no multiple of the primitive cell of "
                f"{material}; check its lattice parameters and its number of atoms"
            )
        multiples.add(cell)


def _check_cheap(seed: LowFidelitySeed, key: str, primitive: Atoms) -> None:
    """A missing package, file or species, long before the dynamics would find out."""
    surface = seed.surface
    if surface.kind == "checkpoint" and not surface.path.exists():
        raise InputError(f"{key}.surface.path: {surface.path} does not exist")
    if surface.kind == "xtb" and importlib.util.find_spec("tblite") is None:
        raise InputError(
            f"{key}.surface.kind is xtb, but the optional package tblite is not installed: pip "
            "install tblite, or choose another surface"
        )
    if "antisite" in seed.defects and len(set(primitive.numbers)) < 2:
        raise InputError(f"{key}.defects: an antisite of {primitive.symbols} needs two species")


@cache
def _parent(path: str) -> Parent:
    from umklapp.potentials.nequip import parents

    return parents.read(Path(path))


def check_starts(campaign: Campaign, material: str, primitive: Atoms) -> None:
    """The start of every member is there, of this architecture, and knows the species.

    Raises:
        InputError: naming `potential.start` and the checkpoint.
    """
    if campaign.potential.start is None:
        return
    from umklapp.potentials.nequip import parents  # seconds; only where a start is asked for

    for member in range(campaign.committee.size):
        start = campaign.potential.start_of(material, member)
        if start is None:
            continue
        if Path(start).resolve().is_relative_to(Path(campaign.results).resolve()):
            raise InputError(
                f"potential.start: {start} lies in this campaign's own results: a campaign cannot "
                "start from what it makes itself; give the new campaign another results folder"
            )
        try:
            parents.check(_parent(start), campaign.potential, primitive.get_chemical_symbols())
        except InputError as error:
            raise InputError(f"potential.start: {error}") from None
