"""elastic.json and elastic/reference.json. Voigt order; GPa unless a name says otherwise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import field_validator

from umklapp.records import Part, Record
from umklapp.wording import by_member

Matrix = list[list[float]]


class TensorNumbers(Part):
    """One elastic tensor with its moduli, its stability, and how far to trust it.

    See `strain.Measurement`, `moduli.averages` and `moduli.stability`. Moduli are None where the
    tensor is not positive definite.
    """

    space_group: int
    laue_class: str
    independent_constants: int
    C_GPa: Matrix
    C_standard_GPa: Matrix
    to_standard: Matrix
    bulk_voigt_GPa: float | None
    shear_voigt_GPa: float | None
    bulk_reuss_GPa: float | None
    shear_reuss_GPa: float | None
    bulk_GPa: float | None
    shear_GPa: float | None
    young_GPa: float | None
    poisson: float | None
    anisotropy: float | None
    stable: bool
    kelvin_moduli_GPa: list[float]
    failing: list[dict[str, Any]]
    residual_stress_GPa: list[float]
    fit_error_GPa: float | None
    asymmetry_GPa: float
    curvature_GPa: list[dict[str, float]]
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


class ElasticRecord(Record):
    """elastic.json: every member, mean and population standard deviation (`*_std`), stability.

    not_computed: why the committee has no tensor, member by member; then the numbers are None.
    reference: the reference engine's own, if it was asked for. models: digests of the checkpoints.
    """

    material: str
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
