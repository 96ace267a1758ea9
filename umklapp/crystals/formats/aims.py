"""Outputs of FHI-aims (`aims.out`), step by step: single runs, relaxations, MD, socket wrapper.

Which structure belongs to which results depends on the run: under the socket wrapper and in the
program's own MD the structure is printed *after* its results, in a relaxation the structure of the
*next* step is; only the first step's stands at the beginning.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from umklapp.crystals import frames
from umklapp.crystals.formats import packed
from umklapp.crystals.formats.steps import Step, every_nth, known_stress
from umklapp.errors import InputError

MARK = "Invoking FHI-aims"
"""Stands near the beginning of every output."""

_STRUCTURE_AFTER = re.compile(r"[Aa]tomic structure.*preceding time step")
_NEW_STRUCTURE = "Updated atomic structure:"
_ENERGY = "| Total energy corrected"
_FREE_ENERGY = re.compile(r"\| Electronic free energy\s*:\s*(\S+) eV\s*$")
_FORCES = "Total atomic forces"
_STRESS = re.compile(r"(Analytical|Numerical) stress tensor")
_BEGIN = "Begin self-consistency loop"
_END = "Have a nice day."
_CHARGE = re.compile(r"Charged system requested: Charge =\s*([-+]?\d*\.?\d+(?:[Ee][-+]?\d+)?)")
_MOMENT = re.compile(r"\|\s*N = N_up - N_down[^:]*:\s*(\S+)")
_FIELD = re.compile(r"^\s*homogeneous_field\s+(\S+)\s+(\S+)\s+(\S+)")
_NOT_CONVERGED = "SELF-CONSISTENCY CYCLE DID NOT CONVERGE"
_CONTAINS = re.compile(r"The structure contains\s+(\d+) atoms")
_ROWS = {
    "atoms of the input": re.compile(r"\s*\|\s*\d+\s*:\s*Species\s"),
    "atoms of a structure": re.compile(r"\s*atom\s"),
    "forces": re.compile(r"\s*\|\s+\d+(\s+[-+*.\dEeNaIinf]+){3}\s*$"),
}
"""Lines of lists that have as many as there are atoms."""

_CLEANED, _CONSTRAINED = "unitary forces cleaned", "constraints were applied"

NET_FORCE = 0.01
"""eV/Å; FHI-aims takes the sum of all forces away before it prints them as `_CLEANED`."""


@dataclass
class _Reader:
    """What is known when a line has been read."""

    path: Path
    n_atoms: int = 0
    cell: list[list[float]] = field(default_factory=list)
    symbols: list[str] = field(default_factory=list)
    positions: list[list[float]] = field(default_factory=list)
    energy: float | None = None
    forces: np.ndarray | None = None
    stress: np.ndarray | None = None
    converged: bool = True
    others: dict[str, float] = field(default_factory=dict)
    list_read: str = ""

    def step(self) -> Step | None:
        """The step that ends here, if there is one; the reader is ready for the next."""
        energy, forces, stress = self.energy, self.forces, self.stress
        good, self.converged = self.converged, True
        self.energy = self.forces = self.stress = None
        if energy is None or not good:
            return None
        if len(self.positions) != self.n_atoms or len(self.cell) != 3:
            raise InputError(
                f"{self.path}: {len(self.positions)} of {self.n_atoms} atoms and "
                f"{len(self.cell)} lattice vectors found; periodic structures are expected"
            )
        return Step(
            symbols=list(self.symbols),
            cell=np.array(self.cell),
            positions=np.array(self.positions),
            energy=energy,
            forces=forces,
            stress=known_stress(stress),
            others=dict(self.others),
        )

    def note(self, line: str) -> None:
        """Keep charge, moment and field, for `dropped`.

        Raises:
            InputError: the file has another number of atoms than it says.
        """
        behind, self.list_read = self.list_read, ""
        more = behind and _ROWS[behind].match(line)
        contains = _CONTAINS.search(line)
        if more or (contains and self.n_atoms and int(contains[1]) != self.n_atoms):
            raise InputError(
                f"{self.path}: {self.n_atoms} atoms by 'Number of atoms', but {line.strip()[:60]!r}"
                f"{f' follows behind the {behind}' * bool(more)}: is the file damaged?"
            )
        if match := _CHARGE.search(line):
            self.others["charge"] = float(match[1])
        elif match := _MOMENT.search(line):
            self.others["magmom"] = float(match[1])
        elif match := _FIELD.search(line):
            self.others["efield"] = max(abs(float(word)) for word in match.groups())


def read(path: Path, every: int = 1, skip: int = 0) -> Iterator[Step]:
    """Steps skip, skip + every, … of an output; a step whose SCF did not converge is none.

    Energies are the electronic free energy, whose slope the forces are; "Total energy corrected"
    (extrapolated to zero smearing) in outputs that end without it. There are no times: the wrapper
    does not know them.

    Charge, moment and homogeneous field of the run go along for `dropped`, which refuses them.

    Raises:
        InputError: the file is no output of FHI-aims, ends within a step, has more or fewer atoms
            than it says, or forces after constraints.
    """
    return every_nth(_steps(path), every, skip)


def count(path: Path) -> int:
    """Number of steps with an energy."""
    with packed.opened_text(path, "replace") as file:
        return sum(_ENERGY in line for line in file)


def _steps(path: Path) -> Iterator[Step]:
    reader = _Reader(path)
    with packed.opened_text(path, "replace") as file:
        lines = iter(file)
        try:
            for line in lines:
                reader.note(line)
                if "| Number of atoms" in line:
                    reader.n_atoms = _number_of_atoms(line)
                elif line.strip() == "| Unit cell:":
                    reader.cell = [_floats(next(lines)) for _ in range(3)]
                elif line.strip() == "| Atomic structure:":
                    _input_geometry(reader, lines)
                elif _STRUCTURE_AFTER.search(line):
                    _structure(reader, lines)
                    yield from _given(reader)
                elif _BEGIN in line or _END in line:
                    yield from _given(reader)
                elif _NEW_STRUCTURE in line:
                    yield from _given(reader)
                    _structure(reader, lines)
                elif _ENERGY in line:
                    reader.energy = float(line.split(":")[1].split()[0])
                elif reader.energy is not None and (free := _FREE_ENERGY.search(line)):
                    reader.energy = float(free[1])
                elif _FORCES in line and "eV/Ang" in line:
                    _forces(reader, lines, line)
                elif _STRESS.search(line) and "|" in line:
                    reader.stress = _stress(lines)
                elif _NOT_CONVERGED in line:
                    reader.converged = False
        except StopIteration:
            raise _cut(path) from None
        except (ValueError, IndexError) as error:
            raise InputError(f"{path}: a line cannot be read: {error}") from None
    if reader.n_atoms == 0:
        raise InputError(f"{path}: no number of atoms; is this an output of FHI-aims?")
    yield from _given(reader)


def _cut(path: Path) -> InputError:
    return InputError(f"{path}: the file ends within a step; is it truncated?")


def _given(reader: _Reader) -> Iterator[Step]:
    step = reader.step()
    if step is not None:
        yield step


def _number_of_atoms(line: str) -> int:
    count = int(line.split(":")[1].split()[0])
    if not 0 < count <= frames.MOST_ATOMS:
        raise ValueError(f"{count} atoms")
    return count


def _floats(line: str) -> list[float]:
    return [float(word) for word in line.split() if word != "|"]


def _rows(reader: _Reader, lines: Iterator[str], kind: str, between: str = "") -> Iterator[str]:
    """The lines of a list, one for every atom.

    Args:
        kind: of `_ROWS`. between: first word of lines that may stand among them.

    Raises:
        InputError: there are fewer, or the file ends before.
    """
    count = 0
    for line in lines:
        if _ROWS[kind].match(line):
            count += 1
            yield line
            if count == reader.n_atoms:
                reader.list_read = kind
                return
        elif not between or line.split()[:1] != [between]:
            raise InputError(
                f"{reader.path}: {count} {kind} where {reader.n_atoms} are expected: is a line "
                f"missing before {line.strip()[:60]!r}?"
            )
    raise _cut(reader.path)


def _input_geometry(reader: _Reader, lines: Iterator[str]) -> None:
    next(lines)  # the header of the columns
    reader.symbols, reader.positions = [], []
    for row in _rows(reader, lines, "atoms of the input"):
        columns = row.replace(":", " ").split()  # | 1 Species Si x y z
        reader.symbols.append(columns[3])
        reader.positions.append([float(column) for column in columns[4:7]])


def _structure(reader: _Reader, lines: Iterator[str]) -> None:
    """Cell and atoms, which may be followed by their velocities, up to the last atom."""
    cell: list[list[float]] = []
    line = next(lines)
    while not _ROWS["atoms of a structure"].match(line):
        columns = line.split()
        if columns[:1] == ["lattice_vector"]:
            cell.append([float(column) for column in columns[1:4]])
        line = next(lines)
    reader.symbols, reader.positions = [], []
    rows = itertools.chain([line], lines)
    for row in _rows(reader, rows, "atoms of a structure", between="velocity"):
        columns = row.split()
        reader.positions.append([float(column) for column in columns[1:4]])
        reader.symbols.append(columns[4])
    if cell:
        reader.cell = cell


def _forces(reader: _Reader, lines: Iterator[str], head: str) -> None:
    """Forces of all atoms, numbered from 1.

    Raises:
        InputError: some are missing, or some atoms were held fixed.
    """
    if _CONSTRAINED in head:
        raise InputError(
            f"{reader.path}: forces after constraints were applied, which are no slopes of the "
            "energy; calculate these structures again without constrain_relaxation"
        )
    rows = [_floats(row) for row in _rows(reader, lines, "forces")]
    if [row[0] for row in rows] != list(range(1, reader.n_atoms + 1)):
        raise ValueError("forces that are not numbered as the atoms are")
    reader.forces = np.array(rows)[:, 1:]
    net = float(np.linalg.norm(reader.forces.sum(axis=0)))
    if _CLEANED in head and net > NET_FORCE:
        raise InputError(
            f"{reader.path}: forces whose sum FHI-aims takes away sum to {net:.3g} eV/Å: is an "
            "atom missing, or a number damaged?"
        )


def _stress(lines: Iterator[str]) -> np.ndarray:
    rows: list[list[float]] = []
    while len(rows) < 3:
        columns = next(lines).replace("|", " ").split()
        if len(columns) == 4 and columns[0] in ("x", "y", "z"):
            rows.append([float(column) for column in columns[1:]])
    return np.array(rows)
