"""`umklapp kappa phono3py_params.yaml`: κ from force sets that exist, without any potential."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from phono3py import Phono3py

from umklapp import config
from umklapp.crystals import materials
from umklapp.crystals.formats.displaced_cells import check_forces, pair_displacements
from umklapp.crystals.formats.force_sets import load_params
from umklapp.crystals.phonopy_cells import from_phonopy
from umklapp.errors import InputError
from umklapp.lattice import force_constants
from umklapp.records import Record
from umklapp.transport import bte
from umklapp.transport.kappa_records import ROOM, KappaNumbers
from umklapp.wording import counted


class ForceSetKappa(Record):
    """κ of force sets, what `umklapp kappa PARAMS --out` writes.

    material: key of the crystal; frames, atoms: displaced supercells behind fc3 and their size;
    fitted: how fc3 was made, in words; equations: force components per number that the fit has to
    find, None for finite differences; born: whether the file, or BORN beside it, has Born charges.
    """

    material: str
    frames: int
    atoms: int
    fitted: str
    equations: float | None
    born: bool
    mesh: list[int]
    kappa: KappaNumbers


def solve(path: Path, mesh: int) -> ForceSetKappa:
    """κ(300 K) of the forces in a file of phono3py, relaxation-time approximation.

    fc3 comes from pairs of displacements by finite differences, from random displacements by
    symfc's least squares; fc2 from the phonon supercell where the file has one.

    Args:
        mesh: q-points along each reciprocal vector.

    Raises:
        InputError: no forces in the file, too few of them for a fit, or as
            `displaced_cells.check_forces`.
        CalculationError: as `force_constants.from_params`.
    """
    params = load_params(path)
    dataset: Any = params.dataset
    check_forces(params, path)
    if dataset is None or params.forces is None:
        raise InputError(
            f"{path}: no forces for fc3, and no FORCES_FC3 beside the file (`phono3py-init --cf3` "
            "makes it; phono3py_params.yaml of `phono3py-init --sp` has all in one file)"
        )
    calculation, equations = force_constants.from_params(path), None
    if "first_atoms" in dataset:
        fitted, frames = "finite differences", int(pair_displacements(params)[1].sum())
        calculation.dataset = dataset
        force_constants.by_differences(calculation)
    else:
        fitted, frames = "symfc's least squares", len(params.forces)
        equations = _equations(params, path)
        forces = params.forces - params.forces.mean(axis=1, keepdims=True)
        calculation.dataset = {"displacements": params.displacements, "forces": forces}
        force_constants.fit(calculation, None)
    settings = config.Conductivity(mesh=[mesh] * 3, temperatures=[ROOM])
    gate = config.Phonons().imaginary
    primitive = from_phonopy(calculation.primitive)
    return ForceSetKappa(
        material=materials.key_of(primitive),
        frames=frames,
        atoms=len(params.supercell),
        fitted=fitted,
        equations=equations,
        born=calculation.nac_params is not None,
        mesh=settings.mesh,
        kappa=bte.solve(calculation, settings, settings.mesh, gate).numbers(),
    )


def _equations(params: Phono3py, path: Path) -> float:
    """Force components per number that the fit has to find.

    Raises:
        InputError: fewer than one.
    """
    unknowns = force_constants.unknowns(params)
    ratio = float(np.size(params.forces) / unknowns)
    if ratio < 1:
        frames = -(-unknowns // (3 * len(params.supercell)))
        raise InputError(
            f"{path}: {len(params.forces)} frames of {len(params.supercell)} atoms cannot "
            f"determine fc3, {frames} is the least; from fewer, a campaign with "
            "potential.baseline: taylor gives κ with an error (config/nacl.yaml)"
        )
    return ratio


def text(result: ForceSetKappa, path: Path) -> str:
    """What a user reads."""
    kappa = result.kappa.at_room_temperature
    value = (
        f"no κ: {result.kappa.not_computed}"
        if kappa is None
        else f"κ(300 K) {kappa:.3g} W/(m K); its error is not known: a fit of force constants has "
        "none"
    )
    equations = (
        "" if result.equations is None else f", {result.equations:.0f} equations per unknown"
    )
    charges = "Born charges of the file, or of BORN beside it" if result.born else "no Born charges"
    return "\n".join(
        [
            f"{result.material} from the forces in {path.name}; no potential, no new calculation",
            f"  {value}",
            f"  fc3 by {result.fitted} from {counted(result.frames, 'cell')} of {result.atoms} "
            f"atoms{equations}",
            f"  {result.kappa.method}; {'×'.join(map(str, result.mesh))} q-points; {charges}; "
            f"lowest frequency {round(result.kappa.lowest_frequency_THz, 2) + 0.0:.2f} THz",
        ]
    )


def run(path: Path, mesh: int, out: Path | None) -> str:
    """`solve` as text, and as a file."""
    result = solve(path, mesh)
    if out is not None:
        result.write(out)
    return text(result, path)
