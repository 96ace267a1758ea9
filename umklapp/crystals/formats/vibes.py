"""Trajectories of FHI-vibes: `trajectory.son` and `.nc`, step by step, whatever their size.

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

import h5py
import numpy as np
from ase import Atoms, units
from ase.data import atomic_masses, atomic_numbers, chemical_symbols
from ase.stress import voigt_6_to_full_3x3_stress

from umklapp.crystals.formats import packed
from umklapp.crystals.formats.steps import Step, intensive, known_stress
from umklapp.errors import InputError

log = logging.getLogger(__name__)

SEPARATOR = re.compile(rb"\n(===|---)[ \t\r]*\n")
"""Between two documents."""

CHUNK = 1 << 22
"""Bytes of a .son file that are read at once."""

ATOMIC = re.compile(rb'"(stresses|virials)"\s*:\s*\[\s*\[\s*\[')
ATOMIC_END = re.compile(rb"\]\s*\]\s*\]")
"""The largest part of a step, which a label does not need: numbers, three lists deep."""

BLOCK = 64
"""Steps of a .nc file that are read at once."""


def count_son(path: Path) -> int:
    """Number of steps, without looking into any of them.

    Raises:
        InputError: there is no line `===`.
    """
    return sum(1 for _ in _blocks(path)[1])


def read_son(
    path: Path,
    every: int = 1,
    skip: int = 0,
    atomic_stresses: bool = False,
) -> Iterator[Step]:
    """Steps skip, skip + every, … of a `.son` file (.gz and .bz2 allowed), one in memory at a time.

    Velocities are stored in ASE's unit, times in multiples of its time unit; a stress of zeros is
    one that was not computed.

    Args:
        atomic_stresses: read them too; a label does not need them.

    Raises:
        InputError: naming file and step: what cannot be read, or does not fit together.
    """
    metadata, blocks = _blocks(path)
    begin = _metadata(path, metadata)
    for number, (block, last) in enumerate(blocks):
        if number < skip or (number - skip) % every:
            continue
        where = f"{path} step {number}"
        text = block if atomic_stresses else _without_atomic(block)
        try:
            yield _step(json.loads(text), begin)
        except json.JSONDecodeError as error:
            if not last:
                raise InputError(f"{where}: cannot be read: {error}") from None
            log.info(f"{where}: the last step is cut; it is left out")
        except (KeyError, ValueError, TypeError) as error:
            raise InputError(f"{where}: {type(error).__name__}: {error}") from None


def _blocks(path: Path) -> tuple[bytes, Iterator[tuple[bytes, bool]]]:
    """The metadata, and the text of one step after the other, and whether it is the last."""
    found = _documents(path)
    metadata, mark = next(found)
    if mark != b"===":
        raise InputError(f"{path}: no line '==='; is this a trajectory.son?")
    return metadata, ((block, not mark) for block, mark in found if block.strip())


def _documents(path: Path) -> Iterator[tuple[bytes, bytes]]:
    """Every document, and the separator behind it (nothing behind the last)."""
    text, begin = b"", 0
    with packed.opened(path) as file:
        while chunk := file.read(CHUNK):
            looked = max(0, len(text) - begin - 16)  # a separator may be cut by the chunks
            text, begin = text[begin:] + chunk, 0
            for found in SEPARATOR.finditer(text, looked):
                yield text[begin : found.start()], found[1]
                begin = found.end()
    yield text[begin:], b""


def _without_atomic(block: bytes) -> bytes:
    while (found := ATOMIC.search(block)) and (end := ATOMIC_END.search(block, found.end())):
        block = block[: found.start()] + b'"' + found[1] + b'": null' + block[end.end() :]
    return block


def _metadata(path: Path, text: bytes) -> dict[str, Any]:
    try:
        found = json.loads(text)
        assert isinstance(found["atoms"], dict)
    except (ValueError, KeyError, TypeError, AssertionError) as error:
        raise InputError(
            f"{path}: the first document is no metadata of FHI-vibes ({error!r})"
        ) from None
    return dict(found)


def unpacked(values: list[Any]) -> list[Any]:
    """`[[2, "Si"], [1, "O"]]` is `["Si", "Si", "O"]`; plain lists stay."""
    if values and isinstance(values[0], list):
        return list(itertools.chain.from_iterable([value] * int(times) for times, value in values))
    return values


def _step(document: dict[str, Any], metadata: dict[str, Any]) -> Step:
    atoms = {**metadata["atoms"], **document["atoms"]}
    results = document.get("calculator") or {}
    if "symbols" in atoms:
        symbols = [str(each) for each in unpacked(atoms["symbols"])]
    else:
        symbols = [chemical_symbols[int(each)] for each in unpacked(atoms["numbers"])]
    positions = np.array(atoms["positions"], float)
    if positions.shape != (len(symbols), 3):
        raise ValueError(f"{len(symbols)} species, positions of shape {positions.shape}")
    cell = np.array(atoms.get("cell") or np.zeros((3, 3)), float)
    info = atoms.get("info") or {}
    dynamics = metadata.get("MD") or {}
    dt, fs = info.get("dt", dynamics.get("dt")), dynamics.get("fs", units.fs)
    time = info["nsteps"] * dt / fs if dt is not None and "nsteps" in info else None
    masses = atoms.get("masses")
    stress = known_stress(_array(results.get("stress")))
    forces = _array(results.get("forces"))
    if forces is not None and forces.shape != positions.shape:
        raise ValueError(f"forces of shape {forces.shape} for {len(symbols)} atoms")
    velocities = _array(document["atoms"].get("velocities"))
    return Step(
        symbols=symbols,
        cell=cell,
        positions=positions,
        energy=results.get("energy"),
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
    )


def _array(values: Any) -> np.ndarray | None:
    """Numbers as an array; a stress may come in Voigt order."""
    if values is None:
        return None
    found = np.array(values, float)
    return voigt_6_to_full_3x3_stress(found) if found.shape == (6,) else found


def count_nc(path: Path) -> int:
    """Number of steps."""
    with _netcdf(path) as file:
        return int(file["positions"].shape[0])


def read_nc(path: Path, every: int = 1, skip: int = 0) -> Iterator[Step]:
    """Steps skip, skip + every, … of the netCDF file of `vibes output md`, a block at a time.

    Velocities are stored in ASE's unit. The stress of a label is `stress_potential`; `stress`
    contains the motion of the atoms where both are there. The heat flux is in eV/(Å² fs), as
    FHI-vibes has written it since its first release (older scripts wrote eV/(Å² ps)).

    Raises:
        InputError: the file is no netCDF-4, or a variable that labels need is missing.
    """
    with _netcdf(path) as file:
        symbols = _nc_symbols(file)
        masses = np.array(file.attrs["masses"], float) if "masses" in file.attrs else None
        known = {name for name in file if isinstance(file[name], h5py.Dataset)}
        stress = "stress_potential" if "stress_potential" in known else "stress"
        total = file["positions"].shape[0]
        for begin in range(skip, total, BLOCK * every):
            part = slice(begin, min(total, begin + BLOCK * every), every)
            data = {
                name: file[name][part]
                for name in ("time", "positions", "velocities", "forces", "energy_potential",
                             "cell", stress, "stresses_potential", "heat_flux")
                if name in known
            }  # fmt: skip
            for row in range(len(data["positions"])):
                here = {name: values[row] for name, values in data.items()}
                fixed = file["lattice_reference"][()] if "cell" not in here else here["cell"]
                yield _nc_step(here, symbols, masses, fixed, stress)


def nc_force_constants(path: Path) -> tuple[Atoms, np.ndarray] | None:
    """Perfect supercell (N atoms) and its force constants (3N, 3N) eV/Å²; None without them.

    FHI-vibes keeps them where `vibes output md -fc` was asked for: `force_constants_remapped`, the
    rows and columns in the order of `positions_reference`.

    Raises:
        InputError: as `read_nc`.
    """
    with _netcdf(path) as file:
        needed = {"force_constants_remapped", "positions_reference", "lattice_reference"}
        if not needed <= set(file):
            return None
        perfect = Atoms(
            _nc_symbols(file),
            cell=file["lattice_reference"][()],
            positions=file["positions_reference"][()],
            pbc=True,
        )
        return perfect, np.asarray(file["force_constants_remapped"][()], float)


def _nc_symbols(file: h5py.File) -> list[str]:
    names = np.atleast_1d(file.attrs["symbols"])
    return [name.decode() if isinstance(name, bytes) else str(name) for name in names]


def _netcdf(path: Path) -> h5py.File:
    try:
        file = h5py.File(path)
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read as netCDF-4 ({error}); netCDF-3 must be converted first: "
            "nccopy -k nc4"
        ) from None
    needed = ("positions", "forces", "energy_potential", "time")
    missing = [name for name in needed if name not in file]
    missing += ["attribute symbols"] if "symbols" not in file.attrs else []
    missing += ["cell"] if not {"cell", "lattice_reference"} & set(file) else []
    if missing:
        file.close()
        raise InputError(f"{path}: {missing[0]} is missing; is this the .nc of `vibes output md`?")
    return file


def _nc_step(
    here: dict[str, np.ndarray],
    symbols: list[str],
    masses: np.ndarray | None,
    cell: np.ndarray,
    stress_name: str,
) -> Step:
    stress = known_stress(here.get(stress_name))
    volume = abs(float(np.linalg.det(cell)))
    velocities, flux = here.get("velocities"), here.get("heat_flux")
    return Step(
        symbols=symbols,
        cell=cell,
        positions=here["positions"],
        energy=float(here["energy_potential"]),
        forces=here["forces"],
        stress=stress,
        time=float(here["time"]),
        velocities=None if velocities is None else velocities * units.fs,
        masses=masses,
        stresses=intensive(here.get("stresses_potential"), stress, volume),
        heat_flux=None if flux is None or np.isnan(flux).any() else flux,
        pbc=volume > 0,
    )
