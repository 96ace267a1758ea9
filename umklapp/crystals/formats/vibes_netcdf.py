"""The netCDF file of `vibes output md` (FHI-vibes), a block of steps at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
from ase import Atoms, units

from umklapp.crystals.formats import dropped, flux_units, hdf5_trial, packed
from umklapp.crystals.formats.steps import Step, intensive, known_stress
from umklapp.crystals.formats.vibes import WRONG, described
from umklapp.errors import InputError
from umklapp.files import json_of

VARIABLES = (
    *("time", "positions", "velocities", "forces", "energy_potential", "cell", "volume"),
    *("temperature", "stress", "stress_potential", "stresses_potential", "heat_flux"),
)
"""What is read of every step."""

DAMAGED = (*WRONG, OSError, RuntimeError, MemoryError)
"""What h5py raises for damaged files."""

SAME_VOLUME, SAME_TEMPERATURE = 1e-3, 0.1
"""Relative differences of what a file says twice: volume and cell, temperature and velocities."""

SAME_STRESS = 1e-2
"""Relative difference of two stresses that should be the same."""

LARGEST_STRAIN = 0.15
"""Of the cell against the reference; no crystal expands so far."""

BLOCK = 64
"""Steps of a .nc file that are read at once."""


def count(path: Path) -> int:
    """Number of steps.

    Raises:
        InputError: as `read`.
    """
    with _opened(path) as file:
        try:
            return int(file["positions"].shape[0])
        except DAMAGED as error:
            raise InputError(f"{path}: cannot be read: {described(error)}") from None


def read(path: Path, every: int = 1, skip: int = 0) -> Iterator[Step]:
    """Steps skip, skip + every, … of the netCDF file of `vibes output md`, a block at a time.

    Velocities are stored in ASE's unit. The stress of a label is `stress_potential`; `stress`
    contains the motion of the atoms where both are there. The heat flux is in eV/(Å² ps) before
    FHI-vibes 1.1.0; `flux_units` decides, and it is converted.

    Raises:
        InputError: the file is no netCDF-4, a variable that labels need is missing or of another
            shape, or volume or temperature are not those of cell and velocities.
    """
    with _opened(path) as file:
        try:
            yield from _steps(path, file, every, skip)
        except DAMAGED as error:
            raise InputError(f"{path}: cannot be read: {described(error)}") from None


def _steps(path: Path, file: h5py.File, every: int, skip: int) -> Iterator[Step]:
    symbols = _symbols(file)
    masses = np.array(file.attrs["masses"], float) if "masses" in file.attrs else None
    datasets = {name for name in file if isinstance(file[name], h5py.Dataset)}
    stress = "stress_potential" if "stress_potential" in datasets else "stress"
    total = _shapes(path, file, len(symbols))
    metadata = file.attrs.get("raw_metadata")
    fluxes = flux_units.Fluxes(flux_units.version_of(metadata), str(path))
    settings = _settings(metadata)
    reference = file["lattice_reference"][()] if "lattice_reference" in datasets else None
    moves = metadata is None or b'"MD"' in (
        metadata if isinstance(metadata, bytes) else str(metadata).encode()
    )
    for begin in range(skip, total, BLOCK * every):
        part = slice(begin, min(total, begin + BLOCK * every), every)
        data = {
            name: file[name][part]
            for name in (*VARIABLES, *filter(dropped.NAMES.fullmatch, datasets))
            if name in datasets
        }  # fmt: skip
        for row in range(len(data["positions"])):
            here = {name: values[row] for name, values in data.items()}
            fixed = file["lattice_reference"][()] if "cell" not in here else here["cell"]
            step = replace(
                _step(here, symbols, masses, fixed, stress),
                others={**settings, **{k: here[k] for k in here if dropped.NAMES.fullmatch(k)}},
            )
            _check_redundant(here, step, reference, f"{path} step {begin + row * every}")
            yield fluxes.converted(step if moves else replace(step, time=None))


def _settings(metadata: object) -> dict[str, object]:
    """Parameters of the calculator, where the metadata of the trajectory are there and whole."""
    try:
        content = json_of(metadata) if isinstance(metadata, bytes | str) else {}
        return dict(content["calculator"]["calculator_parameters"])
    except (ValueError, KeyError, TypeError):
        return {}


def _shapes(path: Path, file: h5py.File, n_atoms: int) -> int:
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
        if name in file and file[name].dtype.kind not in "fiu":
            raise InputError(f"{path}: {name} holds {file[name].dtype}, not numbers")
    unit = np.atleast_1d(file.attrs.get("time_unit", "fs"))[0]
    if (unit.decode() if isinstance(unit, bytes) else str(unit)) != "fs":
        raise InputError(f"{path}: times in {unit!r}; FHI-vibes writes fs")
    return total


def _check_redundant(
    here: dict[str, np.ndarray], step: Step, reference: np.ndarray | None, where: str
) -> None:
    """What a file says twice must agree: else a unit is wrong, or the step is of two runs."""
    volume = abs(float(np.linalg.det(step.cell)))
    if reference is not None and volume > 0 and np.linalg.det(reference) != 0:
        strain = np.abs(np.linalg.solve(reference, step.cell) - np.eye(3)).max()
        if strain > LARGEST_STRAIN:
            raise InputError(
                f"{where}: the cell differs from lattice_reference by a strain of {strain:.2g}: "
                "one of them has another unit, or is of another crystal"
            )
    if "volume" in here and volume > 0 and np.size(here["volume"]) == 1:
        stated = float(np.squeeze(here["volume"]))
        if abs(stated / volume - 1) > SAME_VOLUME:
            raise InputError(f"{where}: volume of {stated:g} Å³, the cell has {volume:g} Å³")
    _check_stresses(here, step, where)
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


def _check_stresses(here: dict[str, np.ndarray], step: Step, where: str) -> None:
    """The stress is the sum over the atoms, and without their motion `stress` − Σ m v v / V."""
    if step.stress is None:
        return
    size = np.abs(step.stress).max()
    if step.stresses is not None:
        apart = np.abs(step.stresses.sum(axis=0) - step.stress).max()
        if apart > SAME_STRESS * size:
            raise InputError(
                f"{where}: the stress is not the sum of those of the atoms (off by {apart:.3g} of "
                f"{size:.3g} eV/Å³): one of them has another unit or sign"
            )
    both = {"stress", "stress_potential"} <= set(here)
    if not both or step.velocities is None or step.masses is None or not step.pbc:
        return
    speeds = step.velocities / units.fs
    motion = -np.einsum("i,ia,ib->ab", step.masses, speeds, speeds) / np.linalg.det(step.cell)
    apart = np.abs(here["stress"] - step.stress - motion).max()
    if apart > SAME_TEMPERATURE * np.abs(motion).max() + SAME_STRESS * size:
        raise InputError(
            f"{where}: stress − stress_potential is not the part of the atoms' motion (off by "
            f"{apart:.3g} eV/Å³): one of them, or the velocities, have another unit or sign"
        )


def force_constants(path: Path) -> tuple[Atoms, np.ndarray] | None:
    """Perfect supercell (N atoms) and its force constants (3N, 3N) eV/Å²; None without them.

    FHI-vibes keeps them where `vibes output md -fc` was asked for: `force_constants_remapped`, the
    rows and columns in the order of `positions_reference`.

    Raises:
        InputError: as `read`.
    """
    with _opened(path) as file:
        needed = {"force_constants_remapped", "positions_reference", "lattice_reference"}
        if not needed <= set(file):
            return None
        try:
            return _harmonic(file)
        except DAMAGED as error:
            raise InputError(f"{path}: cannot be read: {described(error)}") from None


def _harmonic(file: h5py.File) -> tuple[Atoms, np.ndarray]:
    perfect = Atoms(
        _symbols(file),
        cell=file["lattice_reference"][()],
        positions=file["positions_reference"][()],
        pbc=True,
    )
    constants = np.asarray(file["force_constants_remapped"][()], float)
    if constants.shape != (3 * len(perfect), 3 * len(perfect)):
        raise ValueError(f"force constants of shape {constants.shape} for {len(perfect)} atoms")
    return perfect, constants


def _symbols(file: h5py.File) -> list[str]:
    names = np.atleast_1d(file.attrs["symbols"])
    return [name.decode() if isinstance(name, bytes) else str(name) for name in names]


@contextmanager
def opened(path: Path) -> Iterator[h5py.File]:
    """A netCDF-4 file, open within the block; a packed one is unpacked.

    Raises:
        InputError: there is no such file, or it is damaged or of another format.
    """
    with packed.readable(path), packed.plain(path) as plain:
        if plain.is_file() and plain.open("rb").read(3) == b"CDF":
            raise InputError(
                f"{path}: netCDF-3, which is not read: convert it, nccopy -k nc4 {path.name} new.nc"
            )
        hdf5_trial.survive(plain, str(path))
        try:
            file = h5py.File(plain)
        except OSError as error:
            cause = " ".join(str(error).split())[:300]
            raise InputError(f"{path}: cannot be read as netCDF-4 (hdf5): {cause}") from None
        with file:
            yield file


@contextmanager
def _opened(path: Path) -> Iterator[h5py.File]:
    """As `opened`, of a trajectory that has all that labels need."""
    with opened(path) as file:
        needed = ("positions", "forces", "energy_potential", "time")
        try:
            missing = [name for name in needed if not isinstance(file.get(name), h5py.Dataset)]
            missing += ["attribute symbols"] if "symbols" not in file.attrs else []
            missing += ["cell"] if not {"cell", "lattice_reference"} & set(file) else []
        except DAMAGED as error:
            raise InputError(f"{path}: cannot be read as netCDF-4: {described(error)}") from None
        if missing:
            raise InputError(
                f"{path}: {missing[0]} is missing; is this the .nc of `vibes output md`?"
            )
        yield file


def _step(
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
