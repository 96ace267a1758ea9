"""structure.json: what the cells of a material are, and where they come from."""

from __future__ import annotations

from typing import Any

from umklapp.records import Part, Record


class SymmetryChange(Part):
    """Space groups before and after a relaxation.

    kept: same space group and number of atoms. before, after: at `SYMPREC` of
    `crystals.symmetry`. within_A: the smallest of the tolerances at which the old one is found in
    the new cell (None where it is not). atoms: of the cell. text: for people.
    """

    kept: bool
    before: int
    after: int
    within_A: float | None
    atoms: int
    text: str


class Relaxation(Part):
    """Largest force and stress that a relaxation left, its steps, relative change of the volume."""

    force_eV_per_A: float
    stress_eV_per_A3: float
    steps: int
    volume_change: float
    symmetry: SymmetryChange


class StructureRecord(Record):
    """structure.json.

    file and sha256, or materials_project, or lattice (Å, and fractions of the cell) and species:
    what the cell was built of (`prototypes.recipe`). source: where these are from. estimate:
    whether the numbers are guesses. relaxation: None where there was none.
    sampling_supercell, phonon_supercell: rows of new lattice vectors in primitive ones, None where
    the cells are the user's own. lattice_A, angles_degree, volume_A3_per_atom: of the primitive
    cell. atoms: of each cell. settings_hash: of the materials section.
    """

    material: str
    source: str
    space_group: int
    lattice_A: list[float]
    angles_degree: list[float]
    volume_A3_per_atom: float
    atoms: dict[str, int]
    settings_hash: str
    file: str | None = None
    sha256: str | None = None
    materials_project: str | None = None
    lattice: dict[str, Any] | None = None
    species: dict[str, str] | None = None
    estimate: bool | None = None
    relaxation: Relaxation | None = None
    sampling_supercell: list[list[int]] | None = None
    phonon_supercell: list[list[int]] | None = None
