"""What can be known to be wrong before the first job, from the config and the files it names."""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
from ase import Atoms

from umklapp import reference
from umklapp.campaign import material_checks, stops
from umklapp.config import WHICH, Campaign, FoundationModel, FoundationReference, Potential
from umklapp.config.backends import BACKENDS
from umklapp.crystals import materials
from umklapp.crystals.formats import born_files, given
from umklapp.errors import InputError
from umklapp.lattice import born
from umklapp.paths import Results
from umklapp.potentials import foundation
from umklapp.potentials.external import bridge
from umklapp.stages import STAGES
from umklapp.transport.baseline_record import Baseline
from umklapp.transport.moved_potential import MovedPotential
from umklapp.wording import nearest

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
            cells = material_checks.cells_of(campaign, row)
            primitives[row["material"]] = cells.primitive
            material_checks.check_files(campaign, row["material"], cells)
            material_checks.check_starts(campaign, row["material"], cells.primitive)
        except InputError as error:
            problems.append(str(error))
    problems += born_problems(campaign, primitives)
    if campaign.green_kubo is not None and not campaign.corrected_dynamics:
        plain = MovedPotential.not_asked(campaign.green_kubo)
        log.warning(f"green_kubo: κ will say that Green–Kubo moves {plain.words}")
    species = materials.species(table, keys)
    try:
        reference.check(campaign.reference, {name for names in species.values() for name in names})
    except InputError as error:
        problems.append(str(error))
    problems += foundation_problems(campaign, species, primitives)
    problems += order_problems(campaign, keys)
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
            foundation.check(model, symbols, f"{key}.")
        except InputError as error:
            problems.append(str(error))
        else:
            problems += foundation.try_out(model, primitives, f"{key}.")
    if stops.rule(campaign) is not None and campaign.reference.engine == "lookup":
        problems.append(
            "foundation.stop asks for labels of new frames, and reference.engine 'lookup' has "
            "those of its table alone: leave out foundation.stop"
        )
    return problems


def order_problems(campaign: Campaign, keys: Sequence[str]) -> list[str]:
    """What is wrong with the rehearsal that orders a campaign; materials that it lacks are logged.

    Args:
        keys: all selected materials.
    """
    if campaign.order is None or campaign.order.rehearsal is None:
        return []
    folder = campaign.order.rehearsal
    baselines = {key: Path(Results(str(folder)).material(key).baseline) for key in keys}
    without = [key for key, path in baselines.items() if not path.exists()]
    if len(without) == len(keys):
        return [
            f"order.rehearsal: {folder} has the baseline of no selected material "
            f"({baselines[keys[0]]} is looked for): run `snakemake baselines` or a rehearsal "
            "there first (docs/foundation.md), or correct the folder"
        ]
    if without:
        log.warning(
            f"order.rehearsal: {folder} has no baseline of {', '.join(without)}: they come last"
        )
    problems = []
    for path in baselines.values():
        try:
            if path.exists():
                Baseline.read(path)
        except InputError as error:
            problems.append(f"order.rehearsal: {error}")
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
            "κ lacks the non-analytical correction, and every result says so (docs/howto.md says "
            "how to give Born charges)"
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
            f"shared.leave_out names {', '.join(unknown)}, which materials.select does not have"
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
