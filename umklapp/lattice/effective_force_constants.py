"""Effective second- and third-order force constants of a temperature: a fit to frames of a run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from phono3py import Phono3py

from umklapp.crystals import frames, sites
from umklapp.crystals.phonopy_cells import from_phonopy
from umklapp.errors import InputError
from umklapp.lattice import force_constants, sigma_a

MOST_LEFT_OUT = 0.5
"""Share of frames with an atom away from its site beyond which these are not the right sites."""


@dataclass(frozen=True)
class Effective:
    """What effective force constants were fitted to.

    frames: their number; left_out: others, in which an atom has left its site; unknowns: about how
    many numbers were fitted; largest: displacement (Å); shift: largest distance of a mean position
    from its site (Å); anharmonic: share of the forces that the effective harmonic part leaves, as
    σᴬ.
    """

    frames: int
    left_out: int
    unknowns: int
    largest: float
    shift: float
    anharmonic: float


def fit(
    phonon: Phono3py,
    labelled: Sequence[Atoms],
    mean_positions: bool = False,
    cutoff: float | None = None,
) -> Effective:
    """Fill `phonon` with the fc2 and fc3 that describe the forces of a run best.

    They depend on the temperature of the run: the even orders that the fit leaves out go into fc2,
    the odd ones into fc3.

    Args:
        phonon: of the supercell of the run, without a phonon supercell of its own.
        labelled: frames with forces at one temperature, in the order of `phonon.supercell`. They
            count as independent: closer than a correlation time they say little more than one.
            Those in which an atom has left its site are left out.
        mean_positions: displacements from the mean positions of the frames, and without the mean
            forces there; for crystals whose sites are not fixed by symmetry.
        cutoff: of the pairs of fc3 (Å).

    Raises:
        InputError: no frames, other cells or species, no forces, an atom that has left its site in
            most frames, fewer equations than unknowns, or a phonon supercell of its own.
    """
    if phonon.phonon_supercell_matrix is not None:
        raise InputError(
            "effective force constants come from one supercell: leave out phonons.force_constants"
        )
    perfect = from_phonopy(phonon.supercell)
    for frame_index, frame in enumerate(labelled):
        _check_frame(frame, perfect, f"effective force constants: frame {frame_index}")
    used, u = _at_sites(labelled, perfect)
    size = force_constants.unknowns(phonon, cutoff)
    if 3 * len(perfect) * len(used) < size:
        raise InputError(
            f"effective force constants: {len(used)} frames of {len(perfect)} atoms do not "
            f"determine about {size} parameters; the fit needs at least "
            f"{math.ceil(size / (3 * len(perfect)))} frames, and several times as many against "
            "noise. Give more frames, or a cutoff"
        )
    forces = np.array([frame.get_forces() for frame in used])
    forces -= forces.mean(axis=1, keepdims=True)
    mean = u.mean(axis=0)
    if mean_positions:
        u, forces = u - mean, forces - forces.mean(axis=0)
    phonon.dataset = {"displacements": u, "forces": forces}
    force_constants.fit(phonon, cutoff)
    harmonic = -np.einsum("ijab,njb->nia", force_constants.full_fc2(phonon), u)
    return Effective(
        len(used),
        len(labelled) - len(used),
        size,
        float(np.linalg.norm(u, axis=2).max()),
        float(np.linalg.norm(mean, axis=1).max()),
        float(sigma_a.sigma(forces.ravel()[:, None], harmonic.ravel()[:, None])),
    )


def _check_frame(frame: Atoms, perfect: Atoms, where: str) -> None:
    if len(frame) != len(perfect) or (frame.numbers != perfect.numbers).any():
        raise InputError(
            f"{where}: {frame.symbols} is not the supercell {perfect.symbols}; "
            f"umklapp.crystals.registration.register puts atoms of other programs into its order"
        )
    if not sites.in_cell(frame, perfect, sites.SAME_CELL):
        lengths = [
            ", ".join(f"{x:.3f}" for x in atoms.cell.lengths()) for atoms in (frame, perfect)
        ]
        raise InputError(
            f"{where}: the cell ({lengths[0]} Å) is not that of the supercell ({lengths[1]} Å); "
            f"take frames of one volume, and a supercell with that volume"
        )
    frames.check(frame, where)


def _at_sites(labelled: Sequence[Atoms], perfect: Atoms) -> tuple[list[Atoms], np.ndarray]:
    """Frames in which every atom is at its site, and their displacements (n, N, 3) Å."""
    u = sites.of_frames(labelled, perfect)
    away = sites.hopped(u, perfect)
    if away.sum() > MOST_LEFT_OUT * len(away):
        raise InputError(
            f"effective force constants: in {away.sum()} of {len(labelled)} frames an atom is "
            "farther from its site than half the distance of neighbours; either the atoms are in "
            "another order (registration.register), or the crystal of these frames is another one"
        )
    return [frame for frame, left in zip(labelled, away, strict=True) if not left], u[~away]
