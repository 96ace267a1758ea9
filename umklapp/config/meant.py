"""Numbers that must be typing errors: they are refused before they fill a disk."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from umklapp.config import ranges

LARGEST_MESH = 1e6
"""q-points or k-points; 100 × 100 × 100."""

LARGEST_CELL = 5000
"""Primitive cells in a supercell."""


def problems(campaign: Any) -> Iterator[str]:
    """Every key (or product of keys) that must be a typing error, with the number that it implies.

    Args:
        campaign: a `Campaign`, which calls this.
    """
    dumped = campaign.model_dump(mode="json")
    yield from ranges.problems(dumped)
    for key, value, most, unit in _implied(campaign, dumped):
        if value > most:
            yield f"{key}: {value:.3g} {unit}; more than {most:.0e} must be a typing error"
    yield from _keep_nothing(campaign)
    features = campaign.potential.features
    if min(features, default=0) < 0 or (features and features[0] < 1):
        yield f"potential.features: {features}: l = 0 needs a channel, and none can be negative"


def _keep_nothing(campaign: Any) -> Iterator[str]:
    """Dynamics that end before the first frame is kept."""
    runs = {"exploration": campaign.exploration}
    runs |= {f"seeds.{index}": seed for index, seed in enumerate(campaign.seeds)}
    for key, run in runs.items():
        if run.kind in ("md", "aimd") and run.every > run.steps:
            yield (
                f"{key}.every: {run.every} keeps no frame of {run.steps} steps: lower every or "
                "raise steps"
            )


def _implied(campaign: Any, dumped: Mapping[str, Any]) -> Iterator[tuple[str, float, float, str]]:
    for key, mesh in _lists(dumped, ("mesh", "round_mesh", "kpoints")):
        yield key, math.prod(mesh), LARGEST_MESH, "points of a mesh"
    for key, matrix in _lists(dumped, ("sampling_supercell", "phonon_supercell", "supercell")):
        yield key, abs(_determinant(matrix)), LARGEST_CELL, "primitive cells"
    dynamics = campaign.exploration
    if dynamics.kind == "md":
        steps = dynamics.replicas * dynamics.steps
        yield "exploration.steps × replicas", steps, 1e10, "steps of dynamics in a round"
    for index, seed in enumerate(campaign.seeds):
        if seed.kind == "aimd":
            yield f"seeds.{index}.steps", seed.steps, 1e7, "reference calculations"
    yield "committee", campaign.committee.size, 100, "members"
    if campaign.foundation is not None and campaign.foundation.stop is not None:
        stop = campaign.foundation.stop
        spent = stop.labels + stop.check + stop.audit
        yield "foundation.stop.labels + check + audit", spent, 1e5, "labels of the stop rule"
    if campaign.green_kubo is not None:
        runs = campaign.green_kubo
        length = runs.trajectories * runs.length * 1000 / runs.timestep
        yield "green_kubo.length × trajectories", length, 1e10, "steps of dynamics"


def _lists(value: Any, names: Sequence[str], key: str = "") -> Iterator[tuple[str, list[Any]]]:
    """Lists under these names, wherever they stand; a mapping by material counts as its name."""
    for name, inner in value.items() if isinstance(value, Mapping) else enumerate(value):
        path = f"{key}.{name}".lstrip(".")
        if isinstance(inner, list) and set(path.split(".")) & set(names):
            yield path, inner
        elif isinstance(inner, Mapping | list):
            yield from _lists(inner, names, path)


def _determinant(matrix: Sequence[Sequence[int]]) -> int:
    """Of three rows; exact, whatever the size of the numbers."""
    (a, b, c), (d, e, f), (g, h, i) = matrix
    return a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)
