"""Trajectories of a data set on NOMAD: what there is for a material, and getting it.

Documented API v1 (docs/nomad.md): data sets by DOI, entries and their raw directories by query,
raw files of an upload with an offset. Nothing needs an account.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from ase import Atoms
from pydantic import Field, NonNegativeInt

from umklapp.config import NomadSeed
from umklapp.crystals import materials, phonopy_cells
from umklapp.crystals.formats import given
from umklapp.errors import CalculationError, InputError
from umklapp.files import json_of
from umklapp.learning.seeds.downloads import download, room_for
from umklapp.records import Part, Record
from umklapp.web import Client

log = logging.getLogger(__name__)

PAGE = 100
"""Entries in one answer: the server looks into an archive for each of them."""

LONGEST_NAME = 250
"""Bytes; file systems take 255, and `.part` is added while a file is incomplete."""

LAST_PAGE = 10_000
"""A listing with more pages than this (a million entries) has no end."""

WANTED = ("entry_id", "upload_id", "mainfile", "results.material.chemical_formula_reduced")


def pages(server: Client, path: str, body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """All results of a query, page after page, until the answer names no next one.

    Raises:
        CalculationError: the server names a page twice, or never the last one.
    """
    after: str | None = None
    seen: set[str] = set()
    while True:
        pagination = {"page_size": PAGE, **({"page_after_value": after} if after else {})}
        answer = server.json(path, body={**body, "pagination": pagination})
        yield from answer["data"]
        following = answer.get("pagination", {}).get("next_page_after_value")
        if not following:
            return
        if following in seen or len(seen) == LAST_PAGE:
            raise CalculationError(
                f"{server.base}{path}: the server gives the page after {following!r} twice, or "
                "never the last one; its listing has no end, run again or ask the server's people"
            )
        seen.add(following)
        after = following


class ListedFile(Part):
    """A file of an upload, and its size in bytes."""

    upload: str = Field(pattern=r"^[A-Za-z0-9_-]+$")
    path: str = Field(min_length=1)
    size: NonNegativeInt


class DownloadedFile(ListedFile):
    """The same, where it lies here, and its checksum."""

    local: str
    sha256: str


class Contents(Part):
    """What a data set has for a material.

    data_set: identity, name and DOI. entries: how many. megabytes: of all files.
    """

    data_set: dict[str, Any]
    formula: str
    entries: int
    megabytes: float


class NomadListing(Record, Contents):
    """listing.json: every file that matches; none is a result, not an error."""

    files: list[ListedFile]


class NomadManifest(Record, Contents):
    """manifest.json: every downloaded file, and the server."""

    files: list[DownloadedFile]
    server: str


class NomadSize(Part):
    """Of a material: entries, files, and their size."""

    entries: int
    files: int
    megabytes: float


class NomadSizes(Record):
    """sizes.json: by material and seed, and in all."""

    materials: dict[str, NomadSize]
    megabytes: float


def data_set(server: Client, doi: str) -> dict[str, Any]:
    """Identity and name of the data set.

    Raises:
        InputError: the server knows no data set with this DOI.
    """
    data_sets = server.json("datasets/", {"doi": doi}).get("data", [])
    if not data_sets:
        raise InputError(f"{server.base}: no data set has the DOI {doi}")
    return {key: data_sets[0].get(key) for key in ("dataset_id", "dataset_name", "doi")}


def listing(server: Client, settings: NomadSeed, formula: str) -> NomadListing:
    """Every file of one material in the data set that matches `files`, with its size.

    Files beside an entry's main file come with the entries; folders above it (trajectories of
    FHI-vibes lie above the single calculations) are looked into one by one.

    Returns:
        `data_set`, `entries` (how many), `files`: upload, path and size (bytes) of each, in order;
        `megabytes` in all. No files is a result, not an error.

    Raises:
        InputError: no such data set.
        CalculationError: the server answers in another form than the documented one.
    """
    try:
        return _listing(server, settings, formula)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise CalculationError(
            f"{server.base}: answers in another form than NOMAD's API v1 ({error!r:.200}); is "
            "seeds.server the address of one?"
        ) from None


def _listing(server: Client, settings: NomadSeed, formula: str) -> NomadListing:
    symbols = sorted(set(Atoms(formula).get_chemical_symbols()))
    query = {"datasets.doi": settings.doi, "results.material.elements": {"all": symbols}}
    identity = data_set(server, settings.doi)
    body: dict[str, Any] = {"owner": "public", "query": query}
    entries = [
        entry
        for entry in pages(server, "entries/query", {**body, "required": {"include": WANTED}})
        if _is(entry, formula)
    ]
    entry_ids = {entry["entry_id"] for entry in entries}
    files: dict[tuple[str, str], int] = {}
    if entry_ids:
        for entry in pages(server, "entries/rawdir/query", body):
            if entry["entry_id"] in entry_ids:
                for file in entry["files"]:
                    files[entry["upload_id"], file["path"]] = int(file["size"])
    for upload, folder in sorted(_folders_above(entries, settings.parents)):
        for name, size in _folder(server, upload, folder):
            files[upload, name] = size
    pattern = re.compile(settings.files)
    chosen = [
        ListedFile(upload=upload, path=path, size=size)
        for (upload, path), size in sorted(files.items())
        if pattern.search(path)
    ]
    total = sum(file.size for file in chosen) / 1e6
    return NomadListing(
        data_set=identity,
        formula=formula,
        entries=len(entries),
        files=chosen,
        megabytes=round(total, 3),
    )


def _is(entry: dict[str, Any], formula: str) -> bool:
    reduced = entry.get("results", {}).get("material", {}).get("chemical_formula_reduced")
    if not reduced:
        return False
    if problem := materials.formula_problem(str(reduced)):
        raise ValueError(problem)
    return materials.composition(Atoms(reduced)) == materials.composition(Atoms(formula))


def _folders_above(entries: Sequence[dict[str, Any]], levels: int) -> set[tuple[str, str]]:
    folders = set()
    for entry in entries:
        above = list(PurePosixPath(entry["mainfile"]).parents)[1 : levels + 1]
        folders |= {(entry["upload_id"], "" if str(p) == "." else str(p)) for p in above}
    return folders


def _folder(server: Client, upload: str, folder: str) -> Iterator[tuple[str, int]]:
    """Files directly in a folder of an upload, with their sizes."""
    page = 1
    while True:
        answer = server.json(f"uploads/{upload}/rawdir/{folder}", {"page_size": PAGE, "page": page})
        content = answer["directory_metadata"]["content"]
        for entry in content:
            if entry.get("is_file"):
                name = f"{folder}/{entry['name']}" if folder else str(entry["name"])
                yield name, int(entry["size"])
        if page * PAGE >= int(answer.get("pagination", {}).get("total", 0)) or not content:
            return
        if page == LAST_PAGE:
            raise CalculationError(f"{server.base}: the listing of {upload}/{folder} has no end")
        page += 1


def _is_name(part: str) -> bool:
    """Whether every file system takes a part of a path as the name of a file or folder."""
    return (
        part not in ("", ".", "..")
        and not part.startswith("~")
        and "\\" not in part
        and part.isprintable()
        and len(part.encode()) <= LONGEST_NAME
    )


def safe_path(folder: Path, upload: str, path: str) -> Path:
    """Where a file of the server goes; never outside `folder`.

    Raises:
        InputError: upload or path are absolute, climb, or have a part that a file system may read
            as something else than a name: empty, `.`, `..`, with a backslash, a control character,
            a `~` first, or longer than names can be.
    """
    parts = [upload, *path.split("/")]
    target = folder.joinpath(*parts) if "/" not in upload and all(map(_is_name, parts)) else None
    if target is None or not target.resolve().is_relative_to(folder.resolve()):
        raise InputError(f"NOMAD gives a path that leaves its folder: {upload!r} / {path!r}")
    return target


def fetch(
    server: Client, settings: NomadSeed, offer: NomadListing | NomadManifest, folder: Path
) -> NomadManifest:
    """Download every file of a listing; those that are there are only checked.

    Returns:
        Every file with its place and checksum.

    Raises:
        InputError: the material has no files, or more than `max_megabytes`.
        CalculationError: a file did not come whole or has another checksum; all others are kept.
    """
    name = offer.data_set["doi"] or settings.doi
    if not offer.files:
        raise InputError(
            f"seeds: the data set {name} has {offer.entries} entries of {offer.formula} and "
            f"no file that matches {settings.files!r}; leave this seed out for the material, or "
            "change files or parents"
        )
    if offer.megabytes > settings.max_megabytes:
        raise InputError(
            f"seeds: {offer.formula} has {offer.megabytes:.0f} MB in {len(offer.files)} "
            f"files, max_megabytes is {settings.max_megabytes:g}: raise it, or let files match less"
        )
    sums = checksums(settings.checksums)
    targets = [safe_path(folder, file.upload, file.path) for file in offer.files]
    missing = [f.size for f, t in zip(offer.files, targets, strict=True) if not t.exists()]
    room_for(folder, sum(missing))
    files, problems = [], []
    for file, target in zip(offer.files, targets, strict=True):
        wanted = sums.get(f"{file.upload}/{file.path}")
        address = f"uploads/{file.upload}/raw/{file.path}"
        log.info(f"{target.name}: {file.size / 1e6:.3f} MB")
        try:
            found_sum = download(server, address, target, int(file.size), wanted)
        except CalculationError as error:
            problems.append(f"{file.upload}/{file.path}: {error}")
            continue
        files.append(
            DownloadedFile(
                upload=file.upload,
                path=file.path,
                size=file.size,
                local=str(target),
                sha256=found_sum,
            )
        )
    if problems:
        raise CalculationError("; ".join(problems))
    contents = {name: getattr(offer, name) for name in Contents.model_fields}
    return NomadManifest(**contents, files=files, server=server.base)


def checksums(path: Path | None) -> dict[str, str]:
    """SHA-256 by `upload/path`, from a plain mapping or from a manifest of an earlier download.

    Raises:
        InputError: the file cannot be read as json.
    """
    if path is None:
        return {}
    try:
        content = json_of(path.read_text())
    except (OSError, ValueError) as error:
        raise InputError(f"seeds.checksums: {path}: cannot be read as json: {error}") from None
    if "files" not in content:
        return {str(key): str(value) for key, value in content.items()}
    return {f"{f['upload']}/{f['path']}": f["sha256"] for f in content["files"]}


def of_material(manifest: NomadManifest, primitive: Atoms, skip: int) -> list[Path]:
    """Downloaded files whose frames are supercells of this crystal, not of another polymorph.

    Raises:
        InputError: a file is gone, or no file is of this crystal.
    """
    kept = []
    for file in manifest.files:
        path = Path(file.local)
        if not path.is_file():
            raise InputError(f"{path}: downloaded once, now gone; delete the manifest beside it")
        frame = next(iter(given.first(path, skip)), None)
        if frame is not None and phonopy_cells.is_multiple(primitive, frame):
            kept.append(path)
        else:
            log.info(f"{path}: no supercell of this crystal, left out")
    if not kept:
        raise InputError(
            f"seeds: none of {len(manifest.files)} files of {manifest.formula} is a "
            "supercell of this crystal (another polymorph, or other lattice parameters)"
        )
    return kept
