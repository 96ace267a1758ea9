"""κ of a committee: one κ per member, so that κ has a committee error bar."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np


def _members(paths: Sequence[Path]) -> list[dict[str, Any]]:
    return [json.loads(Path(path).read_text()) for path in paths]


def at_300_kelvin(paths: Sequence[Path]) -> list[float | None]:
    """κ(300 K) of every member in W/(m K); None where it was not computed."""
    found = []
    for member in _members(paths):
        values = member["kappa_W_per_mK"]
        found.append(None if values is None else values[member["temperatures_K"].index(300.0)])
    return found


def _residual(members: Sequence[dict[str, Any]]) -> float | None:
    """Mean over the members of what they leave of the labels that correct them, eV/Å."""
    corrections = [each.get("correction") for each in members]
    found = [each["residual_before_eV_per_A"] for each in corrections if each]
    return float(np.mean(found)) if found else None


def combine(paths: Sequence[Path]) -> dict[str, Any]:
    """Mean and population standard deviation over the members for every temperature.

    Where a member has no κ, the committee has none: the reasons are kept instead, because a mean
    over the members that happened to work would hide an unstable crystal.
    """
    members = _members(paths)
    temperatures, mesh = members[0]["temperatures_K"], members[0]["mesh"]
    reasons = {k: each["not_computed"] for k, each in enumerate(members) if each["not_computed"]}
    found: dict[str, Any] = {
        "temperatures_K": temperatures,
        "mesh": mesh,
        "members_W_per_mK": [each["kappa_W_per_mK"] for each in members],
        "not_computed": reasons or None,
        "lowest_frequency_THz": min(each["lowest_frequency_THz"] for each in members),
        "method": members[0]["method"],
        "residual_before_correction_eV_per_A": _residual(members),
    }
    if reasons:
        return {**found, "kappa_W_per_mK": None, "std_W_per_mK": None}
    values = np.array([each["kappa_W_per_mK"] for each in members])
    return {
        **found,
        "kappa_W_per_mK": values.mean(axis=0).tolist(),
        "std_W_per_mK": values.std(axis=0).tolist(),
    }
