"""What can be known to be wrong before the first job, from the config and the files it names."""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
from ase import Atoms

from umklapp import reference
from umklapp.config import (
    WHICH,
    Campaign,
    FoundationModel,
    FoundationReference,
    FramesSeed,
    Lookup,
    LowFidelitySeed,
    Potential,
    RattledSeed,
)
from umklapp.config.backends import BACKENDS
from umklapp.crystals import given_cells, materials, phonopy_cells, registration, supercells
from umklapp.crystals.formats import born_files, given
from umklapp.crystals.formats.force_sets import load_params
from umklapp.errors import InputError
from umklapp.lattice import born
from umklapp.learning.events import reference_dynamics
from umklapp.potentials import foundation
from umklapp.potentials.external import bridge
from umklapp.stages import STAGES
from umklapp.wording import nearest

if TYPE_CHECKING:
    from umklapp.potentials.nequip.parents import Parent


log = logging.getLogger(__name__)


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
    primitives: dict[str, Atoms] = {}
    for _, row in rows.iterrows():
        try:
            cells = _cells(campaign, row)
            primitives[row["material"]] = cells.primitive
            _check_files(campaign, row["material"], cells)
            _check_starts(campaign, row["material"], cells.primitive)
        except InputError as error:
            problems.append(str(error))
    problems += born_problems(campaign, primitives)
    species = materials.species(table, keys)
    try:
        reference.check(campaign.reference, {name for names in species.values() for name in names})
    except InputError as error:
        problems.append(str(error))
    problems += foundation_problems(campaign, species, primitives)
    if problems:
        raise InputError("\n".join(dict.fromkeys(problems)))
    _check_counts(campaign)
    check_backend(campaign.potential)
    return rows


def foundation_problems(
    campaign: Campaign, species: Mapping[str, Sequence[str]], primitives: Mapping[str, Atoms]
) -> list[str]:
    """What is wrong with the foundation models of a campaign.

    Args:
        species: chemical symbols of every material. primitives: cells of those that were built.
    """
    models: dict[str, FoundationModel] = {}
    if campaign.foundation is not None:
        models["foundation"] = campaign.foundation.model
    if isinstance(campaign.reference, FoundationReference):
        models["reference"] = campaign.reference.model
    problems = []
    for key, model in models.items():
        try:
            symbols = {symbol for names in species.values() for symbol in names}
            foundation.check(model, symbols, key)
            for primitive in primitives.values():
                foundation.try_out(model, primitive, key)
        except InputError as error:
            problems.append(str(error))
    return problems


def born_problems(campaign: Campaign, primitives: Mapping[str, Atoms]) -> list[str]:
    """What is wrong with the Born charges of materials, all of them; polar ones without are logged.

    Args:
        primitives: primitive cell of every material that could be built.
    """
    problems, without = [], []
    chosen, reference_settings = campaign.materials, campaign.reference
    for material, primitive in primitives.items():
        try:
            source = born.source(
                *(campaign.phonons, reference_settings, chosen.structures, chosen.cells),
                *(material, primitive),
            )
            if source.path is not None:
                born_files.read(source.path, primitive, material)
            elif source.kind == "none" and source.polar:
                without.append(material)
        except InputError as error:
            problems.append(str(error))
    if without:
        log.warning(
            f"phonons.born: {campaign.phonons.born}: no Born charges for {', '.join(without)}: "
            "their κ has no non-analytical correction, and says so (docs/howto.md says how to give "
            "them)"
        )
    return _joined(problems)


def _joined(problems: Sequence[str]) -> list[str]:
    """Sentences that differ in their last word alone, the material, as one."""
    by_start: dict[str, list[str]] = {}
    for problem in dict.fromkeys(problems):
        start, _, last = problem.rpartition(" ")
        by_start.setdefault(start, []).append(last)
    return [f"{start} {', '.join(names)}" for start, names in by_start.items()]


def check_campaign(campaign: Campaign, keys: Sequence[str]) -> None:
    """What is wrong for the whole selection, whichever part of it a run works on.

    Args:
        keys: all selected materials.

    Raises:
        InputError: naming key and value.
    """
    _check_shared(campaign, keys)
    _check_factors(campaign)


def of_materials(campaign: Campaign, keys: Sequence[str]) -> Campaign:
    """The same campaign with these materials selected."""
    chosen = campaign.materials.model_copy(update={"select": list(keys)})
    return campaign.model_copy(update={"materials": chosen})


