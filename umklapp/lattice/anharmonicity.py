"""σᴬ: how much of the forces is not harmonic, frame by frame and over streams.

Knoop et al., Phys. Rev. Materials 4, 083809 (2020): F^A = F − F^(2) with F^(2) = −Φ u, and
σᴬ = sqrt(⟨F^A²⟩ / ⟨F²⟩).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import h5py
import numpy as np
from ase import Atoms
from phonopy import Phonopy
from symfc import Symfc

from umklapp.crystals import materials, sites
from umklapp.errors import InputError
from umklapp.potentials.contract import Potential

LARGEST_FIT = 0.5
"""Å; frames with larger displacements do not take part in a harmonic fit."""


@dataclass(frozen=True)
class HarmonicReference:
    """Force constants of one supercell of N atoms.

    perfect: the supercell; force_constants: (3N, 3N) eV/Å²; source: where they come from, in words.
    """

    perfect: Atoms
    force_constants: np.ndarray
    source: str

    def displacements(self, positions: np.ndarray, cells: np.ndarray | None = None) -> np.ndarray:
        """Displacements u (n, N, 3) Å from the sites, nearest image, without the common shift.

        A strained cell is mapped on the perfect one through fractional coordinates.

        Args:
            positions: (n, N, 3) Å. cells: (n, 3, 3) Å; the perfect cell if none.

        Raises:
            InputError: another number of atoms.
        """
        if positions.shape[1:] != self.perfect.positions.shape:
            raise InputError(
                f"harmonic reference of {len(self.perfect)} atoms, frames of {positions.shape[1]}"
            )
        return sites.displacements(positions, self.perfect, cells)

    def forces(self, positions: np.ndarray, cells: np.ndarray | None = None) -> np.ndarray:
        """Harmonic forces −Φ u, (n, N, 3) eV/Å; arguments as `displacements`."""
        u = self.displacements(positions, cells)
        return -(u.reshape(len(u), -1) @ self.force_constants.T).reshape(u.shape)

    def knows(self, atoms: Atoms) -> bool:
        """Whether a frame has the atoms of this supercell, in its order."""
        return len(atoms) == len(self.perfect) and bool(
            (atoms.numbers == self.perfect.numbers).all()
        )

    def write(self, path: Path) -> None:
        """Write hdf5 atomically."""
        _write(path, self, self.source)


def _write(path: Path, reference: HarmonicReference | None, source: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    with h5py.File(part, "w") as file:
        file.attrs["source"] = source
        if reference is not None:
            file["numbers"] = reference.perfect.numbers
            file["cell"] = reference.perfect.cell.array
            file["positions"] = reference.perfect.positions
            file["force_constants"] = reference.force_constants
    part.replace(path)


def write_missing(path: Path, reason: str) -> None:
    """The file of a material without harmonic reference, with the reason in words."""
    _write(path, None, reason)


def read(path: Path) -> HarmonicReference | None:
    """The reference of a file, None where the file says that there is none."""
    with h5py.File(path) as file:
        source = str(file.attrs["source"])
        if "force_constants" not in file:
            return None
        perfect = Atoms(file["numbers"][()], cell=file["cell"][()], pbc=True)
        perfect.positions = file["positions"][()]
        return HarmonicReference(perfect, file["force_constants"][()], source)


def sigma(forces: np.ndarray, harmonic: np.ndarray) -> np.ndarray:
    """Frame-resolved σᴬ = std(F − F_ha) / std(F) over all components of a frame.

    Args:
        forces, harmonic: (..., N, 3) eV/Å.

    Returns:
        (...,); NaN where the forces do not vary at all.
    """
    flat = np.reshape(forces, (*np.shape(forces)[:-2], -1))
    rest = np.reshape(forces - harmonic, flat.shape)
    size = flat.std(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(size > 0, rest.std(axis=-1) / size, np.nan)


@dataclass
class RunningSigma:
    """σᴬ of a stream that does not fit into memory, chunk by chunk."""

    anharmonic: list[float] = field(default_factory=list)
    total: list[float] = field(default_factory=list)

    def add(self, forces: np.ndarray, harmonic: np.ndarray) -> None:
        """Take a chunk of frames, both (n, N, 3) eV/Å."""
        self.anharmonic.append(float(((forces - harmonic) ** 2).sum()))
        self.total.append(float((forces**2).sum()))

    def result(self) -> tuple[float, float]:
        """σᴬ over all chunks, and its standard error from leaving out one chunk at a time.

        The error is NaN for a single chunk; chunks longer than the correlation time make it honest.
        """
        rest, size = np.array(self.anharmonic), np.array(self.total)
        value = float(np.sqrt(rest.sum() / size.sum()))
        number = len(size)
        if number < 2:
            return value, float("nan")
        left_out = np.sqrt((rest.sum() - rest) / (size.sum() - size))
        return value, float(np.sqrt((number - 1) * left_out.var()))


def of_potential(
    potential: Potential, primitive: Atoms, perfect: Atoms, displacement: float
) -> np.ndarray:
    """Force constants (3N, 3N) eV/Å² of a potential by symmetrised finite displacements (Å).

    Args:
        perfect: supercell of N atoms in phonopy's order.

    Raises:
        InputError: the supercell is not a multiple of the primitive cell, or in another order.
    """
    matrix = materials.supercell_matrix(primitive, perfect)
    phonon = Phonopy(
        materials.to_phonopy(primitive), supercell_matrix=matrix.T, primitive_matrix="P"
    )
    phonon.generate_displacements(distance=displacement)
    cells = [materials.from_phonopy(each) for each in phonon.supercells_with_displacements]
    still, *moved = potential.evaluate([materials.from_phonopy(phonon.supercell), *cells]).forces
    phonon.forces = np.array([each - still for each in moved])
    phonon.produce_force_constants()
    phonon.symmetrize_force_constants()
    return phonon.force_constants.transpose(0, 2, 1, 3).reshape((3 * len(perfect),) * 2)


def from_displaced(
    primitive: Atoms, perfect: Atoms, labels: Sequence[Atoms]
) -> HarmonicReference | None:
    """Force constants from the engine's finite displacements among the labels, if they are there.

    Args:
        labels: labelled frames; those whose `info["origin"]` ends with `displaced` are used.
    """
    mine = [
        frame
        for frame in labels
        if str(frame.info.get("origin", "")).endswith("displaced") and len(frame) == len(perfect)
    ]
    matrix = materials.supercell_matrix(primitive, perfect)
    phonon = Phonopy(
        materials.to_phonopy(primitive), supercell_matrix=matrix.T, primitive_matrix="P"
    )
    cell = materials.from_phonopy(phonon.supercell)
    if not mine or not np.allclose(cell.positions, perfect.positions, atol=1e-4):
        return None
    found: dict[int, np.ndarray] = {}
    shifts = [frame.positions - cell.positions for frame in mine]
    phonon.generate_displacements(distance=float(np.linalg.norm(shifts[0], axis=1).max()))
    for number, wanted in enumerate(phonon.supercells_with_displacements):
        for shift, frame in zip(shifts, mine, strict=True):
            if np.abs(shift - (wanted.positions - cell.positions)).max() < 1e-5:
                found[number] = frame.get_forces()
    if len(found) < len(phonon.supercells_with_displacements):
        return None
    phonon.forces = np.array([found[number] for number in sorted(found)])
    phonon.produce_force_constants()
    phonon.symmetrize_force_constants()
    constants = phonon.force_constants.transpose(0, 2, 1, 3).reshape((3 * len(cell),) * 2)
    source = f"finite displacements of the reference engine, {len(found)} cells"
    return HarmonicReference(perfect, constants, source)


def from_fit(
    perfect: Atoms, labels: Sequence[Atoms], largest: float = LARGEST_FIT
) -> HarmonicReference | None:
    """Second-order fit (symfc, crystal symmetry) to the labels with small displacements.

    Args:
        labels: labelled frames; those in the cell of `perfect`, up to a strain of
            `sites.SMALL_STRAIN` that is taken out, are used.
        largest: Å; frames with an atom farther from its site are left out.

    Returns:
        None where the frames do not determine the force constants.
    """
    same = [frame for frame in labels if sites.in_cell(frame, perfect)]
    if not same:
        return None
    shifts = sites.of_frames(same, perfect)
    small = np.linalg.norm(shifts, axis=-1).max(axis=1) < largest
    if not small.any():
        return None
    forces = np.array([frame.get_forces() for frame in same])[small]
    solver = Symfc(
        materials.to_phonopy(perfect),
        displacements=np.ascontiguousarray(shifts[small]),
        forces=np.ascontiguousarray(forces),
    )
    solver.compute_basis_set(2)
    unknown = solver.basis_set[2].basis_set.shape[1]
    if forces.size < 3 * unknown:
        return None
    solver.solve(2, is_compact_fc=False)
    constants = solver.force_constants[2].transpose(0, 2, 1, 3).reshape((3 * len(perfect),) * 2)
    fitted = HarmonicReference(perfect, constants, "")
    rest = float(np.mean(sigma(forces, fitted.forces(shifts[small] + perfect.positions))))
    source = (
        f"fit to {small.sum()} labels with displacements below {largest} Å "
        f"({unknown} free numbers, σᴬ of these frames {rest:.2f})"
    )
    return HarmonicReference(perfect, constants, source)


def build(primitive: Atoms, perfect: Atoms, labels: Sequence[Atoms]) -> HarmonicReference | None:
    """The best reference that the labels allow: finite displacements, else a fit, else none."""
    return from_displaced(primitive, perfect, labels) or from_fit(perfect, labels)
