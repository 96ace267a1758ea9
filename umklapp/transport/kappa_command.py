"""`umklapp kappa`: κ of one crystal by a foundation model, or from force sets that exist."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pandas as pd
from ase import Atoms

from umklapp import config
from umklapp.crystals import materials, phonopy_cells, supercells, symmetry
from umklapp.crystals.formats import force_sets
from umklapp.errors import InputError
from umklapp.lattice import born
from umklapp.lattice.born_record import BornRecord
from umklapp.potentials import foundation
from umklapp.potentials.foundation import FoundationPotential
from umklapp.transport import baseline, force_set_kappa
from umklapp.transport.baseline_record import Baseline, BaselineAtLattice
from umklapp.wording import counted, nearest

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Crystal:
    """A crystal that was named: key, primitive cell, and where its lattice is from."""

    key: str
    primitive: Atoms
    lattice: str


def model_of(model: str | None, calculator: str | None) -> config.FoundationModel:
    """The section of the configuration that the options of the command stand for.

    Args:
        model: file of weights of nequix, or a published name; calculator: `module:Class`.

    Raises:
        InputError: it is neither.
    """
    if calculator is not None:
        return config.CalculatorModel(calculator=calculator)
    if model is None:
        return config.NequixModel()
    plain = {"path": model} if Path(model).suffix or Path(model).exists() else {"name": model}
    try:
        return config.NequixModel.model_validate(plain)
    except ValueError:
        raise InputError(
            f"--model {model}: neither a file of weights nor a name of nequix (docs/foundation.md)"
        ) from None


def crystal_of(text: str, table: Path) -> Crystal:
    """A structure file, or a key of the table of materials.

    Raises:
        InputError: neither; near keys are named.
    """
    path = Path(text)
    if path.is_file():
        atoms = materials.read_structure(path)
        primitive = symmetry.primitive_cell(atoms)
        key = materials.key_of(primitive, materials.read_table(table))
        return Crystal(key, primitive, f"of {path.name}")
    rows = materials.read_table(table)
    if text not in rows.index:
        raise InputError(
            f"{text}: no such file, and {table} has no such material{nearest(text, rows.index)}"
        )
    row = cast(pd.Series, rows.loc[text])
    primitive = materials.build_primitive(row, table.parent / "structures")
    return Crystal(text, primitive, "of the table")


def run(
    crystal: str,
    model: str | None = None,
    calculator: str | None = None,
    atoms: int = 64,
    mesh: int = 11,
    born_file: Path | None = None,
    own_lattice: bool = True,
    out: Path | None = None,
) -> str:
    """κ(300 K), σᴬ and stability at the given lattice and at the model's own, as text.

    Args:
        crystal: structure file, key of the table, or a yaml of phono3py with force sets, of which
            only mesh and out are asked then. atoms: of the supercell, about. mesh: points
            along each reciprocal vector. born_file: Born charges; none: those of the table, by key.
        out: file for the whole record (baseline.json).

    Raises:
        InputError: crystal, model, environment, elements or numbers; named with their remedy.
    """
    for name, value in (("mesh", mesh), ("atoms", atoms)):
        if value < 1:
            raise InputError(f"--{name} {value}: at least 1")
    if force_sets.is_params(Path(crystal)):
        if model or calculator or born_file:
            raise InputError(f"{crystal} has forces and Born charges of its own: give it alone")
        return force_set_kappa.run(Path(crystal), mesh, out)
    table = ROOT / "config" / "materials.csv"
    chosen, section = crystal_of(crystal, table), model_of(model, calculator)
    foundation.check(section, chosen.primitive.get_chemical_symbols(), "--")
    problems = foundation.try_out(section, {chosen.key: chosen.primitive}, "--")
    if problems:
        raise InputError("\n".join(problems))
    matrix = supercells.nearly_cubic(chosen.primitive, atoms, window=supercells.WINDOW)
    phonons = config.Phonons(born=born_file or "auto")
    reference = config.FoundationReference(model=section)
    source = born.source(
        phonons, reference, table.parent / "structures", None, chosen.key, chosen.primitive
    )
    with tempfile.TemporaryDirectory() as scratch:
        charges = born.make(source, chosen.primitive, chosen.key, reference, Path(scratch))
        record = baseline.compute(
            chosen.key,
            FoundationPotential(section),
            (chosen.primitive, phonopy_cells.supercell(chosen.primitive, matrix)),
            charges,
            baseline.Request(
                config.Foundation(model=section, own_lattice=own_lattice),
                phonons,
                config.Conductivity(mesh=[mesh] * 3),
            ),
            Path(scratch),
            chosen.lattice,
        )
    if out is not None:
        record.write(out)
    return text(record, charges)


def text(record: Baseline, charges: BornRecord) -> str:
    """What a user reads."""
    own = record.model
    lines = [
        f"{record.material} by {own.words}, {own.source}, licence {own.licence}; no DFT",
        *_at(record.given),
        *(_at(record.own) if record.own else []),
        *([f"  {record.own_missing}"] if record.own_missing else []),
        f"  {record.given.kappa.method}; {'×'.join(map(str, record.mesh))} q-points; "
        f"{charges.words}",
    ]
    return "\n".join(lines)


def _at(result: BaselineAtLattice) -> list[str]:
    lengths = ", ".join(f"{length:.3f}" for length in result.lattice_A)
    stable = "stable" if result.stable else "NOT STABLE"
    return [
        f"  lattice {result.lattice} ({lengths} Å): {result.words}",
        f"    frequencies from {result.lowest_frequency_THz:.2f} to "
        f"{result.highest_frequency_THz:.2f} THz, {stable}; {counted(result.frames, 'cell')} of "
        f"{result.supercell_atoms} atoms, {result.seconds:.0f} s",
    ]
