"""`trajectory.son` of FHI-vibes, step by step, whatever its size (`vibes_netcdf`: its `.nc`).

A `.son` file is a list of JSON documents: metadata, a line `===`, then one document per step,
separated by lines `---`. What a step does not say (species, cell) stands in the metadata.
"""

from __future__ import annotations

import itertools
import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms, units
from ase.data import atomic_masses, atomic_numbers, chemical_symbols
from ase.stress import voigt_6_to_full_3x3_stress

from umklapp.crystals.formats import flux_units, packed
from umklapp.crystals.formats.steps import Step, intensive, known_stress
from umklapp.errors import InputError
from umklapp.files import json_of

log = logging.getLogger(__name__)

SEPARATOR = re.compile(rb"\n(===|---)[ \t\r]*\n")
"""Between two documents."""

CHUNK = 1 << 22
"""Bytes of a .son file that are read at once."""

ATOMIC = re.compile(rb'"(stresses|virials)"\s*:\s*\[\s*\[\s*\[')
ATOMIC_END = re.compile(rb"\]\s*\]\s*\]")
"""The largest part of a step, which a label does not need: numbers, three lists deep."""

WRONG = (KeyError, ValueError, TypeError, IndexError, AttributeError, OverflowError)
"""What content of another shape or kind raises."""

USED = ("symbols", "numbers", "positions", "cell", "pbc", "masses", "velocities", "info")
"""Entries of a step's atoms that are read; masses are unpacked there."""

MOST_ATOMS = 1_000_000
"""More in one step must be a mistake."""


def count(path: Path) -> int:
    """Number of steps, without looking into any but the last, which may be cut.

    Raises:
        InputError: there is no line `===`.
    """
    steps, last = 0, b"{}"
    for block, _ in _blocks(path)[1]:
        steps, last = steps + 1, block
    try:
        json_of(last)
    except ValueError:
        return steps - 1
    return steps


def read(
    path: Path,
    every: int = 1,
    skip: int = 0,
    atomic_stresses: bool = False,
) -> Iterator[Step]:
    """Steps skip, skip + every, … of a `.son` file (.gz and .bz2 allowed), one in memory at a time.

    Velocities are stored in ASE's unit, times in multiples of its time unit; a stress of zeros is
    one that was not computed.

    Args:
        atomic_stresses: read them and the heat flux too; a label does not need them.

    Raises:
        InputError: naming file and step: what cannot be read, or does not fit together.
    """
    metadata, blocks = _blocks(path)
    begin = _metadata(path, metadata)
    fluxes = flux_units.Fluxes(flux_units.version_of(begin), str(path))
    for step_index, (block, last) in enumerate(blocks):
        if step_index < skip or (step_index - skip) % every:
            continue
        where = f"{path} step {step_index}"
        text = block if atomic_stresses else _without_atomic(block)
        try:
            yield fluxes.converted(_step(json_of(text), begin))
        except json.JSONDecodeError as error:
            if not last:
                raise InputError(f"{where}: cannot be read: {error}") from None
            log.info(f"{where}: the last step is cut; it is left out")
        except WRONG as error:
            raise InputError(f"{where}: {described(error)}") from None


def _blocks(path: Path) -> tuple[bytes, Iterator[tuple[bytes, bool]]]:
    """The metadata, and the text of one step after the other, and whether it is the last."""
    documents = _documents(path)
    metadata, mark = next(documents)
    if mark != b"===":
        raise InputError(f"{path}: no line '==='; is this a trajectory.son?")
    return metadata, ((block, not mark) for block, mark in documents if block.strip())


def _documents(path: Path) -> Iterator[tuple[bytes, bytes]]:
    """Every document, and the separator behind it (nothing behind the last)."""
    text, begin = b"", 0
    with packed.opened(path) as file:
        while chunk := file.read(CHUNK):
            looked = max(0, len(text) - begin - 16)  # a separator may be cut by the chunks
            text, begin = text[begin:] + chunk, 0
            for separator in SEPARATOR.finditer(text, looked):
                yield text[begin : separator.start()], separator[1]
                begin = separator.end()
    yield text[begin:], b""


def _without_atomic(block: bytes) -> bytes:
    while (opening := ATOMIC.search(block)) and (end := ATOMIC_END.search(block, opening.end())):
        block = block[: opening.start()] + b'"' + opening[1] + b'": null' + block[end.end() :]
    return block


