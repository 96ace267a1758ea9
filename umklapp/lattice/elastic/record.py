"""elastic.json and elastic/reference.json. Voigt order; GPa unless a name says otherwise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import field_validator

from umklapp.records import Part, Record
from umklapp.wording import by_member

Matrix = list[list[float]]


class Polycrystal(Part):
    """Moduli of the polycrystal (`moduli.averages`).

    All but the Voigt ones are None where the tensor is not positive definite.
    """

    bulk_voigt_GPa: float
    shear_voigt_GPa: float
    bulk_reuss_GPa: float | None
    shear_reuss_GPa: float | None
    bulk_GPa: float | None
    shear_GPa: float | None
    young_GPa: float | None
    poisson: float | None
    anisotropy: float | None


class FailingMode(Part):
    """A Kelvin modulus that is not positive, and its strain (6,): Voigt, engineering shears, unit
    norm."""

    modulus_GPa: float
    strain: list[float]


class Stability(Part):
    """Born's criterion by the Kelvin moduli, rising (`moduli.stability`)."""

    stable: bool
    kelvin_moduli_GPa: list[float]
    failing: list[FailingMode]


class Curvature(Part):
    """∂²E/∂η² / V (GPa) along one strain, from stresses and from energies."""

    from_stress: float
    from_energy: float


class TensorNumbers(Polycrystal, Stability):
    """One elastic tensor with its moduli, its stability, and how far to trust it.

    C_GPa: (6, 6) in the axes of the cell, C_standard_GPa in spglib's standard setting, to which
    to_standard (3, 3) turns; the rest as in `strain.Measurement`.
    """

    space_group: int
    laue_class: str
    independent_constants: int
    C_GPa: Matrix
    C_standard_GPa: Matrix
    to_standard: Matrix
    residual_stress_GPa: list[float]
    fit_error_GPa: float | None
    asymmetry_GPa: float
    curvature_GPa: list[Curvature]
    largest_force_eV_per_A: float
    evaluations: int


class MemberTensor(TensorNumbers):
    """Of a member, at its own volume."""

    volume_A3_per_atom: float
    not_computed: None = None


class MemberFailure(Part):
    """A member without a tensor, and why."""

    not_computed: str


class ElasticReference(Record, TensorNumbers):
    """elastic/reference.json: of the reference engine; labels: what it cost."""

    labels: int
    engine: str
    settings_hash: str
    settings: dict[str, Any]


class CommitteeTensor(Part):
    """Every member, mean and population standard deviation (`*_std`), stability.

    not_computed: why the committee has no tensor, member by member; then the numbers are None. A
    mean modulus is None where a member has none.
    """

    members: list[MemberTensor | MemberFailure]
    not_computed: str | None
    space_group: int | None = None
    laue_class: str | None = None
    independent_constants: int | None = None
    stable_members: int | None
    C_GPa: Matrix | None
    C_GPa_std: Matrix | None
    C_standard_GPa: Matrix | None
    C_standard_GPa_std: Matrix | None
    bulk_GPa: float | None
    bulk_GPa_std: float | None
    shear_GPa: float | None
    shear_GPa_std: float | None
    young_GPa: float | None
    young_GPa_std: float | None
    poisson: float | None
    poisson_std: float | None
    anisotropy: float | None
    anisotropy_std: float | None
    volume_A3_per_atom: float | None
    volume_A3_per_atom_std: float | None


class ElasticRecord(Record, CommitteeTensor):
    """elastic.json.

    reference: the reference engine's own, if it was asked for. models: digests of the checkpoints.
    """

    material: str
    reference: ElasticReference | None
    settings: dict[str, Any]
    models: list[str]

    @field_validator("reference", mode="before")
    @classmethod
    def _reference_of_then(cls, value: Any) -> Any:
        return (
            ElasticReference.parse(value, Path("elastic.json"))
            if isinstance(value, dict)
            else value
        )

    @classmethod
    def upgrade(cls, data: dict[str, Any], version: int) -> dict[str, Any]:
        """Version 0 had a reason per member."""
        reasons = data.get("not_computed")
        return {**data, "not_computed": by_member(reasons) if reasons else None}
