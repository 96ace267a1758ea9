"""`umklapp check CONFIG`: everything that a dry run checks, as a list of what is well and what not.

A dry run ends at the first thing that is wrong. The list goes on, and says what was looked at.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

import pandas as pd
from rich.console import Console
from rich.text import Text

from umklapp.campaign import checks, drift, last_run, readiness, sizes, unfinished
from umklapp.config import Campaign
from umklapp.config import load as load_config
from umklapp.crystals import materials
from umklapp.errors import InputError
from umklapp.paths import Results
from umklapp.wording import counted, workflow_command

Outcome = Literal["well", "note", "wrong"]

SIGNS: dict[Outcome, tuple[str, str]] = {
    "well": ("ok   ", "green"),
    "note": ("note ", "yellow"),
    "wrong": ("WRONG", "bold red"),
}
"""What stands before a line, and its colour on a terminal."""


@dataclass(frozen=True)
class Line:
    """One thing that was checked; text: what was found, a sentence."""

    outcome: Outcome
    subject: str
    text: str


def lines(path: Path) -> list[Line]:
    """Everything that can be known before the first job of the campaign of a configuration.

    Later checks are left out where they need what an earlier one found wrong.
    """
    try:
        campaign = load_config(path)
    except InputError as error:
        return _wrong("configuration", error)
    listed = [Line("well", "configuration", f"{path}: every key is known, every value possible")]
    try:
        table = materials.read_table(campaign.materials.table)
        keys = materials.selected(table, campaign.materials.select, campaign.materials.table)
    except InputError as error:
        return [*listed, *_wrong("materials", error)]
    shown = ", ".join(keys[:6]) + (f" and {len(keys) - 6} more" if len(keys) > 6 else "")
    listed.append(Line("well", "materials", f"{len(keys)} of {campaign.materials.table}: {shown}"))
    listed += _cells(campaign, keys)
    listed += _attempt("whole campaign", lambda: checks.check_campaign(campaign, keys))
    listed += _attempt("files and programs", lambda: checks.check(campaign))
    listed += _labels(campaign)
    listed += _results(campaign, keys, list(table.index))
    return listed


def _wrong(subject: str, error: InputError) -> list[Line]:
    """A line for everything that an error names; one that only announces the others is left out."""
    texts = str(error).splitlines()
    named = texts[1:] if len(texts) > 1 and texts[0].endswith(":") else texts
    return [Line("wrong", subject, text.strip()) for text in named]


def _attempt(subject: str, action: Callable[[], object]) -> list[Line]:
    """What a check says: its warnings as notes, its error a line each."""
    with _warnings() as messages:
        try:
            action()
        except InputError as error:
            result = _wrong(subject, error)
        else:
            result = [Line("well", subject, CHECKED[subject])]
    return [*result, *(Line("note", subject, text) for text in messages)]


CHECKED = {
    "whole campaign": "shared model and factors of resources name what exists",
    "files and programs": "crystals are built; seeds, reference, Born charges, starting models and "
    "the programs of engine and potential are there and fit the crystals",
    "results folder": "it can be written to, with disk left",
    "results on disk": "assessments and audits are whole, no foreign files",
}


@contextmanager
def _warnings() -> Iterator[list[str]]:
    """Warnings that umklapp logs meanwhile, in place of showing them at once."""
    messages: list[str] = []

    class Collect(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            messages.append(record.getMessage())

    handler, root = Collect(level=logging.WARNING), logging.getLogger("umklapp")
    before = root.propagate, root.handlers
    root.propagate, root.handlers = False, [handler]
    try:
        yield messages
    finally:
        root.propagate, root.handlers = before


def _cells(campaign: Campaign, keys: Sequence[str]) -> list[Line]:
    """The size of the cells, and what is too small for σᴬ or Green–Kubo."""
    table = materials.read_table(campaign.materials.table)
    notes = []
    for key in keys[:12]:
        atoms = sizes.expected(cast(pd.Series, table.loc[key]), campaign.materials)
        least = campaign.verdict.sigma_atoms
        if campaign.materials.cells is not None:
            text, small = f"{key}: cells of {campaign.materials.cells}", False
        else:
            small = atoms["sampling"] < least
            text = f"{key}: sampling cell {atoms['sampling']} atoms, phonon cell {atoms['phonon']}"
        if small:
            text += (
                f"; no σᴬ will be reported below {least} atoms (verdict.sigma_atoms), and waves "
                "longer than the cell are missing from the dynamics"
            )
        notes.append(Line("note" if small else "well", "cells", text))
    if len(keys) > 12:
        notes.append(Line("well", "cells", f"{len(keys) - 12} more materials are not listed"))
    return notes


def _labels(campaign: Campaign) -> list[Line]:
    """How many labels a material may cost; nothing where a file of seeds cannot be read."""
    try:
        seeds, rounds = checks.expected_frames(campaign), campaign.rounds.max
    except InputError:
        return []
    batch = campaign.acquisition.batch_size
    most = rounds * (batch + campaign.rounds.check_labels)
    audit = campaign.audit.labels if campaign.audit else 0
    text = (
        f"each material: {seeds} from seeds, then at most {most} in {counted(rounds, 'round')}, "
        f"{audit} per audit; engine {campaign.reference.engine}"
    )
    return [Line("well", "labels", text)]


def _results(campaign: Campaign, keys: Sequence[str], table_keys: Sequence[str]) -> list[Line]:
    """The folder, its disk, what lies in it, and what has changed since the last run."""
    folder = Path(campaign.results)

    def place() -> None:
        readiness.check_folder(folder, Path.cwd())
        readiness.check_disk(folder, campaign.resources.min_free_disk)

    listed = _attempt("results folder", place)
    killed = unfinished.marked()
    listed += _attempt("results on disk", lambda: readiness.check_verdicts(folder, keys, killed))
    listed += [
        Line("note", "results on disk", line) for line in readiness.strangers(folder, table_keys)
    ]
    last = last_run.read(Path(Results(campaign.results).last_run))
    settled = last_run.settled(campaign, last)
    changes = last_run.changes(settled, campaign, last)
    listed += [Line("note", "changed since the last run", line) for line in changes]
    again = drift.lines(drift.touched(settled, last), drift.made(folder, keys))
    return listed + [Line("note", "made again", line) for line in again]


def run(path: Path) -> None:
    """Print the list.

    Raises:
        InputError: something is wrong; the message counts it.
    """
    listed = lines(path)
    console = Console(highlight=False)
    for line in listed:
        sign, style = SIGNS[line.outcome]
        console.print(
            Text.assemble((sign, style), "  ", (line.subject, "bold"), f": {line.text}"),
            soft_wrap=True,
        )
    wrong = sum(line.outcome == "wrong" for line in listed)
    if wrong:
        raise InputError(
            f"{wrong} thing{'s are' if wrong > 1 else ' is'} wrong: no job would start until "
            f"{'they are' if wrong > 1 else 'it is'} mended"
        )
    command = workflow_command(path, "-n")
    console.print(f"\nNothing is wrong. This command lists the jobs:\n  {command}", soft_wrap=True)
