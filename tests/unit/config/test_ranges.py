"""Every number of the configuration has a range; extreme values end in a sentence or can run."""

from collections.abc import Iterator
from contextlib import suppress
from copy import deepcopy
from typing import Any

import pytest
from pydantic import BaseModel

from umklapp import config
from umklapp.campaign import run
from umklapp.config import ranges
from umklapp.config.base import Section
from umklapp.config.campaign import Campaign
from umklapp.errors import InputError

SURFACE = {"kind": "calculator", "calculator": "ase.calculators.lj:LennardJones"}
SECTIONS = {
    "all": {
        "green_kubo": {},
        "elastic": {},
        "finetune": {"kind": "curvature"},
        "foundation": {"model": {"package": "nequix"}, "stop": {}},
        "acquisition": {"lower": 0.1, "spacing": 10.0},
        "rounds": {"worst_error": 0.2},
        "audit": {"largest_error": 0.2},
        "conductivity": {"boundary_mfp": 1.0},
        "phonons": {"pair_cutoff": 5.0, "fc3": "symfc", "random_displacements": 30},
        "resources": {"max_walltime": 60, "max_memory": 4000, "walltime": {"train": 2.0}},
    },
    "espresso": {
        "reference": {
            "engine": "espresso",
            "ecut": 500.0,
            "ecut_density": 4000.0,
            "pseudopotentials": {"Si": "Si.upf"},
        }
    },
    "aims": {"reference": {"engine": "aims", "force_tolerance": 1e-4}},
    "vasp": {"reference": {"engine": "vasp"}},
    "gpaw": {"reference": {"engine": "gpaw", "grid_spacing": 0.2}},
    "seeds": {
        "seeds": [
            {"kind": "aimd", "steps": 100},
            {"kind": "rattled", "count": 12, "strain": 0.01},
            {"kind": "harmonic", "count": 4},
            {"kind": "frames", "path": "frames.extxyz"},
            {"kind": "nomad", "count": 5},
            {
                "kind": "low_fidelity",
                "count": 20,
                "temperatures": [300, 2000],
                "surface": SURFACE,
                "bias": {"targets": [1, 0.1]},
            },
        ]
    },
    "pretrain": {
        "seeds": [
            {
                "kind": "low_fidelity",
                "count": 20,
                "temperatures": [300, 2000],
                "surface": {"kind": "xtb"},
                "distillation": {"bound": 0.1},
                "pretrain": {"transfer_epochs": 3, "transfer_learning_rate": 0.01},
            }
        ]
    },
    "training": {
        "potential": {"training": {"warm_start": {}, "schedule": [{"name": "one", "epochs": 3}]}}
    },
}


def numeric_fields(model: type[BaseModel], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Paths of all fields of a section and its inner ones that take a number."""
    for key, field in model.model_fields.items():
        left: list[Any] = [field.annotation]
        while left:
            kind = left.pop()
            if kind in (int, float):
                yield (*path, key)
            elif isinstance(kind, type) and issubclass(kind, Section):
                yield from numeric_fields(kind, (*path, key))
            left += getattr(kind, "__args__", ())


def test_every_key_that_takes_a_number_has_a_range_and_every_range_a_key():
    paths = set(numeric_fields(Campaign))
    assert len(paths) > 250
    assert [path for path in paths if ranges.of(path) is None] == [("seed",)]
    used = {id(ranges.of(path)) for path in paths}
    assert {name for name, found in ranges.RANGES.items() if id(found) not in used} == set()


def changed(whole: dict[str, Any], path: list[str], value: float) -> dict[str, Any]:
    """The configuration with another value at this place."""
    copy = deepcopy(whole)
    inner = copy
    for name in path[:-1]:
        inner = inner[int(name) if name.isdecimal() else name]
    inner[int(path[-1]) if path[-1].isdecimal() else path[-1]] = value
    return copy


@pytest.mark.parametrize("name", SECTIONS)
def test_values_outside_are_refused_by_name_and_extremes_inside_can_run(plain, name):
    whole = config.validate({**plain, **SECTIONS[name]}).model_dump(mode="json")
    for path, value in list(ranges.numbers(whole)):
        allowed = ranges.of(path)
        if allowed is None:
            continue
        low, high = allowed.low, min(allowed.high, 1e200)
        outside = [low / 1e6, 1e3 * high] if isinstance(value, float) else [int(1e3 * high)]
        for wrong in outside:
            with pytest.raises(InputError) as caught:
                config.validate(changed(whole, path, wrong))
            said = str(caught.value)
            # another rule may speak first, of the section: 300 K must be among the temperatures
            assert path[-1] in said or path[-2] in said or path[-3] in said, (path, wrong, said)
        for extreme in (low, high):
            with suppress(InputError):  # together with the other keys it may be impossible
                config.validate(changed(whole, path, type(value)(extreme)))


EXTREMES = {
    "resources": {"label_chunks": 10_000, "walltime": {"default": 1e4}, "memory": {"train": 1e-3}},
    "rounds": {"max": 99, "check_labels": 100_000, "force_error": 1e-4},
    "committee": {"subsamples": 50, "seeds": 2},
    "potential": {"cutoff": 12.0, "features": [4096, 1, 1], "bessel": 200},
    "materials": {"phonon_supercell": {"atoms": 5000}},
    "conductivity": {"mesh": [1000, 1000, 1], "temperatures": [0.1, 300.0, 2e4]},
    "green_kubo": {"trajectories": 10_000, "length": 1.0, "timestep": 0.01},
}


@pytest.mark.parametrize("name", EXTREMES)
def test_the_workflow_is_planned_with_extremes(plain, name):
    asked = {**plain, name: {**plain.get(name, {}), **EXTREMES[name]}}
    planned = run.prepare(asked, check=False)
    assert planned.materials == ["Si-227"]
    assert planned.resources.atoms("Si-227", "phonon") >= 2


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("potential.cutoff", 1e-9, "1e-09 Å must be a typing error or of another unit: write 1 to"),
        ("exploration.timestep", 1e-9, "write 0.01 to 20 fs"),
        ("exploration.temperatures", [1e9], "exploration.temperatures.0: 1e+09 K"),
        ("exploration.min_distance", 50.0, "write 1e-06 to 0.99 bond lengths"),
        ("exploration.max_force", 1e-9, "write at least 0.01 eV/Å"),
        ("resources.walltime", {"train": 1e9}, "resources.walltime.train: 1e+09 must be"),
    ],
)
def test_the_message_names_key_value_range_and_remedy(plain, key, value, words):
    section, name = key.split(".")
    kind = {"kind": "md"} if section == "exploration" else {}
    with pytest.raises(InputError) as caught:
        config.validate({**plain, section: {**kind, name: value}})
    assert key in str(caught.value)
    assert words in str(caught.value)


def test_parameters_of_other_programs_and_the_seed_of_random_draws_have_no_range(plain):
    reference = {"engine": "ase", "calculator": "a:B", "parameters": {"cutoff": 1e-9}}
    config.validate({**plain, "reference": reference, "seed": 10**12})
