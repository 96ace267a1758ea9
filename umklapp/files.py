"""Writing files so that no reader ever meets half of one, and reading yaml that says one thing."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
from collections.abc import Hashable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml

from umklapp.errors import InputError, StorageError, UmklappError

if TYPE_CHECKING:
    import pandas as pd

FULL = 65536
"""Bytes of free space below which whatever went wrong with a file went wrong for want of space;
libraries (hdf5, torch) have errors of their own for it."""

REFUSED = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the quota of the disk is used up",
    errno.EROFS: "the disk is read-only",
    errno.EACCES: "the folder may not be written to",
    errno.EPERM: "the folder may not be written to",
}
"""What the system says when it takes no file."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A neighbouring path to write to; it becomes `path` when the block ends without an error.

    Folders are made. After an error the old file, if there was one, is as it was. The neighbour is
    hidden, belongs to this process alone, and has the ending of `path`, by which some libraries
    choose a format.

    Raises:
        StorageError: the system takes no file there (full, read-only): what to do.
        OSError: any other error of the system, as it is.
    """
    path = Path(path)
    part = path.with_name(f".part-{os.getpid()}-{path.name}")
    with storing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield part
            part.replace(path)
        except Exception as error:
            if not isinstance(error, OSError) and is_full(path.parent):
                raise OSError(errno.ENOSPC, str(error)) from error
            raise
        finally:
            with suppress(OSError):
                part.unlink(missing_ok=True)


@contextmanager
def storing(path: Path) -> Iterator[None]:
    """Errors of the system about storage within the block become a sentence.

    For files that a library writes by itself; `replacing` does the same for ours.

    Args:
        path: file or folder that the block writes to.

    Raises:
        StorageError: as `replacing`.
    """
    try:
        yield
    except UmklappError:
        raise
    except Exception as error:
        code = getattr(error, "errno", None)
        full = code is None and is_full(path.parent)  # hdf5, torch and csv name no number
        reason = REFUSED[errno.ENOSPC] if full else REFUSED.get(code or 0)
        ours = code not in (errno.EACCES, errno.EPERM) or not os.access(path.parent, os.W_OK)
        if reason is None or not ours:
            raise
        raise StorageError(
            code or errno.ENOSPC,
            f"{path} cannot be written: {reason}. What is finished is kept: mend that and start "
            "again, the run goes on where it was",
        ) from error


def is_full(folder: Path) -> bool:
    """Whether the disk of a folder has no space left (`FULL`)."""
    try:
        return shutil.disk_usage(folder).free < FULL
    except OSError:
        return False


def copy(source: str | Path, path: str | Path) -> None:
    """Copy a file so that no reader meets half of it; folders are made."""
    with replacing(Path(path)) as part:
        shutil.copyfile(source, part)


DEEPEST_JSON = 100
"""Lists and mappings within each other in a json; no program writes more. Libraries raise Python's
limit of recursion, and then a parser ends the process in place of an error."""

LARGEST_JSON = 200_000_000
"""Bytes of a json file, or of an answer that is json."""

_TEXT = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)

_DEEP_YAML = re.compile(rb"^ {%d}|(?:[-?] +){%d}" % (4 * DEEPEST_JSON, DEEPEST_JSON), re.MULTILINE)
"""Indentation of a block, or blocks that begin on one line."""

DEEPEST, MOST_VALUES = 30, 100_000
"""Of a yaml file that a user has written; aliases counted as often as they stand there."""


def json_of(text: str | bytes) -> Any:
    """`json.loads` of text that anybody may have written.

    Raises:
        ValueError: no json, or nested more than `DEEPEST_JSON` deep.
    """
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    if (depth := _depth(_TEXT.sub(b"", data))) > DEEPEST_JSON:
        raise ValueError(f"nested {depth} deep, {DEEPEST_JSON} is the most")
    return json.loads(text)


def _depth(data: bytes) -> int:
    """Brackets and braces within each other."""
    marks = np.frombuffer(data, np.uint8)
    opened, closed = ((marks == one) | (marks == two) for one, two in (b"[{", b"]}"))
    depth = np.cumsum(opened.astype(np.int8) - closed.astype(np.int8), dtype=np.int64)
    return int(depth.max(initial=0))


def check_yaml(data: bytes) -> None:
    """Raise `ValueError` for a yaml nested so deep that its parser would end the process."""
    if _DEEP_YAML.search(data) or _depth(data) > DEEPEST_JSON:
        raise ValueError(f"nested more than {DEEPEST_JSON} deep")


def read_json(path: Path) -> Any:
    """Content of a json file.

    Raises:
        InputError: missing, larger than `LARGEST_JSON`, no json, or nested too deep.
    """
    try:
        if path.stat().st_size > LARGEST_JSON:
            raise ValueError(f"{path.stat().st_size:.1e} bytes")
        return json_of(path.read_bytes())
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such file") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    except ValueError as error:  # no text, or a number of 10⁴ digits, too
        raise InputError(
            f"{path}: not json ({str(error)[:200]}); delete it and run again"
        ) from None


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


def _check_size(content: Any) -> None:
    """Raise `ValueError` for what no user writes: aliases of aliases, or an alias of itself."""
    left, count = [(content, 0)], 0
    while left:
        value, depth = left.pop()
        count += 1
        if depth > DEEPEST or count > MOST_VALUES:
            raise ValueError(f"more than {DEEPEST} levels or {MOST_VALUES} values")
        if isinstance(value, dict | list):
            inner = value.values() if isinstance(value, dict) else value
            left += [(entry, depth + 1) for entry in inner]


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
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such file") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    try:
        check_yaml(text.encode())
        content = yaml.load(text, Loader=_UniqueKeys)
        _check_size(content)
        return content
    except (yaml.YAMLError, TypeError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: cannot be read as yaml: {_in_one_line(error)}") from None


def _in_one_line(error: Exception) -> str:
    """What is wrong, and in which line and column, where the parser knows it."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem and error.problem_mark:
        mark = error.problem_mark
        return f"{error.problem} in line {mark.line + 1}, column {mark.column + 1}"
    return " ".join(str(error).split())


def write_text(path: Path, text: str) -> None:
    """Write a whole text file at once."""
    with replacing(path) as part:
        part.write_text(text)


def write_table(path: str | Path, table: pd.DataFrame) -> None:
    """Write a table as csv, without its index, at once."""
    with replacing(Path(path)) as part:
        table.to_csv(part, index=False)


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
