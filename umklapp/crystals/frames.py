"""Labelled configurations: identity, reading and writing, checks at the border, splitting.

A frame is an `ase.Atoms` with a `SinglePointCalculator` holding energy (eV), forces (eV/Å) and,
where the engine gives it, stress (eV/Å³, ASE sign and Voigt order). A missing stress is missing.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import iread, write

from umklapp.crystals import frame_info
from umklapp.crystals.frame_info import FrameInfo, Origin
from umklapp.crystals.materials import composition
from umklapp.errors import InputError
from umklapp.files import replacing
from umklapp.wording import counted

log = logging.getLogger(__name__)

DECIMALS = 8
"""Frames have positions with this many decimals of an Å, as extxyz writes them."""

MOST_ATOMS = 1_000_000
"""Atoms in a frame, beyond which the number must be a mistake."""

COLUMNS, MOST_COLUMNS = re.compile(rb":[SRIL]:(\d+)"), 10_000
"""Where an extxyz says how many columns a property has, and the most of them."""

ENTRIES = re.compile(
    rb"""([^\s=]+)\s*=\s*("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|\{[^}]*\}|\[[^]]*\]|\S*)"""
)
"""Names and values in the comment line of an extxyz."""


def frame_id(atoms: Atoms) -> str:
    """Stable content hash of species, cell and positions: `f` and 15 hex digits.

    The letter keeps readers of extxyz from taking an identity for a number.
    """
    digest = hashlib.sha256()
    digest.update(np.asarray(atoms.numbers, "<i8").tobytes())
    for array in (atoms.cell.array, atoms.positions):
        rounded = np.round(array, DECIMALS) + 0.0  # no negative zeros
        digest.update(np.asarray(rounded, "<f8").tobytes())
    return "f" + digest.hexdigest()[:15]


def strip(atoms: Atoms) -> Atoms:
    """Copy with species, cell, positions and info only: what a label is asked for.

    Positions are rounded as a file would round them, so that a frame is the same frame before
    and after it was written.
    """
    positions = np.round(atoms.positions, DECIMALS)
    bare = Atoms(numbers=atoms.numbers, cell=atoms.cell, positions=positions, pbc=True)
    bare.info = dict(atoms.info)
    frame_info.mark(bare, frame_id=frame_id(bare))
    return bare


def labelled(
    atoms: Atoms,
    energy: float,
    forces: np.ndarray,
    stress: np.ndarray | None = None,
    **info: object,
) -> Atoms:
    """Frame with labels attached; `info` are fields of `FrameInfo` that are set."""
    frame = strip(atoms)
    frame_info.mark(frame, **info)
    results: dict[str, object] = {"energy": float(energy), "forces": np.array(forces, float)}
    if stress is not None:
        results["stress"] = np.array(stress, float)
    frame.calc = SinglePointCalculator(frame, **results)
    return frame


def has_stress(atoms: Atoms) -> bool:
    """Whether the frame carries a stress label."""
    return atoms.calc is not None and atoms.calc.results.get("stress") is not None


def stress_of(atoms: Atoms) -> np.ndarray:
    """Stress label, (6,) eV/Å³ in ASE's Voigt order; NaN where the engine gave none."""
    return np.array(atoms.calc.results["stress"]) if has_stress(atoms) else np.full(6, np.nan)


def check(atoms: Atoms, where: str) -> None:
    """Raise `InputError` for non-finite numbers, missing labels or a singular cell."""
    if abs(atoms.cell.volume) < 1e-6:
        raise InputError(f"{where}: the cell has no volume; periodic frames are expected")
    if atoms.calc is None or "energy" not in atoms.calc.results:
        raise InputError(f"{where}: no energy label")
    if "forces" not in atoms.calc.results:
        raise InputError(f"{where}: no force labels")
    name = not_finite(atoms)
    if name is not None:
        raise InputError(f"{where}: {name} has values that are not finite")


