"""A foundation model as something that can be named: which weights, whose, what they know."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import requests
from ase.data import chemical_symbols

from umklapp import provenance
from umklapp.config.foundation import CalculatorModel, NequixModel
from umklapp.errors import InputError
from umklapp.files import json_of, replacing
from umklapp.records import Part

CACHE = Path("~/.cache/nequix/models")
"""Where nequix keeps what it has downloaded."""

COMMITS = {"mp": "7c2854de8e754b1a60274c7d9d2e014989ed632e"}
"""Of nequix's repository with the weights of a family; the others are in `LATER`."""

LATER = "9c852a9c4cce69ae5e75bc5a2cf670be21ff8c28"

SHA256 = {
    "nequix-oam-1-pft": "4ce693d68886512aab50c84ea2400efd68163e11155f7c7babe98e695177e809",
    "nequix-oam-1": "6a43475eaeb32a7a049f36c1306d78aa1e7a17e8af37aeda7901c8fec0ca845c",
}
"""Of the weights that this version was tried with."""

KEYS = {"atomic_numbers", "cutoff", "hidden_irreps", "lmax", "n_layers", "radial_basis_size"}
"""What the first line of nequix's weights says, at least."""

PATIENCE = 30.0
"""s without an answer of the network."""


class ModelIdentity(Part):
    """Which model a number is from.

    sha256: of its weights, or of everything that names it where it has no file. elements: symbols
    that it knows; None where it does not say.
    """

    name: str
    package: str
    sha256: str
    functional: str
    licence: str
    source: str
    elements: list[str] | None = None

    @property
    def words(self) -> str:
        """For captions and messages."""
        return f"{self.name} ({self.functional}, sha256 {self.sha256[:12]})"


def weights(model: NequixModel) -> Path:
    """The file of weights, downloaded where it is neither named nor there.

    Raises:
        InputError: it is not there, or is not what the configuration says.
    """
    if model.path is not None:
        if not model.path.is_file():
            raise InputError(f"model.path: {model.path}: there is no such file of weights")
        path = model.path
    else:
        path = _published(model.name)
    wanted = model.sha256 or SHA256.get(path.stem)  # of a file by its published name, too
    digest = provenance.file_digest(path, 64)
    if wanted is not None and digest != wanted:
        raise InputError(
            f"model.sha256: {path} has {digest}, not {wanted}: other weights than the ones that "
            "are named, or a download that broke off; delete the file, or state its own hash"
        )
    return path


def _published(name: str) -> Path:
    """The weights of a name in nequix's own cache."""
    path = CACHE.expanduser() / f"{name}.nqx"
    if path.is_file():
        return path
    family = name.split("-")[1]
    address = (
        f"https://github.com/atomicarchitects/nequix/raw/{COMMITS.get(family, LATER)}/"
        f"models/{name}.nqx"
    )
    try:
        answer = requests.get(address, timeout=PATIENCE)
        answer.raise_for_status()
    except requests.RequestException as error:
        raise InputError(
            f"model.name: {name} is not in {path.parent}, and cannot be downloaded "
            f"({type(error).__name__}): get {address} where there is a network, and name the file "
            "by model.path"
        ) from None
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as part:
        part.write_bytes(answer.content)
    return path


def header(path: Path) -> dict[str, Any]:
    """First line of nequix's weights: architecture and elements.

    Raises:
        InputError: the file is none, or ends within its arrays.
    """
    with Path(path).open("rb") as file:
        line = file.readline(10_000_000)
        whole = _whole(file)
    try:
        content = json_of(line)
    except ValueError:
        content = None
    if not isinstance(content, dict) or not content.keys() >= KEYS:
        raise InputError(
            f"model.path: {path} holds no weights of nequix (.nqx): another architecture? NequIP's "
            "own checkpoints go to potential.start, and any other model by its ASE calculator "
            "(package: ase)"
        )
    if not whole:
        raise InputError(
            f"model.path: {path} ends within its weights: a download or copy that broke off; get "
            "it again"
        )
    return content


def _whole(file: BinaryIO) -> bool:
    """Whether numpy's arrays (of equinox), and nothing else, follow to the end of a file."""
    size = os.fstat(file.fileno()).st_size
    if file.tell() == size:
        return False
    try:
        while file.tell() < size:
            np.load(file, allow_pickle=False)
    except (ValueError, EOFError, OSError):
        return False
    return True


def identify(model: NequixModel | CalculatorModel) -> ModelIdentity:
    """Name, hash and origin of a model.

    Raises:
        InputError: as `weights` and `header`.
    """
    if isinstance(model, NequixModel):
        path = weights(model)
        numbers = header(path)["atomic_numbers"]
        return ModelIdentity(
            name=path.stem,
            package="nequix",
            sha256=provenance.file_digest(path, 64),
            functional=model.functional,
            licence="MIT",
            source="atomicarchitects/nequix",
            elements=[chemical_symbols[z] for z in sorted(numbers)],
        )
    files = {
        key: provenance.file_digest(Path(value), 64)
        for key, value in model.parameters.items()
        if isinstance(value, str) and os.path.isfile(value)  # noqa: PTH113 (any text may come)
    }
    named = {"calculator": model.calculator, "parameters": model.parameters, "files": files}
    return ModelIdentity(
        name=model.calculator,
        package="ase",
        sha256=provenance.digest(named, 64),
        functional=model.functional,
        licence="that of its package",
        source=model.calculator.partition(":")[0],
    )


def check_elements(identity: ModelIdentity, species: Iterable[str]) -> None:
    """Raise `InputError` for elements that the model does not know."""
    if identity.elements is None:
        return
    unknown = sorted(set(species) - set(identity.elements))
    if unknown:
        raise InputError(
            f"model: {identity.name} does not know {', '.join(unknown)} (it knows "
            f"{len(identity.elements)} elements): leave them out, or choose another model"
        )
