"""What a changed configuration would make again; the run asks before it begins."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from umklapp.campaign.last_run import LastRun
from umklapp.campaign.parameters import Parameters, plain
from umklapp.config import Campaign
from umklapp.config.campaign import validate
from umklapp.errors import InputError

ACCEPT = "accept"
"""Value of `--config changes=…` with which the work is made again."""

AGAIN = {
    "cells": "the cells have changed: everything is made again",
    "reference": "the settings of the labels have changed: every label is made again, then every "
    "training and all that follows",
    "seeds": "the seeds have changed: new ones are labelled, then every training and all that "
    "follows is made again",
    "training": "the settings of the training have changed: every training is made again, and all "
    "that follows, so that later rounds ask for other labels",
    "rounds": "the settings of the rounds have changed: every exploration and choice is made "
    "again, so that later rounds ask for other labels",
}
"""What a change costs, by the part that has changed, dearest first."""


NO_CRYSTAL = {"select", "table", "downloads"}
"""Of `materials`: which crystals there are and where they are listed, not what a crystal is."""


def touched(campaign: Campaign, last: LastRun | None) -> list[str]:
    """Keys of `AGAIN` whose work differs between two configurations; [] before the first run.

    Compared as Snakemake compares parameters: settings that only say how a program runs do not
    count, nor do additional materials.

    Args:
        campaign: as it runs (`last_run.settled`).
    """
    if last is None:
        return []
    try:
        before = validate(last.campaign)
    except InputError:  # of an earlier version, with keys that are gone; `changes` names them
        return []
    now, then = _parts(campaign), _parts(before)
    return [part for part in AGAIN if now[part] != then[part]]


def _parts(campaign: Campaign) -> dict[str, str]:
    """What the work of each part depends on, as Snakemake compares it."""
    asked = Parameters(campaign, None)  # type: ignore[arg-type]  # the table is of no use here
    materials = campaign.materials.model_dump(mode="json", exclude=NO_CRYSTAL)
    return {
        "cells": repr(materials),
        "reference": repr(plain(campaign.reference)),
        "seeds": repr([seed.model_dump(mode="json") for seed in campaign.seeds]),
        "training": repr([asked.learning(), asked.member(), asked.finetuning()]),
        "rounds": repr([campaign.exploration.model_dump(mode="json"), asked.choice()]),
    }


def made(results: Path, materials: Sequence[str]) -> str:
    """What there is of labels and trainings, in words; empty where there is nothing to lose."""
    folders = [results / material for material in materials]
    labels = sum(1 for folder in folders for _ in folder.glob("ledger/*/*.extxyz"))
    models = sum(1 for folder in folders for _ in folder.glob("round_*/member_*/model.ckpt"))
    counts = [(labels, "labels"), (models, "trainings")]
    return " and ".join(f"{count} {name}" for count, name in counts if count)


def lines(parts: Sequence[str], there: str) -> list[str]:
    """What the changes would make again, a sentence each; none where nothing is there yet."""
    return [f"{AGAIN[part]} (there are {there})" for part in parts if there]


def check(parts: Sequence[str], there: str, choice: object) -> None:
    """Stop where finished work would be made again and the user has not said so.

    Args:
        parts: of `touched`. there: of `made`. choice: of `--config changes=…`, None without.

    Raises:
        InputError: with what would be made again and what can be done; or an unknown choice.
    """
    if choice not in (None, ACCEPT):
        raise InputError(f"--config changes={choice}: the only choice is changes={ACCEPT}")
    if choice == ACCEPT or not (said := lines(parts, there)):
        return
    raise InputError(
        "the configuration has changed since the last run (the keys are named above), and work "
        f"that is done would be made again: {'; '.join(said)}. Undo the change to go on with what "
        "is there; give `results` another folder to keep both; or add --config "
        f"changes={ACCEPT} to make it again (labels stay in the ledger, and those of different "
        "settings are never mixed). With -n nothing is made, and every job is listed"
    )