def not_finite(atoms: Atoms) -> str | None:
    """What of a labelled frame has values that are not finite: positions or a label; else None."""
    arrays: Mapping[str, object] = {"positions": atoms.positions, **atoms.calc.results}
    for name, value in arrays.items():
        if value is not None and not np.all(np.isfinite(np.asarray(value, float))):
            return name
    return None


def read_frames(path: Path) -> list[Atoms]:
    """All labelled frames of an extxyz file, checked one by one.

    Raises:
        InputError: the file is missing, empty or truncated, or a frame has no label,
            non-finite numbers or another composition than the first; file and frame are named.
    """
    return _one_composition(_read(path, leave_out=False), path)


def check_layout(lines: Iterable[bytes], path: Path) -> None:
    """Look at counts and comment lines of an extxyz before ASE does.

    ASE is busy for hours with absurd numbers of atoms or columns, stops at an empty line as at the
    end of the file, and takes the last of two values of one name. What else is wrong, it says.

    Raises:
        InputError: naming the file, and the frame.
    """
    rows = iter(lines)
    frame_index, empty = 0, False
    for line in rows:
        if not line.strip(b"\0 \t\r\n"):
            empty = True
            continue
        where = f"{path} frame {frame_index}"
        if not line.strip().isdigit():
            return
        if empty:
            raise InputError(
                f"{where}: an empty line stands before it, at which programs stop reading as at "
                "the end of the file; write the file without empty lines between frames"
            )
        if int(line) > MOST_ATOMS:
            raise InputError(f"{where}: a frame of {int(line)} atoms; is a number damaged?")
        _check_comment(next(rows, b""), where)
        for _ in range(int(line)):
            next(rows, b"")
        frame_index += 1


def _check_comment(comment: bytes, where: str) -> None:
    columns = max((int(count) for count in COLUMNS.findall(comment)), default=0)
    if columns > MOST_COLUMNS:
        raise InputError(f"{where}: a property of {columns} columns; is a number damaged?")
    values: dict[bytes, bytes] = {}
    for name, value in ENTRIES.findall(comment):
        if values.setdefault(name, value) != value:
            raise InputError(
                f"{where}: {name.decode(errors='replace')[:60]!r} stands twice in the comment "
                "line, with different values; keep the right one"
            )


def _read(path: Path, leave_out: bool) -> list[Atoms]:
    """Frames of a file; those whose label is not finite are left out or refused."""
    frames: list[Atoms] = []
    frame_index = 0
    _check_end(Path(path))
    try:
        with Path(path).open("rb") as file:
            check_layout(file, path)
        for atoms in iread(path, index=":", format="extxyz"):
            where = f"{path} frame {frame_index}"
            if leave_out and atoms.calc is not None and (name := not_finite(atoms)):
                log.warning("%s: %s is not finite: left out, a failed label", where, name)
            else:
                check(atoms, where)
                frames.append(labelled(atoms, **_labels(atoms)))
            frame_index += 1
    except InputError:
        raise
    except Exception as error:  # ASE raises many kinds for a file that ends too early
        raise InputError(
            f"{path} frame {frame_index}: cannot be read ({error}); is the file truncated?"
        ) from None
    return frames


def _one_composition(frames: list[Atoms], path: Path) -> list[Atoms]:
    if not frames:
        raise InputError(f"{path}: no frames in the file")
    first = composition(frames[0])
    for frame_index, atoms in enumerate(frames):
        if composition(atoms) != first:
            raise InputError(
                f"{path} frame {frame_index}: composition {atoms.symbols}, "
                f"frame 0 has {frames[0].symbols}"
            )
    return frames


def _check_end(path: Path) -> None:
    """A file cut within its last number still parses; only the missing end of line tells."""
    text = path.read_bytes() if path.is_file() else b""
    if text and not text.endswith(b"\n"):
        raise InputError(
            f"{path}: the last line has no end; is the file truncated? (end it with a new line "
            "if it is complete)"
        )


