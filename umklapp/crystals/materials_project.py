"""Structures of the Materials Project by id, with the user's key, each fetched once.

One request of the public interface: `GET /materials/summary/?material_ids=mp-149&_fields=…` with
the key in the header `X-API-KEY`; the answer is `{"data": [{"material_id", "structure"}], …}`
with the structure as pymatgen writes it (`lattice.matrix`, `sites[].species`, `sites[].abc`).
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Mapping
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from ase import Atoms

from umklapp.errors import InputError

ENDPOINT = "https://api.materialsproject.org"
"""Where structures come from; the environment variable MP_API_ENDPOINT names another server."""

KEYS = "https://next-gen.materialsproject.org/api"
BUSY = (429, 500, 502, 503, 504)
TRIES, WAIT, TIMEOUT = 4, 2.0, 30.0


class _Stay(HTTPRedirectHandler):
    """No redirects: the key belongs to one server."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


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
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".part{os.getpid()}")
        part.write_text(json.dumps(document, indent=1) + "\n")
        part.replace(path)
    try:
        return parse(json.loads(path.read_text()))
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
    found = document["structure"]
    symbols, positions = [], []
    for site in found["sites"]:
        species = site["species"]
        if len(species) != 1 or abs(species[0]["occu"] - 1) > 1e-8:
            raise InputError(
                f"{document.get('material_id')}: disordered: a site holds {species}; "
                "give an ordered structure as a file"
            )
        symbols.append(species[0]["element"])
        positions.append(site["abc"])
    return Atoms(symbols, cell=found["lattice"]["matrix"], scaled_positions=positions, pbc=True)


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
    url = f"{base.rstrip('/')}/materials/summary/?{urlencode(query, safe=',')}"
    answer = _get(url, key, identifier)
    found = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(found, list):
        raise InputError(f"{identifier}: {base} answered without data: {str(answer)[:200]}")
    for document in found:
        if isinstance(document, dict) and document.get("structure"):
            return {**document, "fetched_from": url}
    raise InputError(f"{identifier}: {base} knows no such material; check the id")


def _get(url: str, key: str, identifier: str) -> Any:
    request = Request(url, headers={"X-API-KEY": key, "accept": "application/json"})
    opener = build_opener(_Stay)
    host = urlsplit(url).netloc
    problem = ""
    for attempt in range(TRIES):
        if attempt:
            time.sleep(WAIT * 2 ** (attempt - 1))
        try:
            with opener.open(request, timeout=TIMEOUT) as answer:
                return json.load(answer)
        except HTTPError as error:
            if error.code in (401, 403):
                raise InputError(
                    f"{identifier}: {host} refused the key in MP_API_KEY (HTTP {error.code}); "
                    f"get a new one from {KEYS}"
                ) from None
            if error.code in (400, 404, 422):
                raise InputError(
                    f"{identifier}: {host} knows no such material (HTTP {error.code}); check the id"
                ) from None
            problem = f"HTTP {error.code}"
            if error.code not in BUSY:
                break
        except (URLError, HTTPException, OSError) as error:
            problem = str(getattr(error, "reason", error)) or type(error).__name__
        except ValueError as error:
            problem = f"an answer that is no json ({error})"
    raise InputError(
        f"{identifier}: {host} could not be asked: {problem}. Start once on a machine with network "
        "(a login node): the structure is kept, jobs do not ask again"
    )
