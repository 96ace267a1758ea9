"""Numbers that must be typing errors: they are refused before they fill a disk."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

LARGEST_COUNT = 1e9
"""Of any whole number in a configuration."""

LARGEST_VALUE = 1e12
"""Of any other number; bounds that are meant to be off end below."""

BY_NAME = {
    "temperature": (1e5, "K"),
    "temperatures": (1e5, "K"),
    "timestep": (100.0, "fs"),
    "ecut": (1e5, "eV"),
    "kpoint_density": (1e3, "points per Å⁻¹"),
    "smearing": (100.0, "eV"),
    "displacement": (1.0, "Å"),
    "amplitudes": (10.0, "Å"),
}
"""Largest value of keys whose physics has a scale, wherever they stand."""

LARGEST_MESH = 1e6
"""q-points or k-points; 100 × 100 × 100."""


def problems(campaign: Any) -> Iterator[str]:
    """Every key (or product of keys) that is too large to be meant, with the number it implies.

    Args:
        campaign: a `Campaign`, which calls this.
    """
    for key, value, most, unit in _implied(campaign):
        if value > most:
            yield f"{key}: {value:.3g} {unit}; more than {most:.0e} must be a typing error"
    features = campaign.potential.features
    if min(features, default=0) < 0 or (features and features[0] < 1):
        yield f"potential.features: {features}: l = 0 needs a channel, and none can be negative"


def _implied(campaign: Any) -> Iterator[tuple[str, float, float, str]]:
    dumped = campaign.model_dump(mode="json", exclude={"seed": True, "reference": {"parameters"}})
    yield from _numbers(dumped)
    for key, mesh in _meshes(dumped):
        yield key, math.prod(mesh), LARGEST_MESH, "points of a mesh"
    dynamics = campaign.exploration
    if dynamics.kind == "md":
        yield "exploration.replicas", dynamics.replicas, 1e5, "replicas"
        steps = dynamics.replicas * dynamics.steps
        yield "exploration.steps × replicas", steps, 1e10, "steps of dynamics in a round"
    for index, seed in enumerate(campaign.seeds):
        key = f"seeds.{index}"
        if seed.kind == "aimd":
            yield f"{key}.steps", seed.steps, 1e7, "reference calculations"
        elif seed.kind in ("rattled", "harmonic", "low_fidelity"):
            yield f"{key}.count", seed.count, 1e5, "reference calculations"
    yield "committee", campaign.committee.size, 100, "members"
    yield "acquisition.batch_size", campaign.acquisition.batch_size, 1e5, "labels in a round"
    yield "rounds.check_labels", campaign.rounds.check_labels, 1e5, "labels in a round"
    yield "resources.label_chunks", campaign.resources.label_chunks, 1e4, "jobs of a stage"
    yield "potential.training.epochs", campaign.potential.training.epochs, 1e6, "epochs"
    if campaign.audit is not None:
        yield "audit.labels", campaign.audit.labels, 1e5, "labels of an audit"
    if campaign.foundation is not None and campaign.foundation.stop is not None:
        stop = campaign.foundation.stop
        spent = stop.labels + stop.check + stop.audit
        yield "foundation.stop.labels + check + audit", spent, 1e5, "labels of the stop rule"
    if campaign.green_kubo is not None:
        runs = campaign.green_kubo
        length = min(runs.trajectories, LARGEST_COUNT) * runs.length * 1000 / runs.timestep
        yield "green_kubo.length × trajectories", length, 1e10, "steps of dynamics"


def _leaves(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _leaves(inner, f"{key}.{name}".lstrip("."))
    else:
        yield key, value
        if isinstance(value, list):
            for index, inner in enumerate(value):
                yield from _leaves(inner, f"{key}.{index}")


def _numbers(dumped: Mapping[str, Any]) -> Iterator[tuple[str, float, float, str]]:
    for key, value in _leaves(dumped):
        if isinstance(value, bool) or not isinstance(value, int | float):
            continue
        names = [name for name in key.split(".") if not name.isdecimal()]
        most = LARGEST_COUNT if isinstance(value, int) else LARGEST_VALUE
        yield key, abs(value), *BY_NAME.get(names[-1], (most, ""))


def _meshes(dumped: Mapping[str, Any]) -> Iterator[tuple[str, list[int]]]:
    for key, value in _leaves(dumped):
        if key.rpartition(".")[2] in ("mesh", "round_mesh", "kpoints") and isinstance(value, list):
            yield key, value
