"""The overview of all materials, docs/materials.md: `umklapp catalogue`."""

from __future__ import annotations

import logging
from pathlib import Path

import pandas as pd

from umklapp.crystals import materials, prototypes, sites, supercells

log = logging.getLogger(__name__)

TABLE, STRUCTURES = Path("config/materials.csv"), Path("config/structures")
TARGET = Path("docs/materials.md")

HEAD = """# Materials

`make docs` (`umklapp catalogue`) generates this page from `config/materials.csv` and
`config/structures/`. Do not edit it by hand.

The table has {rows} materials; the lattice parameters of {estimates} of them are estimates. The
reference engine relaxes every structure before anything is computed, so the structures listed here
are starting points, not results. The last column says where each comes from.

## Where a structure comes from

The workflow takes the first of these sources that exists for a row of the table:

1. `config/structures/{{key}}.cif`, `.vasp` (POSCAR) or `.extxyz` is your own file. Files with few
   digits are symmetrised with the smallest tolerance of 1e-4, 1e-3 and 1e-2 Å that gives the space
   group of the table. What a cif says twice must agree: sites, symmetry, volume, and everything on
   its composition (formulas, Z, weight, density, atom types, multiplicities). Nothing can tell that
   a cif without any of these lacks an atom. Sites without type symbols are read by their labels;
   `CA1` is Ca or C as the formula says, else the file is refused.
2. If `prototype` is `mp-…`, the workflow takes that entry of the Materials Project. It reads your
   key from the environment variable `MP_API_KEY`, downloads the entry once into
   `materials.downloads` before the first job, and lets all jobs read this copy. Without a network,
   put the answer of the server there yourself. `MP_API_ENDPOINT` names another server.
3. Otherwise `prototype` names an entry of `prototypes.yaml` (space group, Wyckoff sites), and
   `lattices.yaml` has the lattice parameters of the material with their source.

Before the first job the workflow compares space group, composition and number of atoms of every
selected material with the table. When an entry of the table or the libraries, or your own file,
changes, the workflow runs that material again and no other.

## Cells

- Primitive cells are in spglib's standard orientation; the workflow rotates a structure from a file
  into it. The rows of supercell matrices are in units of these primitive vectors.
- `materials.cells` names a file from which the workflow takes the cells, without building or
  relaxing them. From a phono3py params file it takes the cells as they are. From a trajectory it
  takes the mean cell and the mean positions, symmetrised. Use this key when you give dynamics in a
  cell that somebody else has relaxed.
- *Registration* maps labelled frames in the sampling supercell onto its sites: given seeds, NOMAD
  data, look-up tables and `verdict.reference`. It tries all rotations of the lattice (proper and
  improper), all translations and all orders of atoms, and rotates forces and stresses along. It
  uses the mean positions of a whole file, so thermal motion and single hops do not mislead it; a
  part of the file with another order of atoms is mapped separately. The log states how far the
  atoms lie from their sites, the largest strain, and how many frames were changed. Frames that are
  in the right setting already stay unchanged, bit for bit.
- A frame is an error if its atoms lie on average more than 0.25 bond lengths from the sites: then
  it is of another structure, or molten. The message names file, frame and distance. Leave such
  frames out (`skip`, `every`), or correct the structure of the material. A frame may be strained by
  up to 5 %: it keeps its strain and its labels, and the strain does not count as displacement. σᴬ
  is computed only from frames with at most 1 % strain. Frames in other cells are used for training,
  and not for σᴬ.
- It is an error if σᴬ exceeds 2 in frames that must be quiet (displaced cells, the start of ab
  initio MD, the quieter quarter of a given trajectory): then the forces do not belong to the
  positions. Where the engine has labelled no displaced cells, force constants in a FHI-vibes `.nc`
  among the seeds or in `verdict.reference` are the harmonic reference.
- `materials.sampling_supercell` and `phonon_supercell` take a matrix, `published`, `{{atoms: n}}`,
  or a mapping of keys to these with a `default`. `published` is the number of atoms in the column
  `n_supercell` of the table. The publication gives no matrices, so umklapp chooses them: compact
  (the shortest distance between images is at least 0.8 times the cube root of the volume), and with
  the full point group of the crystal where a cell of that size has it. `{{atoms: n}}` may deviate
  from n by a fifth to keep the point group. No cubic cell has 198 (fluorite) or 162 atoms
  (half-Heusler), so these published sizes have fewer symmetries and need more displaced cells.
- The workflow chooses the matrix before the relaxation and writes it to `structure.json`.
- The relaxation keeps the space group. The relaxed cell can still get another one, for example a
  higher one, or by noise of the engine. Then `materials.symmetry: keep` stops the material, and
  `report` continues and notes it in the log and in `structure.json` (`relaxation.symmetry`).
- If the relaxation changes the volume by more than 10 %, the log says so; above 30 % it is an
  error. The usual cause is a plane-wave cutoff that is too low for the stress.
- Masses are those of natural isotopes. The workflow refuses files with other masses, magnetic
  moments or charges (docs/trust.md).

## All rows

*supercell* is the published number of atoms, *matrix* the matrix that `published` chooses, *kept*
the number of the crystal's rotations that this cell keeps, and *shortest* the shortest distance (Å)
in the starting structure. phonondb ph20180417 is A. Togo's phonon database (VASP, PBEsol, relaxed;
CC BY 4.0), cited by Materials Project id. Petousis 2017 is Sci. Data 4, 160134; de Jong 2015 is
Sci. Data 2, 150053.

| key | prototype | space group | atoms | supercell | matrix | kept | shortest | source |
|---|---|---|---|---|---|---|---|---|
"""


def _line(row: pd.Series) -> str:
    made_of = prototypes.recipe(row, STRUCTURES)
    primitive = materials.build_primitive(row, STRUCTURES)
    size = materials.published_size(row)
    distance, pair = sites.closest_pair(primitive)
    matrix, share = "", ""
    if size is not None:
        rows = supercells.nearly_cubic(primitive, size)
        matrix = str(rows)
        kept, of = supercells.symmetry(rows, primitive)
        share = f"{kept} of {of}"
    estimate = "**estimate**: " if made_of.get("estimate") else ""
    cells = (
        *(row["material"], row["prototype"], row["space_group"], len(primitive)),
        *(size or "—", matrix, share, f"{distance:.2f} {'–'.join(pair)}"),
        f"{estimate}{made_of['source']}",
    )
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def catalogue() -> str:
    """The whole page as markdown.

    Raises:
        InputError: a row cannot be built.
    """
    table = materials.read_table(TABLE)
    made_of = [prototypes.recipe(row, STRUCTURES) for _, row in table.iterrows()]
    estimates = sum(bool(recipe.get("estimate")) for recipe in made_of)
    head = HEAD.format(rows=len(table), estimates=estimates)
    return head + "\n".join(_line(row) for _, row in table.iterrows()) + "\n"


def run() -> None:
    """Write the page.

    Raises:
        InputError: a row cannot be built.
    """
    TARGET.write_text(catalogue())
    log.info(f"wrote {TARGET}")
