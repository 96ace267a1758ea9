"""What a campaign was when it last ran: order of its seeds, and what has changed since."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from umklapp import provenance
from umklapp.config import Campaign
from umklapp.config.campaign import validate
from umklapp.records import Record

LOCK = Path(__file__).resolve().parents[2] / "envs/requirements.lock"
"""Every package of the environment."""


class LastRun(Record):
    """campaign.json: the configuration of the last run, and the hash of the locked environment.

    program: name and version of the Python package that labels (`reference.engine` ase); None of
    programs whose version only their output says, and of earlier files.
    """

    campaign: dict[str, Any]
    lock: str
    program: str | None = None


def _lock() -> str:
    return provenance.file_digest(LOCK) if LOCK.exists() else "none"


def write(path: Path, campaign: Campaign) -> None:
    """Remember this run."""
    plain, program = campaign.model_dump(mode="json"), _program(campaign)
    LastRun(campaign=plain, lock=_lock(), program=program).write(path)


def _program(campaign: Campaign) -> str | None:
    if campaign.reference.engine != "ase":
        return None
    return provenance.installed(campaign.reference.package)


def read(path: Path) -> LastRun | None:
    """The last run; None before the first.

    Raises:
        InputError: the file is no such record.
    """
    return LastRun.read(path) if path.exists() else None


def settled(campaign: Campaign, last: LastRun | None) -> Campaign:
    """The campaign with what its files are named after as it was: places of seeds, label chunks.

    A seed's place is in the names of its files and in its random stream. Seeds that stand in
    another order keep their places, new ones come after them; the number of label chunks is that of
    the first run. Neither is physics, so neither may repeat work.
    """
    if last is None:
        return campaign
    given = campaign.model_dump(mode="json")
    before, now = last.campaign.get("seeds", []), list(given["seeds"])
    if all(before.count(seed) <= now.count(seed) for seed in before):
        for seed in before:
            now.remove(seed)
        given["seeds"] = [*before, *now]
    chunks = last.campaign.get("resources", {}).get("label_chunks")
    given["resources"]["label_chunks"] = chunks or given["resources"]["label_chunks"]
    return campaign if given == campaign.model_dump(mode="json") else validate(given)


def changes(campaign: Campaign, asked: Campaign, last: LastRun | None) -> list[str]:
    """What is different from the last run, a line each; Snakemake says only that something is.

    Args:
        campaign: as it runs (`settled`). asked: as the user wrote it.
    """
    if last is None:
        return []
    old, new = _flat(last.campaign), _flat(campaign.model_dump(mode="json"))
    lines = [
        f"{key}: {_shown(old, key)} → {_shown(new, key)}"
        for key in sorted({*old, *new})
        if old.get(key) != new.get(key)
    ]
    wanted = asked.resources.label_chunks
    if wanted != campaign.resources.label_chunks:
        lines.append(
            f"resources.label_chunks: {wanted} is for new campaigns, files of this one are cut by "
            f"{campaign.resources.label_chunks}, which it keeps"
        )
    today = provenance.record()
    for name in sorted({*last.versions, *today["versions"]}):
        was, is_now = last.versions.get(name, "none"), today["versions"].get(name, "none")
        if was != is_now:
            lines.append(f"version of {name}: {was} → {is_now}")
    if last.program and (program := _program(campaign)) != last.program:
        lines.append(
            f"reference: {last.program} → {program or 'not installed'}: the first new label is "
            "held against one of before, and kept only where they agree; `results` of another "
            "folder keeps both"
        )
    if last.code != today["code"]:
        lines.append(f"code: {last.code} → {today['code']} (an edited script repeats no job)")
    if last.lock != _lock():
        lines.append("envs/requirements.lock has changed")
    return lines


def _flat(value: Any, key: str = "") -> dict[str, Any]:
    if isinstance(value, Mapping) and value:
        pairs: Iterator[tuple[Any, Any]] = iter(value.items())
    elif isinstance(value, list) and any(isinstance(inner, Mapping) for inner in value):
        pairs = iter(enumerate(value))
    else:
        return {key: value}
    return {
        name: leaf
        for part, inner in pairs
        for name, leaf in _flat(inner, f"{key}.{part}".lstrip(".")).items()
    }


def _shown(values: Mapping[str, Any], key: str) -> str:
    text = repr(values[key]) if key in values else "not there"
    return text if len(text) <= 80 else text[:77] + "..."