def check_backend(potential: Potential) -> None:
    """Raise `InputError` where the backend's package or environment is missing, with the remedy."""
    facts = BACKENDS[potential.backend]
    if facts.environment is not None:
        bridge.interpreter(potential.backend, potential.environment)
    elif potential.backend == "allegro" and importlib.util.find_spec("allegro") is None:
        raise InputError(
            f"potential.backend: '{potential.backend}' needs the package {facts.package}, which is "
            f"not installed: run `make {facts.target}`"
        )


def _check_shared(campaign: Campaign, keys: Sequence[str]) -> None:
    left_out = campaign.shared.leave_out
    unknown = [key for key in left_out if key not in keys]
    if unknown:
        raise InputError(
            f"shared.leave_out has {', '.join(unknown)}, which materials.select has not"
            f"{nearest(unknown[0], keys)}"
        )
    if set(left_out) == set(keys):
        raise InputError("shared.leave_out names every material: leave one for the model")


def _check_factors(campaign: Campaign) -> None:
    rules = [rule for stage in STAGES.values() for rule in stage]
    for key in ("walltime", "memory"):
        for rule in getattr(campaign.resources, key):
            if rule not in (*rules, "default"):
                raise InputError(
                    f"resources.{key}.{rule}: there is no such rule{nearest(rule, rules)}; the "
                    "rules are those of `snakemake --list-rules`, or 'default' for all others"
                )


def _check_mappings(campaign: Campaign, table: pd.DataFrame) -> None:
    for which in WHICH:
        said = getattr(campaign.materials, f"{which}_supercell")
        unknown = sorted(set(said) - {"default", *table.index}) if isinstance(said, dict) else []
        if unknown:
            raise InputError(
                f"materials.{which}_supercell: {unknown} are not in {campaign.materials.table}; "
                "the keys are those of the table, or 'default'"
            )


@dataclass(frozen=True)
class _Cells:
    """Primitive cell and sampling supercell, before any relaxation.

    The supercell is built where a file is held against it: for 122 materials it would take longer
    than all other checks.
    """

    primitive: Atoms
    build: Callable[[], Atoms]

    @cached_property
    def sampling(self) -> Atoms:
        return self.build()


def _cells(campaign: Campaign, row: pd.Series) -> _Cells:
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
        return _Cells(primitive, partial(phonopy_cells.supercell, primitive, matrices["sampling"]))
    primitive, sampling, _ = given_cells.of_material(chosen, row)
    space_group = materials.space_group(primitive)
    formula, wanted = materials.composition(primitive), materials.composition(Atoms(row["formula"]))
    if (formula, space_group) != (wanted, int(row["space_group"])):
        raise InputError(
            f"materials.cells: {chosen.cells} holds {formula}-{space_group}, select says {name}"
        )
    return _Cells(primitive, lambda: sampling)


def _check_files(campaign: Campaign, material: str, cells: _Cells) -> None:
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
        load_params(campaign.phonons.force_constants)


def _check_curvature(campaign: Campaign, material: str) -> None:
    """The file of second derivatives is there; it is read where the relaxed cells are known."""
    if campaign.finetune is None or campaign.finetune.labels == "reference":
        return
    path = Path(str(campaign.finetune.labels).replace("{material}", material))
    if not path.exists():
        raise InputError(f"finetune.labels: {path} does not exist")


def _check_reference_dynamics(campaign: Campaign, material: str, cells: _Cells) -> None:
    """Every trajectory of `verdict.reference` is there, of this crystal, and has times."""
    for path in campaign.verdict.references(material):
        _check_exists(path, "verdict.reference")
        first = given.first(path, keys=campaign.verdict.reference_keys)
        if not first:
            raise InputError(f"verdict.reference: {path} has no frames")
        _check_frames(first, f"verdict.reference: {path}", material, cells.primitive)
        reference_dynamics.check(first, path, cells.sampling)


def _check_seed(seed: FramesSeed, key: str, material: str, cells: _Cells) -> None:
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


def _check_starts(campaign: Campaign, material: str, primitive: Atoms) -> None:
    """The start of every member is there, of this architecture, and knows the species."""
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


def expected_frames(campaign: Campaign) -> int:
    """Labelled frames that the seeds will give, at least; what NOMAD has is not known."""
    count = 0
    material = materials.keys(campaign.materials)[0]
    for seed in campaign.seeds:
        if seed.kind == "aimd":
            count += seed.steps // seed.every
        elif seed.kind == "frames":
            path = seed.path_of(material)
            n_frames = given.count(path, seed.every, seed.skip, seed.keys)
            count += n_frames if seed.count is None else seed.count
        elif seed.kind == "low_fidelity" and seed.distillation and seed.distillation.bound:
            count += seed.distillation.start
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
