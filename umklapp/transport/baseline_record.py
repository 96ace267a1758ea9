"""baseline.json: what a foundation model says of a crystal before the first label."""

from __future__ import annotations

from typing import Any, ClassVar

from umklapp.lattice.born_record import NonAnalytical
from umklapp.records import Part, Record
from umklapp.reference.foundation_weights import ModelIdentity
from umklapp.transport.kappa_records import KappaNumbers, at


class BaselineAtLattice(Part):
    """Harmonic crystal, κ and σᴬ of the model at one lattice.

    lattice: which, in words. lattice_A: lengths of the primitive vectors; volume_A3_per_atom.
    lowest, highest frequency: THz on the mesh of κ, imaginary ones negative; stable: whether none
    is below the gate. sigma_A: of quantum harmonic displacements at 300 K in the supercell, with
    its standard error, None where the crystal is not stable. supercell_atoms, frames,
    pair_cutoff_A: of the fit of fc2 and fc3 (cells of random displacements; None: all pairs).
    """

    lattice: str
    lattice_A: list[float]
    volume_A3_per_atom: float
    stable: bool
    lowest_frequency_THz: float
    highest_frequency_THz: float
    kappa: KappaNumbers
    sigma_A: float | None
    sigma_A_error: float | None
    supercell_atoms: int
    frames: int
    pair_cutoff_A: float | None
    seconds: float

    @property
    def words(self) -> str:
        """κ(300 K) and σᴬ, or why there is none."""
        kappa = self.kappa.at_room_temperature
        if kappa is None:
            return f"no κ: {self.kappa.not_computed}"
        sigma = "" if self.sigma_A is None else f", σᴬ(300 K) {self.sigma_A:.2f}"
        error = "" if self.sigma_A_error is None else f" ± {self.sigma_A_error:.2f}"
        return f"κ(300 K) {kappa:.3g} W/(m K){sigma}{error}"


class Baseline(Record):
    """baseline.json.

    given: at the lattice of the campaign, the table or the user's file; own: at the lattice that
    the model relaxes to, None where it was not asked for, or not reached (`own_missing` says why).
    volume_change: of own against given, relative. largest_mean_force_eV_per_A: of a frame, before
    it was subtracted. mesh: of κ.
    """

    VERSION: ClassVar[int] = 1

    material: str
    model: ModelIdentity
    mesh: list[int]
    given: BaselineAtLattice
    own: BaselineAtLattice | None
    own_missing: str | None
    volume_change: float | None
    non_analytical: NonAnalytical | None
    largest_mean_force_eV_per_A: float


class LearnedLabels(Part):
    """Labels behind a correction.

    labels_left_out: in which an atom had left its site. residual_before, residual_after: rms force
    that the model leaves of the labels, without and with the correction of fixed widths; noise: of
    the hottest label, as that correction found it. scales: of the second, third and fourth order,
    those of κ, in units of the prior's width: of the second and third order they are the error
    relative to the model's own force constants (`taylor.relative`).
    """

    labels: int
    labels_left_out: int
    residual_before_eV_per_A: float
    residual_after_eV_per_A: float
    scales: list[float]
    noise_eV_per_A: float


class CorrectedBaseline(Record):
    """corrected.json: κ of the model with what labels in the phonon supercell say it lacks.

    kappa_W_per_mK: (n_T,), with widths that the labels make likeliest; fixed_widths_W_per_mK: with
    those of `potential.taylor`; error_W_per_mK: the spread of draws from the posterior of the first
    and the difference of the two. None with `not_computed`. model_W_per_mK: without labels, in the
    same cells.
    """

    VERSION: ClassVar[int] = 3

    material: str
    model: ModelIdentity
    mesh: list[int]
    temperatures_K: list[float]
    model_W_per_mK: list[float] | None
    kappa_W_per_mK: list[float] | None
    error_W_per_mK: list[float] | None
    fixed_widths_W_per_mK: list[float] | None = None
    not_computed: str | None
    learned: LearnedLabels | None
    non_analytical: NonAnalytical | None

    @classmethod
    def upgrade(cls, data: dict[str, Any], version: int) -> dict[str, Any]:
        """Widths by evidence were others, and the ± of version 1 their posterior's alone."""
        fixed = data.get("kappa_W_per_mK") if version == 2 else None
        data = {name: value for name, value in data.items() if name != "by_evidence_W_per_mK"}
        if data.get("kappa_W_per_mK") is None:
            return data
        reason = "an earlier version made it, with other widths: delete corrected.json, run again"
        old = {"fixed_widths_W_per_mK": fixed, "not_computed": reason}
        return {**data, **old, "kappa_W_per_mK": None, "error_W_per_mK": None}

    @property
    def at_room_temperature(self) -> tuple[float, float] | None:
        """κ(300 K) and its error in W/(m K), None where κ was not computed; raises as `at`."""
        value = at(self.temperatures_K, self.kappa_W_per_mK)
        error = at(self.temperatures_K, self.error_W_per_mK)
        return None if value is None or error is None else (value, error)
