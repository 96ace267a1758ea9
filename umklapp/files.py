"""Writing files so that no reader ever meets half of one, and reading yaml that says one thing."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Hashable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from umklapp.errors import InputError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A neighbouring path to write to; it becomes `path` when the block ends without an error.

    Folders are made. After an error the old file, if there was one, is as it was. The neighbour is
    hidden, belongs to this process alone, and has the ending of `path`, by which some libraries
    choose a format.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".part-{os.getpid()}-{path.name}")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def copy(source: Path, path: Path) -> None:
    """Copy a file so that no reader meets half of it; folders are made."""
    with replacing(path) as part:
        shutil.copyfile(source, part)


class _UniqueKeys(yaml.SafeLoader):
    """A key that stands twice in a mapping is an error; yaml itself takes the last one."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = [self.construct_object(key, deep=deep) for key, _ in node.value]
        twice = sorted({str(key) for key in keys if keys.count(key) > 1})
        if twice:
            raise yaml.constructor.ConstructorError(
                None, None, f"keys {twice} appear more than once", node.start_mark
            )
        return super().construct_mapping(node, deep=deep)


def read_yaml(path: Path) -> Any:
    """Content of a yaml file that a user has written: plain values, no key twice.

    Raises:
        InputError: the file is missing, not UTF-8 text, no yaml, or has a key twice.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}: cannot be read as yaml: not UTF-8 text (byte {error.start}); save it as "
            "UTF-8 (of a latin-1 file: `iconv -f LATIN1 -t UTF-8`)"
        ) from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    try:
        return yaml.load(text, Loader=_UniqueKeys)
    except (yaml.YAMLError, TypeError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: cannot be read as yaml: {error}") from None


def write_text(path: Path, text: str) -> None:
    """Write a whole text file at once."""
    with replacing(path) as part:
        part.write_text(text)


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write json atomically; NaN and infinity are refused so that no reader meets them."""
    text = json.dumps(value, indent=1, allow_nan=False, default=_plain)
    write_text(path, text + "\n")


def _plain(value: object) -> object:
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    return str(value)
