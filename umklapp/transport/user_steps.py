"""Steps of trajectories that a user has, with velocities and heat fluxes: .son, .nc, extxyz."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from ase import Atoms, units
from ase.io import iread

from umklapp.crystals.formats import extxyz, given, packed, velocities, vibes, vibes_netcdf
from umklapp.crystals.formats.steps import Step
from umklapp.errors import InputError


def read(path: Path, unit: float = 1.0) -> Iterator[Step]:
    """Steps of a trajectory, the heat flux computed from stresses where it is not stored.

    Args:
        unit: of the fluxes in extxyz, in eV/(Å² fs).

    Raises:
        InputError: naming file and step: another format, unreadable, or other atoms than before.
    """
    kind = given.format_of(path)
    if kind not in ("son", "nc", "extxyz"):
        raise InputError(
            f"{path}: files of format {kind!r} have no velocities; give a .son, .nc or extxyz"
        )
    steps = {
        "son": lambda: vibes.read(path, atomic_stresses=True),
        "nc": lambda: vibes_netcdf.read(path),
        "extxyz": lambda: _extxyz(path, unit),
    }[kind]()
    first: list[str] | None = None
    for index, step in enumerate(steps):
        first = step.symbols if first is None else first
        if step.symbols != first:
            raise InputError(
                f"{path} step {index}: its atoms, {Atoms(step.symbols).symbols}, are not those of "
                f"the first step, {Atoms(first).symbols}, or are in another order"
            )
        yield step


def _extxyz(path: Path, unit: float) -> Iterator[Step]:
    index = -1
    extxyz.check(path)
    try:
        with packed.readable(path), packed.opened_text(path) as text:
            for index, atoms in enumerate(iread(text, index=":", format="extxyz")):
                yield _step(atoms, unit, f"{path} frame {index}")
    except InputError:
        raise
    except Exception as error:  # ASE raises many kinds for a file that it cannot parse
        cause = " ".join(str(error).split())[:300]
        raise InputError(
            f"{path} frame {index + 1}: cannot be read as extxyz ({cause}); is the file cut?"
        ) from None


def _step(atoms: Atoms, unit: float, where: str) -> Step:
    time, flux = (_numbers(atoms, name, where) for name in ("time", "heat_flux"))
    if flux is not None and flux.shape != (3,):
        raise InputError(f"{where}: `heat_flux` has {flux.size} numbers; 3 components are needed")
    if time is not None and time.size != 1:
        raise InputError(f"{where}: `time` has {time.size} numbers; one is needed, in fs")
    return Step(
        symbols=atoms.get_chemical_symbols(),
        cell=atoms.cell.array,
        positions=atoms.positions,
        time=None if time is None else float(time.squeeze()),
        velocities=atoms.get_velocities() * units.fs if atoms.has("momenta") else None,
        masses=atoms.get_masses(),
        heat_flux=None if flux is None else flux * unit,
    )


def _numbers(atoms: Atoms, name: str, where: str) -> np.ndarray | None:
    value = atoms.info.get(name)
    try:
        return None if value is None else np.asarray(value, float)
    except (TypeError, ValueError):
        raise InputError(f"{where}: `{name}` is no number but {value!r:.60}") from None


def velocities_of(steps: Iterable[Step], path: Path) -> tuple[np.ndarray, ...]:
    """Times (n,) fs, velocities (n, N, 3) Å/fs and masses (N,) of a trajectory.

    Raises:
        InputError: no velocities or times, or they contradict the positions.
    """
    moving = [s for s in steps if s.velocities is not None and np.isfinite(s.velocities).all()]
    if not moving or any(step.time is None for step in moving):
        lost = "velocities" if not moving else "times"
        raise InputError(f"{path}: no {lost} in the file (extxyz: `momenta` and `time` in fs)")
    masses = moving[0].masses
    if masses is None:
        masses = Atoms(moving[0].symbols).get_masses()
    times, speeds = (
        np.array([getattr(s, name) for s in moving]) for name in ("time", "velocities")
    )
    positions, cells = [step.positions for step in moving], [step.cell for step in moving]
    velocities.check(times, positions, speeds, cells, str(path))
    return times, speeds, masses
