"""`umklapp new CRYSTAL.cif`: a commented campaign for a crystal, its numbers by stated rules.

Written are a configuration, a table with one row, and the structure file under its key. Nothing is
copied from another campaign: cells, cutoffs and meshes follow from the crystal by the rules below,
and stand in the configuration with the reason beside them.
"""

from __future__ import annotations

import logging
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml
from ase import Atoms
from ase.formula import Formula
from ase.geometry import minkowski_reduce
from ase.neighborlist import neighbor_list
from jinja2 import Environment, PackageLoader, StrictUndefined

from umklapp.config import Matrix, load
from umklapp.config.verdict import Verdict
from umklapp.crystals import born_charges, materials, phonopy_cells, supercells, symmetry
from umklapp.errors import InputError
from umklapp.reference.kpoints import kpoint_mesh
from umklapp.wording import workflow_command

log = logging.getLogger(__name__)

IMAGES = 10.5
"""Å between an atom and its images in both cells: twice a cutoff of 5 Å, and some more."""

PHONON_ATOMS = 128
"""Atoms of the phonon cell at least, where that costs not too much: `green_kubo.least_atoms`."""

SIZES = (64, 80, 100, 125, 160, 200, 250)
"""Atoms of the cells that are tried, each a fifth less or more for the sake of symmetry."""

MOST_GROWTH = 1.7
"""How much larger a cell may be than the smallest that is large enough, to keep all rotations."""

MOST_ATOMS = 260
"""Atoms of a cell at most; a plane-wave code labels a cell of this size in some core hours."""

NEIGHBOURS, LEAST_CUTOFF, MOST_CUTOFF = 18, 5.0, 6.5
"""The network sees at least two shells of a close packing, and so far in Å at least and at most."""

KPOINTS = 2.0
"""k-points per Å⁻¹ of reciprocal vector (2π included): for insulators and semiconductors."""

HARD = {"H", "N", "O", "F", "Ti", "V", "Cr", "Mn", "Fe", "Co", "Ni", "Cu", "Zn"}
"""Elements whose valence orbitals are compact: plane waves need more."""

HARD_CUTOFF, SOFT_CUTOFF = 700.0, 500.0
"""Plane-wave cutoffs in eV with and without such elements; a start, to be converged."""


@dataclass(frozen=True)
class Choices:
    """What the rules give for one crystal: lengths in Å, energies in eV.

    sampling, phonon: integer rows in primitive vectors; images: shortest distance between periodic
    images of each; kpoints: mesh of the primitive, the sampling and the phonon cell.
    """

    key: str
    formula: str
    space_group: int
    primitive: Atoms
    sampling: Matrix
    phonon: Matrix
    images: tuple[float, float]
    cutoff: float
    neighbours: int
    plane_waves: float
    hard: tuple[str, ...]
    kpoints: tuple[tuple[int, int, int], ...]
    polar: bool

    @property
    def atoms(self) -> tuple[int, int]:
        """Of the sampling and the phonon cell."""
        return _size(self.sampling, self.primitive), _size(self.phonon, self.primitive)

    @property
    def rotations(self) -> tuple[str, str]:
        """How many of the crystal's rotations each cell keeps, in words."""
        first, second = (
            "{} of {}".format(*supercells.symmetry(matrix, self.primitive))
            for matrix in (self.sampling, self.phonon)
        )
        return first, second


def choose(structure: Atoms, name: str) -> Choices:
    """Everything that follows from the crystal.

    Args:
        structure: any cell of it. name: of its file, for messages.

    Raises:
        InputError: no crystal, no space group, or a primitive cell that is too large.
    """
    primitive, group = _primitive(structure, name)
    formula = Formula(materials.composition(primitive)).format("metal")
    sampling = _cell(primitive, Verdict.model_fields["sigma_atoms"].default, IMAGES)
    phonon = _cell(primitive, PHONON_ATOMS, IMAGES)
    cells = [phonopy_cells.supercell(primitive, matrix) for matrix in (sampling, phonon)]
    images = tuple(_images(cell) for cell in cells)
    cutoff, neighbours = _network_cutoff(primitive)
    hard = tuple(sorted(set(primitive.get_chemical_symbols()) & HARD))
    return Choices(
        key=f"{formula}-{group}",
        formula=formula,
        space_group=group,
        primitive=primitive,
        sampling=sampling,
        phonon=phonon,
        images=(images[0], images[1]),
        cutoff=cutoff,
        neighbours=neighbours,
        plane_waves=HARD_CUTOFF if hard else SOFT_CUTOFF,
        hard=hard,
        kpoints=tuple(kpoint_mesh(cell.cell, KPOINTS) for cell in (primitive, *cells)),
        polar=born_charges.is_polar(primitive),
    )


