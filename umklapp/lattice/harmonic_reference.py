"""The harmonic crystal that σᴬ is measured against: force constants of one supercell, F = −Φ u."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import h5py
import numpy as np
from ase import Atoms
from symfc import Symfc

from umklapp import hdf5
from umklapp.crystals import phonopy_cells, registration, sites
from umklapp.crystals.force_constant_arrays import as_matrix
from umklapp.crystals.formats import vibes_netcdf
from umklapp.crystals.frame_info import FrameInfo, Origin
from umklapp.errors import InputError
from umklapp.lattice.sigma_a import sigma
from umklapp.potentials.contract import Potential

SAME_DISPLACEMENT = 1e-5
"""Å; what files leave of a displacement."""

LARGEST_FIT = 0.5
"""Å; frames with larger displacements do not take part in a harmonic fit."""

LARGEST_QUIET = 2.0
"""σᴬ of quiet frames above which forces and displacements do not belong together."""

START = 10
"""Frames at the start of ab initio MD that are quiet."""


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
    with hdf5.writing(path) as file:
        file.attrs["source"] = source
        if reference is not None:
            file["numbers"] = reference.perfect.numbers
            file["cell"] = reference.perfect.cell.array
            file["positions"] = reference.perfect.positions
            file["force_constants"] = reference.force_constants


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


def of_potential(
    potential: Potential, primitive: Atoms, perfect: Atoms, displacement: float
) -> np.ndarray:
    """Force constants (3N, 3N) eV/Å² of a potential by symmetrised finite displacements (Å).

    Args:
        perfect: supercell of N atoms in phonopy's order.

    Raises:
        InputError: the supercell is not a multiple of the primitive cell, or in another order.
    """
    phonon = phonopy_cells.harmonic_calculation(primitive, perfect)
    phonon.generate_displacements(distance=displacement)
    cells = [phonopy_cells.from_phonopy(cell) for cell in phonon.supercells_with_displacements]
    still, *moved = potential.evaluate(
        [phonopy_cells.from_phonopy(phonon.supercell), *cells]
    ).forces
    phonon.forces = np.array([forces - still for forces in moved])
    phonon.produce_force_constants()
    phonon.symmetrize_force_constants()
    return as_matrix(phonon.force_constants)


def from_displaced(
    primitive: Atoms, perfect: Atoms, displaced: Sequence[Atoms]
) -> HarmonicReference | str:
    """Force constants from finite displacements that the engine labelled, or why there are none.

    Args:
        displaced: labelled cells of `perfect` with one atom displaced, all by the same length.

    Returns:
        The reference; or a reason in words where the cells are not the whole set that the crystal's
        symmetry asks for.
    """
    cells = [frame for frame in displaced if len(frame) == len(perfect)]
    if not cells:
        return "no cells with finite displacements in the sampling supercell"
    phonon = phonopy_cells.harmonic_calculation(primitive, perfect)
    shifts = sites.nearest_image(
        np.array([frame.positions for frame in cells]) - perfect.positions, perfect.cell.array
    )
    distance = float(np.linalg.norm(shifts, axis=2).max())
    if distance < SAME_DISPLACEMENT:
        return "no atom is displaced in the cells of the harmonic seed"
    phonon.generate_displacements(distance=distance)
    wanted = [
        phonopy_cells.from_phonopy(cell).positions - perfect.positions
        for cell in phonon.supercells_with_displacements
    ]
    labelled = []
    for shift in wanted:
        same = np.abs(shifts - shift).max(axis=(1, 2)) < SAME_DISPLACEMENT
        labelled += [cells[np.argmax(same)].get_forces()] if same.any() else []
    if len(labelled) < len(wanted):
        return (
            f"only {len(labelled)} of the {len(wanted)} finite displacements that the symmetry "
            "asks for are labelled"
        )
    phonon.forces = np.array(labelled)
    phonon.produce_force_constants()
    phonon.symmetrize_force_constants()
    source = f"finite displacements of the reference engine, {len(labelled)} cells"
    return HarmonicReference(perfect, as_matrix(phonon.force_constants), source)


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
        phonopy_cells.to_phonopy(perfect),
        displacements=np.ascontiguousarray(shifts[small]),
        forces=np.ascontiguousarray(forces),
    )
    solver.compute_basis_set(2)
    unknown = solver.basis_set[2].basis_set.shape[1]
    if forces.size < 3 * unknown:
        return None
    solver.solve(2, is_compact_fc=False)
    constants = as_matrix(solver.force_constants[2])
    fitted = HarmonicReference(perfect, constants, "")
    rest = float(np.nanmean(sigma(forces, fitted.forces(shifts[small] + perfect.positions))))
    source = (
        f"fit to {small.sum()} labels with displacements below {largest} Å "
        f"({unknown} free parameters, σᴬ of these frames {rest:.2f})"
    )
    return HarmonicReference(perfect, constants, source)


def from_vibes(perfect: Atoms, paths: Sequence[Path]) -> HarmonicReference | None:
    """Force constants that a netCDF file of FHI-vibes holds, laid on our sites.

    Φ' = Q Φ Qᵀ for every pair of sites, as forces and displacements turn (`registration`).

    Args:
        paths: .nc files; the first whose supercell is `perfect` in any setting counts.

    Raises:
        InputError: a file cannot be read, or its supercell is of another structure.
    """
    for path in paths:
        held = vibes_netcdf.force_constants(path)
        setting = held and registration.setting_of(held[0], perfect, f"{path}: reference positions")
        if held is None or setting is None:
            continue
        strain = float(np.abs(setting.strain(held[0], perfect)).max())
        if strain > sites.SMALL_STRAIN:
            continue
        rotation, n = setting.turn(held[0], perfect)[1], len(perfect)
        pairs = held[1].reshape(n, 3, n, 3)[setting.order][:, :, setting.order]
        turned = np.einsum("ab,ibjc,dc->iajd", rotation, pairs, rotation)
        source = f"force constants in {path} (strain {strain:.1e})"
        return HarmonicReference(perfect, turned.reshape(3 * n, 3 * n), source)
    return None


def build(
    primitive: Atoms,
    perfect: Atoms,
    displaced: Sequence[Atoms],
    labels: Sequence[Atoms],
    files: Sequence[Path] = (),
) -> HarmonicReference | None:
    """The best reference: finite displacements, else those of files, else a fit, else none.

    What stands in for displaced cells that were paid for says so in its `source`.

    Args:
        displaced: labelled cells with finite displacements. labels: other labelled frames.
        files: .nc files of FHI-vibes that may hold force constants.
    """
    exact = from_displaced(primitive, perfect, displaced)
    if isinstance(exact, HarmonicReference):
        return exact
    other = from_vibes(perfect, files) or from_fit(perfect, [*displaced, *labels])
    if other is None or not displaced:
        return other
    return replace(other, source=f"{other.source}; in place of finite displacements: {exact}")


def check_quiet(reference: HarmonicReference, labels: Sequence[Atoms]) -> None:
    """Refuse seeds that are called quiet and are not: σᴬ above `LARGEST_QUIET`.

    Quiet are thermally and finitely displaced cells, the first `START` frames of ab initio MD, and
    the quieter quarter of a trajectory that the user gave.

    Raises:
        InputError: naming seed, σᴬ and remedy.
    """
    series: dict[Origin, list[tuple[float, float]]] = {}
    for frame in labels:
        info = FrameInfo.of(frame)
        if info.origin is not None and sites.in_cell(frame, reference.perfect):
            harmonic = reference.forces(frame.positions[None], frame.cell.array[None])[0]
            value = float(sigma(frame.get_forces(), harmonic))
            series.setdefault(info.origin, []).append((info.time or 0.0, value))
    for origin, rows in series.items():
        values = np.array([value for _, value in sorted(rows)])
        values = values[:START] if origin.kind == "aimd" else values
        share = {"harmonic": 0.5, "displaced": 0.5, "aimd": 0.5, "frames": 0.25, "nomad": 0.25}
        if origin.kind not in share or np.isnan(values).all():
            continue
        quiet = float(np.nanquantile(values, share[origin.kind]))
        if quiet > LARGEST_QUIET:
            raise InputError(
                f"seed {origin}: σᴬ is {quiet:.1f} in frames that should be quiet (harmonic "
                f"crystals have 0, melts about 1): its forces are not those of displacements from "
                f"the sites ({reference.source}). Are they forces of this crystal, in eV/Å, and "
                "is the seed of the structure in structure/sampling.extxyz?"
            )
