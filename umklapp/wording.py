"""How numbers and commands are written for people."""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from umklapp.paths import Results

CLONE = Path(__file__).resolve().parents[1]
"""The folder with the Snakefile."""


def in_milli(value: float) -> str:
    """A number in thousandths with one decimal, or two digits where that would say 0.0."""
    milli = 1e3 * value
    return f"{milli:.1f}" if milli >= 1 else f"{milli:.2g}"


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """`1 round`, `2 rounds`; `counted(2, "entry", "entries")` where an s is not the plural."""
    return f"{count} {noun if count == 1 else plural or f'{noun}s'}"


def nearest(word: str, choices: Iterable[str], likeness: float = 0.6) -> str:
    """`; did you mean train?` for a word that is close to a choice; empty where none is.

    Args:
        likeness: from 0 to 1 (the same word), above which it is close.
    """
    close = difflib.get_close_matches(word, list(choices), n=3, cutoff=likeness)
    return f"; did you mean {', '.join(close)}?" if close else ""


def by_member(reasons: Mapping[Any, str]) -> str:
    """Why some members have no result, in one sentence."""
    return "; ".join(f"member {member}: {reason}" for member, reason in reasons.items())


def what_next(results: Path, configs: Iterable[Path | str]) -> str:
    """Where a run that has ended well has its results, and the commands that show them.

    A run of a part of the workflow may leave no summary; its state is what can be shown.

    Args:
        configs: configuration files of the run, the last one wins.
    """
    path = Path(["config/config.yaml", *configs][-1])
    here = path.is_relative_to(Path.cwd())
    config = str(path.relative_to(Path.cwd()) if here else path)
    if Path(Results(str(results)).summary).exists():
        show = f"`umklapp summary {shlex.quote(config)}` prints them with the reasons"
    else:
        show = f"`umklapp status {shlex.quote(config)}` says what is still missing"
    return (
        f"Results: {results}. {show}; `umklapp report {shlex.quote(str(results))}` writes a page "
        "to open in a browser."
    )


def workflow_command(config: Path, options: str) -> str:
    """The command line that runs the workflow with a configuration, to be copied into a shell.

    Args:
        config: its path, quoted where it has spaces. options: of Snakemake, such as `--cores 4`.

    Returns:
        The command; outside of the clone it names the Snakefile.
    """
    here = Path.cwd().resolve() == CLONE
    snakefile = "" if here else f" --snakefile {shlex.quote(str(CLONE / 'Snakefile'))}"
    return f"snakemake {options}{snakefile} --configfile {shlex.quote(str(config))}"
