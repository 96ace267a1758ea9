"""κ, σᴬ and stability of a crystal by a foundation model, before the first label.

fc2 and fc3 are fitted (symfc) to the model's forces on supercells in which every atom is displaced
at random: a few tens of evaluations where finite displacements take hundreds.
"""

from __future__ import annotations

import logging
import math
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase import Atoms
from phono3py import Phono3py

from umklapp import config
from umklapp.crystals import phonopy_cells
from umklapp.crystals.force_constant_arrays import as_matrix
from umklapp.errors import CalculationError, InputError
from umklapp.lattice import force_constants
from umklapp.lattice.born_record import BornRecord
from umklapp.lattice.sigma_a import RunningSigma
from umklapp.potentials.calculator import PotentialCalculator
from umklapp.potentials.foundation import FoundationPotential
from umklapp.potentials.taylor.basis import range_within
from umklapp.reference.relaxation import relax_with
from umklapp.transport import bte
from umklapp.transport.audit.drawing import thermal_displacements
from umklapp.transport.baseline_record import Baseline, BaselineAtLattice
from umklapp.transport.kappa_records import ROOM

log = logging.getLogger(__name__)

SEED = 0
"""Of the thermal displacements, and of draws from a posterior."""

FMAX, SMAX = 1e-3, 2e-4
"""eV/Å and eV/Å³ that a relaxation by the model leaves at most."""


@dataclass(frozen=True)
class Request:
    """How κ is computed.

    foundation: the model and its fit; phonons, conductivity: as for the committee, but for what the
    fit needs.
    """

    foundation: config.Foundation
    phonons: config.Phonons
    conductivity: config.Conductivity

    def fit(self, perfect: Atoms) -> config.Phonons:
        """Settings of the symfc fit in a supercell: range of fc3 and number of random cells.

        `phonons.pair_cutoff` saves displaced cells of DFT, and leaves fc3 of them almost as it is.
        A fit has no constants beyond its range: with 5 Å in 32 atoms of KBr κ by nequix-oam-1-pft
        is 2.12 W/(m K), where all pairs give 1.75 and finite displacements 1.73 with either range.

        Raises:
            CalculationError: even the shortest range has more free numbers than allowed.
        """
        plain = self.phonons.model_copy(update={"force_constants": None, "correction": "none"})
        cutoff, unknowns = range_within(perfect, self.foundation.unknowns)
        least = math.ceil(unknowns / (3 * len(perfect)))
        n_cells = math.ceil(self.foundation.oversampling * least)
        n_cells = max(force_constants.LEAST_CELLS, n_cells)
        return plain.model_copy(
            update={"fc3": "symfc", "random_displacements": n_cells, "pair_cutoff": cutoff}
        )


def at_lattice(
    potential: FoundationPotential,
    cells: tuple[Atoms, Atoms],
    born: BornRecord | None,
    request: Request,
    lattice: str,
) -> BaselineAtLattice:
    """Everything at one lattice.

    Args:
        cells: primitive cell and phonon supercell. born: Born charges. lattice: which, in words.
    """
    began = time.monotonic()
    primitive, perfect = cells
    settings = request.fit(perfect)
    calculation = force_constants.prepare(primitive, perfect, settings, born)
    force_constants.evaluate(calculation, potential, settings)
    kappa = bte.solve(
        calculation, request.conductivity, request.conductivity.mesh, settings.imaginary
    )
    frequencies, _, _ = calculation.get_phonon_data()
    stable = kappa.lowest_frequency >= settings.imaginary
    sigma, error = (
        _sigma(potential, calculation, request.foundation.thermal_frames)
        if stable
        else (None, None)
    )
    return BaselineAtLattice(
        lattice=lattice,
        lattice_A=primitive.cell.lengths().tolist(),
        volume_A3_per_atom=primitive.cell.volume / len(primitive),
        stable=stable,
        lowest_frequency_THz=kappa.lowest_frequency,
        highest_frequency_THz=float(frequencies.max()),
        kappa=kappa.numbers(),
        sigma_A=sigma,
        sigma_A_error=error,
        supercell_atoms=len(perfect),
        frames=settings.random_displacements or 0,
        pair_cutoff_A=settings.pair_cutoff,
        seconds=time.monotonic() - began,
    )


def _sigma(
    potential: FoundationPotential, calculation: Phono3py, count: int
) -> tuple[float, float]:
    """σᴬ(300 K) over quantum harmonic displacements, and its standard error."""
    perfect = phonopy_cells.from_phonopy(calculation.supercell)
    constants = as_matrix(force_constants.full_fc2(calculation))
    generator = np.random.default_rng(SEED)
    shifts = thermal_displacements(constants, perfect.get_masses(), ROOM, count, generator)
    running = RunningSigma()
    for shift in shifts:
        frame = perfect.copy()
        frame.positions += shift
        harmonic = -(constants @ shift.ravel()).reshape(-1, 3)
        running.add(potential.evaluate([frame]).forces[0][None], harmonic[None])
    return running.result()


def compute(
    material: str,
    potential: FoundationPotential,
    cells: tuple[Atoms, Atoms],
    born: BornRecord | None,
    request: Request,
    scratch: Path,
    lattice: str = "as given",
) -> Baseline:
    """κ(T), σᴬ and stability at the given lattice and, where it is asked for, at the model's own.

    Args:
        cells: primitive cell and phonon supercell. born: None: no non-analytical correction.
        scratch: folder for the log of the relaxation. lattice: where the given one is from.

    Raises:
        CalculationError: of the model, or a fit that is too large.
    """
    given = at_lattice(potential, cells, born, request, lattice)
    log.info(f"{material}, lattice {lattice}: {given.words}")
    own: BaselineAtLattice | None = None
    missing: str | None = None
    change: float | None = None
    if request.foundation.own_lattice:
        try:
            own, change = _at_own_lattice(material, potential, cells, born, request, scratch)
        except (CalculationError, InputError) as error:
            missing = f"the model's own lattice: {error}"
    return Baseline(
        material=material,
        model=potential.identity,
        mesh=request.conductivity.mesh,
        given=given,
        own=own,
        own_missing=missing,
        volume_change=change,
        non_analytical=born.non_analytical() if born else None,
        largest_mean_force_eV_per_A=potential.largest_mean_force,
    )


def _at_own_lattice(
    material: str,
    potential: FoundationPotential,
    cells: tuple[Atoms, Atoms],
    born: BornRecord | None,
    request: Request,
    scratch: Path,
) -> tuple[BaselineAtLattice, float]:
    """Everything where the model has neither force nor stress, and the change of the volume."""
    primitive, perfect = cells
    relaxed, record = relax_with(
        primitive, PotentialCalculator(potential), scratch, FMAX, SMAX, "report"
    )
    matrix = phonopy_cells.supercell_matrix(primitive, perfect)
    own_cells = relaxed, phonopy_cells.supercell(relaxed, matrix.tolist())
    text = f"relaxed by the model ({100 * record.volume_change:+.1f} % in volume)"
    own = at_lattice(potential, own_cells, born, request, text)
    log.info(f"{material}, lattice {text}: {own.words}")
    return own, record.volume_change
