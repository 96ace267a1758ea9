"""The supercell that a phono3py yaml states, held against the one that phono3py builds of it.

phono3py reads unit cell and supercell matrix alone; forces are given to atoms by their places in
the supercell, so another order of the atoms gives every force to another atom.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from ase import Atoms
from phono3py.interface.phono3py_yaml import Phono3pyYaml

from umklapp.crystals.phonopy_cells import from_phonopy
from umklapp.errors import InputError

DATA = "dataset:", "displacement", "forces", "phonon_d", "supercell_energies"
"""Sections of a yaml with its many numbers."""

SAME_SITES = 1e-2
"""Å; difference of two descriptions of one supercell that is rounding."""


def _without_data(lines: Iterable[str]) -> Iterator[str]:
    data = False
    for line in lines:
        if line[:1].isalpha():
            data = line.startswith(DATA)
        if not data:
            yield line


def check(plain: Path, built: Atoms, length: float, source: Path) -> None:
    """Compare the two, atom for atom; a file without a supercell passes.

    Args:
        plain: the unpacked yaml. built: the supercell in Å. length: Å in the file's unit.
        source: named in messages.

    Raises:
        InputError: they differ.
    """
    with tempfile.TemporaryDirectory() as folder, plain.open() as file:
        head = Path(folder) / "head.yaml"
        head.write_text("".join(_without_data(file)))
        content = Phono3pyYaml().read(head) if head.stat().st_size else None
    if content is None or content.supercell is None:
        return
    stated = from_phonopy(content.supercell)
    stated.set_cell(stated.cell.array * length, scale_atoms=True)
    if len(stated) == len(built) and (stated.numbers == built.numbers).all():
        apart = stated.get_scaled_positions() - built.get_scaled_positions()
        longest = np.abs((apart - np.round(apart)) @ built.cell.array).max()
        if max(longest, np.abs(stated.cell.array - built.cell.array).max()) < SAME_SITES:
            return
    raise InputError(
        f"{source}: the file's supercell is not its unit cell times its supercell matrix, or has "
        "another order of the atoms: forces would be given to the wrong atoms; write the file "
        "again with phono3py's save()"
    )