def read_labels(path: Path) -> list[Atoms]:
    """Labelled frames of a file of the pipeline, where an empty file means no frames.

    A frame whose label is not finite is left out with a line in the log: it has no label.

    Raises:
        InputError: as `read_frames`.
    """
    if not Path(path).stat().st_size:
        return []
    frames = _read(path, leave_out=True)
    return _one_composition(frames, path) if frames else []


def _labels(atoms: Atoms) -> dict[str, Any]:
    results = atoms.calc.results
    return {key: results[key] for key in ("energy", "forces", "stress") if key in results}


def write_frames(path: Path, frames: Iterable[Atoms]) -> None:
    """Write extxyz so that a reader never sees half a file."""
    items = list(frames)
    with replacing(path) as part:
        if items:
            write(part, items, format="extxyz")
        else:
            part.write_text("")


def read_candidates(path: Path) -> list[Atoms]:
    """Unlabelled frames; an empty file is an empty list."""
    path = Path(path)
    return list(iread(path, index=":", format="extxyz")) if path.stat().st_size else []


@dataclass(frozen=True)
class Split:
    """Frames for training, for calibration and acquisition statistics, and held back.

    displaced: finite displacements of harmonic seeds; all of them train, none is in a statistic.
    """

    train: list[Atoms]
    calibration: list[Atoms]
    test: list[Atoms]
    displaced: list[Atoms]


def split(frames: Sequence[Atoms], calibration: float, test: float) -> Split:
    """Time-blocked split: of every origin, the last stretch tests and the one before calibrates.

    Frames keep their order within an origin, so the three parts never interleave in time; where
    they were labelled in chunks, their `place` says what their order was. Finite displacements are
    never split: the harmonic reference needs every one of them, and cells with one atom 0.01 Å from
    its site say nothing of a thermal crystal.

    Args:
        frames: labelled frames with their `FrameInfo.origin`; in time order within an origin.
        calibration: fraction for calibration; at least one frame in all.
        test: fraction for testing; at least one frame in all.

    Raises:
        InputError: fewer than three frames, or nothing left to train on.
    """
    groups: dict[Origin | None, list[Atoms]] = {}
    displaced = []
    for frame in frames:
        origin = FrameInfo.of(frame).origin
        if origin is not None and origin.displaced:
            displaced.append(frame)
        else:
            groups.setdefault(origin, []).append(frame)
    for group in groups.values():
        group.sort(key=lambda frame: FrameInfo.of(frame).place or 0)
    sizes = []  # of every origin: train, calibration, test
    for group in groups.values():
        n_calibration, n_test = round(calibration * len(group)), round(test * len(group))
        sizes.append([len(group) - n_calibration - n_test, n_calibration, n_test])
    for part, name in ((2, "test"), (1, "calibration")):
        if any(size[part] for size in sizes):
            continue
        if sum(size[0] for size in sizes) < 2:
            undisplaced = len(frames) - len(displaced)
            raise InputError(f"{counted(undisplaced, 'frame')}: too few to leave one for {name}")
        largest = max(sizes, key=lambda size: size[0])
        largest[0] -= 1
        largest[part] = 1
    if not any(size[0] for size in sizes):
        raise InputError(f"{len(frames) - len(displaced)} frames leave none for training")
    parts = Split([], [], [], displaced)
    for group, (n_train, n_calibration, _) in zip(groups.values(), sizes, strict=True):
        parts.train.extend(group[:n_train])
        parts.calibration.extend(group[n_train : n_train + n_calibration])
        parts.test.extend(group[n_train + n_calibration :])
    return parts


def unique(frames: Iterable[Atoms]) -> list[Atoms]:
    """Frames without repeats, first come first kept, by `frame_id`."""
    kept: dict[str, Atoms] = {}
    for frame in frames:
        kept.setdefault(frame_info.identity(frame), frame)
    return list(kept.values())
