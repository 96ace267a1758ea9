"""Frames of the ensembles that κ comes from, and what the committee says of them beforehand."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase import Atoms, units

from umklapp import config
from umklapp.crystals import frames
from umklapp.crystals.frame_info import identity
from umklapp.crystals.phonopy_cells import from_phonopy
from umklapp.errors import CalculationError
from umklapp.lattice import force_constants
from umklapp.potentials.taylor.correction import same_cell
from umklapp.transport import nve, trajectories
from umklapp.transport.audit.record import Source

SOFTEST = 0.5
"""THz; softer or imaginary modes of the committee move atoms as this one would: they would throw
them across the cell, where no dynamics of a crystal is."""

ACOUSTIC = 3
"""Translations of the whole cell."""


@dataclass(frozen=True)
class Drawn:
    """A frame to label. Frames with the same `pair` are opposite displacements of one cell."""

    atoms: Atoms
    source: Source
    pair: int


def shares(labels: int, sources: Sequence[Source]) -> dict[Source, int]:
    """How many labels every source gets: one after the other in turn."""
    return {
        source: labels // len(sources) + (place < labels % len(sources))
        for place, source in enumerate(sources)
    }


def thermal_displacements(
    constants: np.ndarray,
    masses: np.ndarray,
    temperature: float,
    count: int,
    generator: np.random.Generator,
) -> np.ndarray:
    """Displacements (count, N, 3) Å of the quantum harmonic crystal at a temperature (K).

    u_i = m_i^(−1/2) Σ_ν e_iν ξ_ν √(ħ/(2 ω_ν) coth(ħ ω_ν/(2 k_B T))) with normal ξ; the three
    translations are left out.

    Args:
        constants: (3N, 3N) eV/Å². masses: (N,) amu.
    """
    root = np.sqrt(np.repeat(masses, 3))
    squares, modes = np.linalg.eigh(constants / root / root[:, None])
    still = np.argsort(np.abs(squares))[:ACOUSTIC]
    moving = np.setdiff1d(np.arange(len(squares)), still)
    softest = 2 * np.pi * SOFTEST * 1e-3 / units.fs
    omega = np.maximum(np.sqrt(np.abs(squares[moving])), softest)
    hbar = units._hbar * units.J * units.second
    ratio = hbar * omega / (2 * units.kB * temperature)
    widths = np.sqrt(hbar / (2 * omega) / np.tanh(ratio))
    amplitudes = generator.normal(size=(count, len(moving))) * widths
    return np.asarray((amplitudes @ modes[:, moving].T / root).reshape(count, -1, 3))


def placed(
    perfect: Atoms,
    displacements: Sequence[np.ndarray],
    source: Source,
    first: int,
    mirrored: int = 0,
) -> list[Drawn]:
    """Frames at displacements (N, 3) Å, of the first `mirrored` ones also at −u.

    Args:
        first: `pair` of the first displacement.
    """
    drawn = []
    for place, u in enumerate(displacements):
        for sign in (1, -1) if place < mirrored else (1,):
            atoms = perfect.copy()
            atoms.positions += sign * u
            drawn.append(Drawn(frames.strip(atoms), source, first + place))
    return drawn


def thermal(
    perfect: Atoms,
    constants: np.ndarray,
    temperature: float,
    count: int,
    generator: np.random.Generator,
    first: int = 0,
) -> list[Drawn]:
    """Thermal cells of the committee's own harmonic crystal; a quarter of them come as ±u.

    A pair, which there is from two labels on, parts harmonic and anharmonic errors. It is one
    independent frame, so that the other labels are better spent on displacements of their own.

    Args:
        constants: (3N, 3N) eV/Å² of `perfect`. temperature: K.
    """
    mirrored = max(count // 4, 1) if count > 1 else 0
    shifts = thermal_displacements(
        constants, perfect.get_masses(), temperature, count - mirrored, generator
    )
    return placed(perfect, list(shifts), "thermal", first, mirrored)


def displaced(
    primitive: Atoms,
    perfect: Atoms,
    settings: config.Phonons,
    count: int,
    generator: np.random.Generator,
    taken: Collection[str] = (),
    first: int = 0,
) -> list[Drawn]:
    """Cells displaced as fc3 displaces them; of u and −u at most one.

    Of the cells in which most atoms are displaced (pairs of atoms, or all of them), so that they
    are not those that seeds or fine-tuning have had labelled.

    Args:
        taken: `frame_id` of labels that were learned from.
    """
    calculation = force_constants.prepare(primitive, perfect, settings)
    cells = force_constants.displace(calculation, settings)
    still = from_phonopy(calculation.supercell)
    shifts = [cell.positions - still.positions for cell in cells]
    moved = [int((np.abs(shift).max(axis=1) > 1e-9).sum()) for shift in shifts]
    most = [shift for shift, n_moved in zip(shifts, moved, strict=True) if n_moved == max(moved)]
    chosen: list[np.ndarray] = []
    for place in generator.permutation(len(most)):
        if len(chosen) == count:
            break
        both = placed(still, [most[place]], "displaced", 0, mirrored=1)
        opposite = any(np.allclose(most[place], -other, atol=1e-9) for other in chosen)
        if opposite or any(identity(drawn.atoms) in taken for drawn in both):
            continue
        chosen.append(most[place])
    return placed(still, chosen, "displaced", first)


def dynamics(
    paths: Sequence[Path],
    settings: config.GreenKubo,
    count: int,
    generator: np.random.Generator,
    first: int = 0,
) -> list[Drawn]:
    """Frames of the Green–Kubo trajectories that κ is made of, at random times of runs in turn.

    Raises:
        CalculationError: no trajectory can be used.
    """
    runs = [nve.read(path) for path in paths]
    frames_read: dict[int, trajectories.Frames] = {}

    def frames_of(replica: int) -> trajectories.Frames:
        if replica not in frames_read:
            frames_read[replica] = nve.read_frames(paths[replica])
        return frames_read[replica]

    usable = trajectories.usable(runs, settings, frames_of).numbers
    order = generator.permutation(usable)
    drawn = []
    for place in range(count):
        replica = int(order[place % len(order)])
        displacements, _ = frames_of(replica)
        atoms = runs[replica].sites.copy()
        atoms.positions += displacements[generator.integers(len(displacements))]
        drawn.append(Drawn(frames.strip(atoms), "green_kubo", first + place))
    return drawn


def table(
    labelled: Sequence[Atoms],
    perfect: Atoms,
    count: int,
    generator: np.random.Generator,
    taken: Collection[str],
    first: int = 0,
) -> list[Drawn]:
    """Frames of a look-up table in the cell of κ that nothing has learned from.

    Args:
        taken: `frame_id` of frames that train, calibrate or test.
    """
    free = [
        frame for frame in labelled if same_cell(frame, perfect) and identity(frame) not in taken
    ]
    places = generator.permutation(len(free))[:count]
    return [
        Drawn(frames.strip(free[place]), "table", first + pair) for pair, place in enumerate(places)
    ]


@dataclass(frozen=True)
class Ensembles:
    """What κ of a round comes from.

    perfect: phonon supercell; constants: (3N, 3N) eV/Å² of the committee mean there; paths:
    Green–Kubo trajectories (with green_kubo None: not asked for); labelled: frames of a look-up
    table, where that is the reference; taken: `frame_id` of frames that train, calibrate or test.
    """

    primitive: Atoms
    perfect: Atoms
    constants: np.ndarray
    phonons: config.Phonons
    green_kubo: config.GreenKubo | None
    paths: Sequence[Path]
    labelled: Sequence[Atoms] | None
    taken: Collection[str]


def draw(
    ensembles: Ensembles, settings: config.Audit, generator: np.random.Generator
) -> tuple[list[Drawn], dict[str, str]]:
    """Frames of all sources in turn, and why a source gave none or too few.

    The labels of trajectories that cannot be used go to the other sources.
    """
    if ensembles.labelled is not None:
        drawn = table(
            ensembles.labelled, ensembles.perfect, settings.labels, generator, ensembles.taken
        )
        why = {} if drawn else {"table": "every frame of the table in this cell is used already"}
        return drawn, why
    missing: dict[str, str] = {}
    sources: list[Source] = ["thermal", "displaced"]
    drawn = []
    if ensembles.green_kubo is not None:
        share = shares(settings.labels, [*sources, "green_kubo"])["green_kubo"]
        try:
            drawn = dynamics(ensembles.paths, ensembles.green_kubo, share, generator)
            sources.append("green_kubo")
        except CalculationError as error:
            missing["green_kubo"] = f"no κ by Green–Kubo to audit: {error}"
    part, size = shares(settings.labels, sources), settings.labels
    drawn += thermal(
        ensembles.perfect,
        ensembles.constants,
        settings.temperature,
        part["thermal"],
        generator,
        size,
    )
    drawn += displaced(
        ensembles.primitive, ensembles.perfect, ensembles.phonons, part["displaced"], generator,
        ensembles.taken, 2 * size,
    )  # fmt: skip
    present = {frame.source for frame in drawn}
    short = {
        name: "members have learned all its cells"
        if part[name]
        else "no label left for it: raise audit.labels"
        for name in sources
    }
    return drawn, missing | {name: why for name, why in short.items() if name not in present}
