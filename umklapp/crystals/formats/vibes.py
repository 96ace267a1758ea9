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
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from ase import Atoms, units
from ase.data import atomic_masses, atomic_numbers, chemical_symbols
from ase.stress import voigt_6_to_full_3x3_stress

from umklapp.crystals.formats import flux_units, packed
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

WRONG = (KeyError, ValueError, TypeError, IndexError, AttributeError, OverflowError)
"""What content of another shape or kind raises."""

DAMAGED = (*WRONG, OSError, RuntimeError, MemoryError)
"""What h5py raises for damaged files."""

MOST_ATOMS = 1_000_000
"""More in one step cannot be meant."""

SAME_VOLUME, SAME_TEMPERATURE = 1e-3, 0.1
"""Relative differences of what a file says twice: volume and cell, temperature and velocities."""

BLOCK = 64
"""Steps of a .nc file that are read at once."""


def count_son(path: Path) -> int:
    """Number of steps, without looking into any but the last, which may be cut.

    Raises:
        InputError: there is no line `===`.
    """
    steps, last = 0, b"{}"
    for block, _ in _blocks(path)[1]:
        steps, last = steps + 1, block
    try:
        json.loads(last)
    except ValueError:
        return steps - 1
    return steps


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
        atomic_stresses: read them and the heat flux too; a label does not need them.

    Raises:
        InputError: naming file and step: what cannot be read, or does not fit together.
    """
    metadata, blocks = _blocks(path)
    begin = _metadata(path, metadata)
    fluxes = _Fluxes(flux_units.version_of(begin), str(path))
    for step_index, (block, last) in enumerate(blocks):
        if step_index < skip or (step_index - skip) % every:
            continue
        where = f"{path} step {step_index}"
        text = block if atomic_stresses else _without_atomic(block)
        try:
            yield fluxes.converted(_step(json.loads(text), begin))
        except json.JSONDecodeError as error:
            if not last:
                raise InputError(f"{where}: cannot be read: {error}") from None
            log.info(f"{where}: the last step is cut; it is left out")
        except WRONG as error:
            raise InputError(f"{where}: {_short(error)}") from None


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
        metadata = json.loads(text)
        assert isinstance(metadata["atoms"], dict)
    except (ValueError, KeyError, TypeError, AssertionError) as error:
        raise InputError(
            f"{path}: the first document is no metadata of FHI-vibes ({error!r})"
        ) from None
    return dict(metadata)


@dataclass
class _Fluxes:
    """Heat fluxes of one file in eV/(Å² fs); the unit is decided by the first that tells it.

    Steps whose stresses are not read have no flux either: nothing could be held against it.
    """

    version: str | None
    source: str
    unit: float | None = None

    def converted(self, step: Step) -> Step:
        """The step with its flux in our unit, or without one."""
        if step.heat_flux is None or not np.any(step.heat_flux):  # atoms at rest
            return step
        if step.stresses is None or step.velocities is None:
            if self.unit is None:
                return replace(step, heat_flux=None)
            return replace(step, heat_flux=step.heat_flux * self.unit)
        if self.unit is None:
            computed = np.einsum("iab,ib->a", step.stresses, step.velocities)[None]
            self.unit = flux_units.unit(step.heat_flux[None], computed, self.version, self.source)
        return replace(step, heat_flux=step.heat_flux * self.unit)


def unpacked(values: list[Any]) -> list[Any]:
    """`[[2, "Si"], [1, "O"]]` is `["Si", "Si", "O"]`; plain lists stay."""
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
    time = info["nsteps"] * dt / fs if moves else None
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


def _short(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"


def _array(values: Any) -> np.ndarray | None:
    """Numbers as an array; a stress may come in Voigt order."""
    if values is None:
        return None
    array = np.array(values, float)
    return voigt_6_to_full_3x3_stress(array) if array.shape == (6,) else array


def count_nc(path: Path) -> int:
    """Number of steps.

    Raises:
        InputError: as `read_nc`.
    """
    with _netcdf(path) as file:
        try:
            return int(file["positions"].shape[0])
        except DAMAGED as error:
            raise InputError(f"{path}: cannot be read: {_short(error)}") from None


def read_nc(path: Path, every: int = 1, skip: int = 0) -> Iterator[Step]:
    """Steps skip, skip + every, … of the netCDF file of `vibes output md`, a block at a time.

    Velocities are stored in ASE's unit. The stress of a label is `stress_potential`; `stress`
    contains the motion of the atoms where both are there. The heat flux is in eV/(Å² ps) before
    FHI-vibes 1.1.0; `flux_units` decides, and it is converted.

    Raises:
        InputError: the file is no netCDF-4, a variable that labels need is missing or of another
            shape, or volume or temperature are not those of cell and velocities.
    """
    with _netcdf(path) as file:
        try:
            yield from _nc_steps(path, file, every, skip)
        except DAMAGED as error:
            raise InputError(f"{path}: cannot be read: {_short(error)}") from None


def _nc_steps(path: Path, file: h5py.File, every: int, skip: int) -> Iterator[Step]:
    symbols = _nc_symbols(file)
    masses = np.array(file.attrs["masses"], float) if "masses" in file.attrs else None
    datasets = {name for name in file if isinstance(file[name], h5py.Dataset)}
    stress = "stress_potential" if "stress_potential" in datasets else "stress"
    total = _nc_shapes(path, file, len(symbols))
    metadata = file.attrs.get("raw_metadata")
    fluxes = _Fluxes(flux_units.version_of(metadata), str(path))
    moves = metadata is None or b'"MD"' in (
        metadata if isinstance(metadata, bytes) else str(metadata).encode()
    )
    for begin in range(skip, total, BLOCK * every):
        part = slice(begin, min(total, begin + BLOCK * every), every)
        data = {
            name: file[name][part]
            for name in ("time", "positions", "velocities", "forces", "energy_potential", "cell",
                         "volume", "temperature", stress, "stresses_potential", "heat_flux")
            if name in datasets
        }  # fmt: skip
        for row in range(len(data["positions"])):
            here = {name: values[row] for name, values in data.items()}
            fixed = file["lattice_reference"][()] if "cell" not in here else here["cell"]
            step = _nc_step(here, symbols, masses, fixed, stress)
            _check_redundant(here, step, f"{path} step {begin + row * every}")
            yield fluxes.converted(step if moves else replace(step, time=None))


def _nc_shapes(path: Path, file: h5py.File, n_atoms: int) -> int:
    """Number of steps.

    Raises:
        InputError: a variable has another shape than (steps, …) of so many atoms.
    """
    total = int(file["positions"].shape[0])
    for name, shape in (
        ("positions", (total, n_atoms, 3)),
        ("forces", (total, n_atoms, 3)),
        ("velocities", (total, n_atoms, 3)),
        ("energy_potential", (total,)),
        ("time", (total,)),
        ("cell", (total, 3, 3)),
        ("heat_flux", (total, 3)),
    ):
        if name in file and tuple(file[name].shape) != shape:
            raise InputError(f"{path}: {name} has the shape {file[name].shape}, not {shape}")
    return total


def _check_redundant(here: dict[str, np.ndarray], step: Step, where: str) -> None:
    """What a file says twice must agree: else a unit is wrong, or the step is of two runs."""
    volume = abs(float(np.linalg.det(step.cell)))
    if "volume" in here and volume > 0 and np.size(here["volume"]) == 1:
        stated = float(np.squeeze(here["volume"]))
        if abs(stated / volume - 1) > SAME_VOLUME:
            raise InputError(f"{where}: volume of {stated:g} Å³, the cell has {volume:g} Å³")
    if "temperature" not in here or step.velocities is None or step.masses is None:
        return
    speeds = step.velocities / units.fs
    kinetic = float((step.masses[:, None] * speeds**2).sum())
    moved = kinetic / (3 * max(len(step.symbols), 1) * units.kB)
    stated = float(np.squeeze(here["temperature"]))
    freedom = 3 / (3 * max(len(step.symbols), 2) - 3)  # of the centre of mass, counted or not
    if moved > 1 and np.isfinite(stated) and abs(stated / moved - 1) > SAME_TEMPERATURE + freedom:
        raise InputError(
            f"{where}: temperature of {stated:g} K, but the velocities give {moved:g} K: they are "
            "not in ASE's unit (Å/(10.18 fs))"
        )


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
        try:
            return _nc_harmonic(file)
        except DAMAGED as error:
            raise InputError(f"{path}: cannot be read: {_short(error)}") from None


def _nc_harmonic(file: h5py.File) -> tuple[Atoms, np.ndarray]:
    perfect = Atoms(
        _nc_symbols(file),
        cell=file["lattice_reference"][()],
        positions=file["positions_reference"][()],
        pbc=True,
    )
    constants = np.asarray(file["force_constants_remapped"][()], float)
    if constants.shape != (3 * len(perfect), 3 * len(perfect)):
        raise ValueError(f"force constants of shape {constants.shape} for {len(perfect)} atoms")
    return perfect, constants


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
    try:
        missing = [name for name in needed if not isinstance(file.get(name), h5py.Dataset)]
        missing += ["attribute symbols"] if "symbols" not in file.attrs else []
        missing += ["cell"] if not {"cell", "lattice_reference"} & set(file) else []
    except DAMAGED as error:
        file.close()
        raise InputError(f"{path}: cannot be read as netCDF-4: {_short(error)}") from None
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