def _primitive(structure: Atoms, name: str) -> tuple[Atoms, int]:
    for tolerance in symmetry.TOLERANCES:
        try:
            primitive = symmetry.primitive_cell(structure, tolerance)
        except InputError as error:
            raise InputError(f"{name}: {error}") from None
        group = symmetry.space_group(primitive)
        if group > 1:
            break
    else:
        log.warning(
            "%s: no symmetry (space group 1), %d atoms in the primitive cell: is it a frame of "
            "dynamics, or not relaxed? Give the perfect crystal",
            *(name, len(primitive)),
        )
    if len(primitive) > MOST_ATOMS // 2:
        raise InputError(
            f"{name}: its primitive cell has {len(primitive)} atoms; supercells of it are beyond "
            "what this workflow labels"
        )
    return primitive, group


def _cell(primitive: Atoms, least_atoms: int, images: float) -> Matrix:
    """A nearly cubic cell with so many atoms and images so far apart (Å).

    The smallest that keeps all rotations of the crystal; where none of `SIZES` does, the smallest
    that keeps some; where none is large enough, the largest.
    """
    enough: list[Matrix] = []
    matrix = supercells.nearly_cubic(primitive, len(primitive))
    for atoms in SIZES:
        if enough and atoms > MOST_GROWTH * _size(enough[0], primitive):
            break
        larger = supercells.nearly_cubic(primitive, atoms, supercells.WINDOW)
        if _size(larger, primitive) > MOST_ATOMS:
            break
        matrix = larger
        far = _images(phonopy_cells.supercell(primitive, matrix)) >= images
        if _size(matrix, primitive) >= least_atoms and far:
            enough.append(matrix)
            kept, of = supercells.symmetry(matrix, primitive)
            if kept == of:
                return matrix
    return enough[0] if enough else matrix


def _size(matrix: Matrix, primitive: Atoms) -> int:
    """Atoms of a supercell."""
    return round(abs(np.linalg.det(matrix))) * len(primitive)


def _images(cell: Atoms) -> float:
    """Shortest distance between an atom and its periodic image, Å."""
    reduced, _ = minkowski_reduce(cell.cell.array)
    return float(np.linalg.norm(reduced, axis=1).min())


def _network_cutoff(primitive: Atoms) -> tuple[float, int]:
    """The cutoff (Å) within which every atom has `NEIGHBOURS`, and how many the poorest has."""
    for cutoff in np.arange(LEAST_CUTOFF, MOST_CUTOFF + 0.01, 0.25):
        places = neighbor_list("i", primitive, float(cutoff))
        fewest = int(np.bincount(places, minlength=len(primitive)).min())
        if fewest >= NEIGHBOURS:
            break
    return float(cutoff), fewest


def configuration(choices: Choices, folder: Path) -> str:
    """The commented yaml of a campaign in `folder`."""
    environment = Environment(
        loader=PackageLoader("umklapp.campaign"),
        undefined=StrictUndefined,
        trim_blocks=True,
        autoescape=False,
    )
    return environment.get_template("campaign.yaml.j2").render(
        c=choices,
        table=_scalar(folder / "materials.csv"),
        structures=_scalar(folder / "structures"),
        images=IMAGES,
        phonon_atoms=PHONON_ATOMS,
        most_atoms=MOST_ATOMS,
        least_neighbours=NEIGHBOURS,
        kpoint_density=KPOINTS,
    )


def _scalar(path: Path) -> str:
    """A path as yaml writes it: in quotes where a character has a meaning in yaml."""
    return yaml.safe_dump(str(path), allow_unicode=True, width=1000).splitlines()[0]


TABLE_HEAD = "material,formula,space_group,prototype,n_primitive"


def write(crystal: Path, folder: Path | None = None) -> str:
    """Write the campaign of a structure file, and say what to type next.

    Args:
        crystal: cif, POSCAR or extxyz. folder: of the campaign; default: named after its key.

    Raises:
        InputError: the file is no crystal, or the folder has a campaign already.
    """
    if crystal.suffix not in materials.SUFFIXES:
        raise InputError(
            f"{crystal}: {', '.join(materials.SUFFIXES)} are read; give a POSCAR the ending .vasp"
        )
    choices = choose(materials.read_structure(crystal), str(crystal))
    target = Path("campaigns") / choices.key if folder is None else folder
    config = target / f"{choices.key}.yaml"
    if config.exists():
        raise InputError(f"{config} exists already: give another folder, or remove it")
    structures = target / "structures"
    structures.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(crystal, structures / f"{choices.key}{crystal.suffix}")
    row = f"{choices.key},{choices.formula},{choices.space_group},own file,{len(choices.primitive)}"
    (target / "materials.csv").write_text(f"{TABLE_HEAD}\n{row}\n")
    config.write_text(configuration(choices, target) + "\n")
    load(config)
    first, second = choices.atoms
    return (
        f"{config}: {choices.key}, sampling cell {first} atoms, phonon cell {second} atoms\n"
        "Read the comments in this file, above all those marked CHECK. Then type\n"
        f"  umklapp check {shlex.quote(str(config))}\n"
        f"  {workflow_command(config, '--cores 4')}"
    )