def _metadata(path: Path, text: bytes) -> dict[str, Any]:
    try:
        metadata = json_of(text)
        assert isinstance(metadata["atoms"], dict)
    except (ValueError, KeyError, TypeError, AssertionError) as error:
        raise InputError(
            f"{path}: the first document is no metadata of FHI-vibes ({error!r})"
        ) from None
    return dict(metadata)


def primitive(path: Path) -> Atoms | None:
    """The primitive cell of the crystal, where the metadata of a `.son` have one.

    Raises:
        InputError: no metadata of FHI-vibes, or a primitive cell that cannot be read.
    """
    text, _ = _blocks(path)
    section = _metadata(path, text).get("primitive")
    if section is None:
        return None
    try:
        return Atoms(
            unpacked(section["symbols"]),
            positions=section["positions"],
            cell=section["cell"],
            pbc=True,
        )
    except WRONG as error:
        raise InputError(f"{path}: 'primitive' of the metadata cannot be read: {error}") from None


def unpacked(values: list[Any]) -> list[Any]:
    """`[[2, "Si"], [1, "O"]]` is `["Si", "Si", "O"]`; plain lists stay.

    Raises:
        ValueError: more atoms than can be meant.
    """
    if values and isinstance(values[0], list):
        if sum(int(times) for times, _ in values) > MOST_ATOMS:
            raise ValueError(f"more than {MOST_ATOMS} atoms in a step")
        return list(itertools.chain.from_iterable([value] * int(times) for times, value in values))
    return values


def _step(document: dict[str, Any], metadata: dict[str, Any]) -> Step:
    if "positions" not in document["atoms"]:
        raise ValueError("the step has no positions")  # those of the metadata are not its own
    atoms = {**metadata["atoms"], **document["atoms"]}
    results = document.get("calculator") or {}
    settings = (metadata.get("calculator") or {}).get("calculator_parameters") or {}
    if "symbols" in atoms:
        symbols = [str(symbol) for symbol in unpacked(atoms["symbols"])]
    else:
        symbols = [
            chemical_symbols[int(atomic_number)] for atomic_number in unpacked(atoms["numbers"])
        ]
    positions = np.array(atoms["positions"], float)
    if positions.shape != (len(symbols), 3):
        raise ValueError(f"{len(symbols)} species, positions of shape {positions.shape}")
    cell = np.array(atoms.get("cell") or np.zeros((3, 3)), float)
    info = atoms.get("info") or {}
    dynamics = metadata.get("MD") or {}
    dt, fs = info.get("dt", dynamics.get("dt")), dynamics.get("fs", units.fs)
    moves = "MD" in metadata and dt is not None and "nsteps" in info  # single points have no time
    time = float(info["nsteps"] * dt / fs) if moves else None
    if time is not None and not np.isfinite(time):
        raise ValueError(f"a time of {time} fs")
    masses = atoms.get("masses")
    stress = known_stress(_array(results.get("stress")))
    results = {"energy": None, **results}
    free = results.get("free_energy")
    forces = _array(results.get("forces"))
    if forces is not None and forces.shape != positions.shape:
        raise ValueError(f"forces of shape {forces.shape} for {len(symbols)} atoms")
    velocities = _array(document["atoms"].get("velocities"))
    return Step(
        symbols=symbols,
        cell=cell,
        positions=positions,
        energy=results["energy"] if free is None else free,  # forces belong to the free energy
        forces=forces,
        stress=stress,
        time=time,
        velocities=None if velocities is None else velocities * units.fs,
        masses=np.array(
            unpacked(masses) if masses else atomic_masses[[atomic_numbers[s] for s in symbols]],
            float,
        ),
        stresses=intensive(
            _array(results.get("stresses")), stress, abs(float(np.linalg.det(cell)))
        ),
        heat_flux=_array(results.get("heat_flux")),
        pbc=bool(cell.any() and np.all(atoms.get("pbc", True))),
        others={**settings, **{name: atoms[name] for name in atoms if name not in USED}, **results},
    )


def described(error: Exception) -> str:
    """Kind and text of an error, on one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"


def _array(values: Any) -> np.ndarray | None:
    """Numbers as an array; a stress may come in Voigt order."""
    if values is None:
        return None
    array = np.array(values, float)
    return voigt_6_to_full_3x3_stress(array) if array.shape == (6,) else array
