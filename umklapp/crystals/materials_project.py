"""Structures of the Materials Project by id, with the user's key, each fetched once.

One request of the public interface: `GET /materials/summary/?material_ids=mp-149&_fields=…` with
the key in the header `X-API-KEY`; the answer is `{"data": [{"material_id", "structure"}], …}`
with the structure as pymatgen writes it (`lattice.matrix`, `sites[].species`, `sites[].abc`).
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ase import Atoms

from umklapp import files
from umklapp.errors import InputError
from umklapp.files import json_of
from umklapp.web import Client, RefusedError, UnreachableError

ENDPOINT = "https://api.materialsproject.org"
"""Where structures come from; the environment variable MP_API_ENDPOINT names another server."""

KEYS = "https://next-gen.materialsproject.org/api"
TRIES, WAIT, TIMEOUT = 4, 2.0, 30.0
"""Tries; the first pause between them and the limit of one read, in s."""


def structure(identifier: str, folder: Path) -> Atoms:
    """The structure of one entry, from `folder` or, the first time, from the server.

    Args:
        identifier: `mp-149`. folder: where the answers are kept, one json file each.

    Raises:
        InputError: no such id, no or a refused key, no network, or an answer that is no crystal.
    """
    path = Path(folder) / f"{identifier}.json"
    if not path.exists():
        document = fetch(identifier, folder)
        files.write_text(path, json.dumps(document, indent=1) + "\n")
    try:
        return parse(json_of(path.read_text()))
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise InputError(
            f"{path}: no structure of the Materials Project: {error!r}; delete it"
        ) from None


def parse(document: Mapping[str, Any]) -> Atoms:
    """Atoms from one document of the answer.

    Raises:
        InputError: a site is shared by elements or partly empty.
        KeyError, TypeError, IndexError, ValueError: not the documented form.
    """
    crystal = document["structure"]
    symbols, positions = [], []
    for site in crystal["sites"]:
        species = site["species"]
        if len(species) != 1 or abs(species[0]["occu"] - 1) > 1e-8:
            raise InputError(
                f"{document.get('material_id')}: disordered: a site holds {species}; "
                "give an ordered structure as a file"
            )
        symbols.append(species[0]["element"])
        positions.append(site["abc"])
    return Atoms(symbols, cell=crystal["lattice"]["matrix"], scaled_positions=positions, pbc=True)


def fetch(identifier: str, folder: Path) -> dict[str, Any]:
    """The document of one entry from the server.

    Raises:
        InputError: as `structure`, saying what to do.
    """
    if not re.fullmatch(r"mp-[0-9a-z]+", identifier):
        raise InputError(f"{identifier!r} is no id of the Materials Project (mp-149)")
    key = os.environ.get("MP_API_KEY", "").strip()
    if not key:
        raise InputError(
            f"{identifier}: a key is needed: set the environment variable MP_API_KEY "
            f"(from {KEYS}), or put {identifier}.json into {folder}"
        )
    base = os.environ.get("MP_API_ENDPOINT", "").strip() or ENDPOINT
    if urlsplit(base).scheme not in ("http", "https"):
        raise InputError(f"MP_API_ENDPOINT: {base!r} must begin with https:// (or http://)")
    query = {"material_ids": identifier, "_fields": "material_id,structure", "_all_fields": "false"}
    client = Client(
        base,
        interval=0.0,
        timeout=TIMEOUT,
        tries=TRIES,
        busy_tries=TRIES,
        first_pause=WAIT,
        secrets={"X-API-KEY": key},
    )
    answer = _get(client, query, identifier)
    documents = answer.get("data")
    if not isinstance(documents, list):
        raise InputError(f"{identifier}: {base} answered without data: {str(answer)[:200]}")
    for document in documents:
        if isinstance(document, dict) and document.get("structure"):
            return {**document, "fetched_from": client.address("materials/summary/", query)}
    raise InputError(f"{identifier}: {base} knows no such material; check the id")


def _get(client: Client, query: Mapping[str, str], identifier: str) -> dict[str, Any]:
    """The answer, or the reason why there is none in words that say what to do."""
    host = urlsplit(client.base).netloc
    try:
        return client.json("materials/summary/", query)
    except RefusedError as error:
        reason = f"HTTP {error.status}"
        if error.status in (401, 403):
            raise InputError(
                f"{identifier}: {host} refused the key in MP_API_KEY ({reason}); "
                f"get a new one from {KEYS}"
            ) from None
        if error.status in (400, 404, 422):
            raise InputError(
                f"{identifier}: {host} knows no such material ({reason}); check the id"
            ) from None
    except UnreachableError as error:
        reason = error.reason
    raise InputError(
        f"{identifier}: {host} could not be asked: {reason}. Start once on a machine with network "
        "(a login node): the structure is kept, jobs do not ask again"
    )
