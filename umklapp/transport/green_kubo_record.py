"""green_kubo.json: κ of a material by Green–Kubo, with every error bar. Units in names."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from umklapp.config import GreenKubo
from umklapp.records import Part, Record


class MemberSpread(Part):
    """κ of the members' trajectories; what of their spread is statistics, and what the model's."""

    members: dict[str, float] = Field(default_factory=dict)
    spread_W_per_mK: float | None = None
    statistical_W_per_mK: float | None = None
    model_W_per_mK: float | None = None


class CepstralNumbers(Part):
    """The cepstral estimate, or why there is none."""

    kappa_W_per_mK: float | None = None
    error_W_per_mK: float | None = None
    coefficients: int | None = None
    nyquist_THz: float | None = None
    not_computed: str | None = None


class ConvergenceRow(Part):
    """κ and its error at a length (ps) or filter width (periods); None where it has none."""

    at: float
    kappa: float | None
    error: float | None


class SizeNumbers(Part):
    """From the modes: equipartition, κ of the harmonic modes with lifetimes, the size correction.

    See `finite_size.correct`; `not_computed` says why a part is missing.
    """

    equipartition: float | None = None
    kappa_harmonic_W_per_mK: float | None = None
    correction_W_per_mK: float | None = None
    factor: float | None = None
    factor_error: float | None = None
    meshes: list[int] | None = None
    kappas_W_per_mK: list[float] | None = None
    extrapolated_W_per_mK: float | None = None
    not_computed: str | None = None


class GreenKuboRecord(Record):
    """The record of `trajectories.analyse`; without κ it has the reason, `not_computed`, alone.

    error_W_per_mK: standard error over the trajectories; None with one. corrected_W_per_mK: with
    the size correction. excluded: trajectories that were not used, and why. moved: the potential
    that moved the atoms, in words (None in records of before corrected dynamics); correction:
    whether the members carried their Taylor correction.
    """

    kappa_W_per_mK: float | None
    settings: dict[str, Any] = Field(default_factory=dict)
    not_computed: str | None = None
    moved: str | None = None
    correction: Literal["none", "taylor"] = "none"
    temperature_K: float | None = None
    kappa_tensor_W_per_mK: list[list[float]] | None = None
    error_W_per_mK: float | None = None
    trajectories_W_per_mK: list[float] = Field(default_factory=list)
    cutoff_fs: float | None = None
    lowest_vibration_THz: float | None = None
    committee: MemberSpread = MemberSpread()
    cepstral: CepstralNumbers = CepstralNumbers()
    convergence: dict[str, list[ConvergenceRow]] = Field(default_factory=dict)
    run_temperatures_K: list[float | None] = Field(default_factory=list)
    drift_eV_per_atom: list[float] = Field(default_factory=list)
    excluded: dict[str, str] = Field(default_factory=dict)
    gauge: str | None = None
    procedure: str | None = None
    atoms: int | None = None
    warnings: list[str] = Field(default_factory=list)
    size: SizeNumbers = SizeNumbers()
    corrected_W_per_mK: float | None = None

    @classmethod
    def without(cls, reason: str, settings: GreenKubo) -> GreenKuboRecord:
        """Of a material without κ."""
        described = settings.model_dump(mode="json", exclude={"effective_frames"})
        return cls(kappa_W_per_mK=None, not_computed=reason, settings=described)

    @property
    def too_small(self) -> str | None:
        """Why the cell is too small for κ, in words; None where it is not, or is not recorded."""
        least = self.settings.get("least_atoms")
        if self.atoms is None or least is None or self.atoms >= least:
            return None
        return (
            f"its cell of {self.atoms} atoms is smaller than green_kubo.least_atoms ({least}): "
            "waves longer than the cell are missing"
        )
