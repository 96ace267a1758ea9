"""κ on disk: of one member, of the committee, of effective force constants. Units in the names."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

from pydantic import Field

from umklapp.crystals import materials
from umklapp.errors import InputError
from umklapp.lattice.born_record import NonAnalytical
from umklapp.records import Part, Record
from umklapp.wording import by_member, counted

ROOM = 300.0
"""K, where κ is compared with other methods, other rounds, and experiment."""


def at(
    temperatures: Sequence[float], values: Sequence[float] | None, temperature: float = ROOM
) -> float | None:
    """The value at a temperature; None where there are no values at all.

    Raises:
        InputError: it was not computed at this temperature.
    """
    if values is None:
        return None
    if temperature not in temperatures:
        computed = ", ".join(f"{other:g}" for other in temperatures)
        raise InputError(
            f"κ({temperature:g} K) was not computed, only κ at {computed} K: add "
            f"{temperature:g} to conductivity.temperatures and run again"
        )
    return values[list(temperatures).index(temperature)]


class Correction(Part):
    """What correcting a member by a Taylor expansion did (`taylor.correction.correct`).

    labels_left_out: in which an atom had left its site. labels_too_hot: passed over, because quiet
    labels alone correct κ (`taylor.correction.quiet`). residual_before: what the member leaves of
    the labels, residual_after: what is left in the end. noise: of the labels, the likeliest.
    log_evidence_without_potential: of the expansion alone, with the same widths. None: the record
    is older than the number. potential_left_out: κ is of the expansion alone.
    """

    labels: float
    labels_left_out: float = 0.0
    labels_too_hot: float = 0.0
    residual_before_eV_per_A: float
    residual_after_eV_per_A: float
    noise_eV_per_A: float | None = None
    log_evidence_per_force: float
    log_evidence_without_potential_per_force: float | None = None
    potential_left_out: bool = False

    @property
    def potential_misleads(self) -> bool:
        """Whether the labels are likelier without the potential, and κ is made with it."""
        alone = self.log_evidence_without_potential_per_force
        worse = alone is not None and alone > self.log_evidence_per_force
        return worse and not self.potential_left_out


class KappaNumbers(Part):
    """κ of one set of force constants by the Boltzmann equation.

    kappa_*: (n_T,), a third of the trace; the tensor (n_T, 6) in the order xx yy zz yz xz xy; the
    parts within and between bands, and of the relaxation-time approximation, where they exist.
    not_computed: why there is no κ, None where there is one.
    """

    temperatures_K: list[float]
    kappa_W_per_mK: list[float] | None
    kappa_tensor_W_per_mK: list[list[float]] | None
    kappa_intra_W_per_mK: list[float] | None = None
    kappa_inter_W_per_mK: list[float] | None = None
    kappa_rta_W_per_mK: list[float] | None = None
    method: str = "Boltzmann equation"
    not_computed: str | None
    lowest_frequency_THz: float

    @property
    def at_room_temperature(self) -> float | None:
        """κ(300 K) in W/(m K), None where κ was not computed; raises as `at`."""
        return at(self.temperatures_K, self.kappa_W_per_mK)


class MemberConductivity(Record, KappaNumbers):
    """conductivity/member_k.json.

    mesh: of q-points. acoustic_sum_residual_eV_per_A2: of the second-order force constants.
    non_analytical: None in files from before it was recorded.
    """

    mesh: list[int]
    acoustic_sum_residual_eV_per_A2: float
    correction: Correction | None = None
    non_analytical: NonAnalytical | None = None


class Literature(Part):
    """Published κ (W/(m K)) of the table, and its text."""

    experiment_300K: list[float]
    ab_initio_green_kubo_300K: list[float]
    text: str

    @classmethod
    def of(cls, published: materials.Literature) -> Literature:
        """What a row of the table says."""
        return cls(
            experiment_300K=list(published.experiment),
            ab_initio_green_kubo_300K=list(published.green_kubo),
            text=published.describe(),
        )


class CommitteeKappa(Part):
    """κ of a committee: mean and sample standard deviation over the members, (n_T,).

    not_computed: why there is no κ, member by member; a mean over the members that happened to work
    would hide an unstable crystal. lowest_frequency_THz: of all members.
    residual_before_correction_eV_per_A: forces of the labels that the members leave, their mean.
    misleading_members: those without which the labels that correct them are likelier, and which κ
    is made with (records of before they were left out). left_out_members: those of which κ is that
    of the expansion of the labels alone.
    """

    temperatures_K: list[float]
    mesh: list[int]
    members_W_per_mK: list[list[float] | None]
    not_computed: str | None
    lowest_frequency_THz: float
    method: str = "Boltzmann equation"
    residual_before_correction_eV_per_A: float | None = None
    misleading_members: list[int] = Field(default_factory=list)
    left_out_members: list[int] = Field(default_factory=list)
    non_analytical: NonAnalytical | None = None
    kappa_W_per_mK: list[float] | None
    std_W_per_mK: list[float] | None

    @property
    def misleading(self) -> str:
        """What the labels have against the members that they correct; empty where nothing."""
        if not self.misleading_members:
            return ""
        members = counted(len(self.misleading_members), "member")
        return (
            f"the labels in the phonon supercell speak against {members} of "
            f"{len(self.members_W_per_mK)} (they are likelier by the Taylor expansion alone than "
            "as its correction of the member): train longer, or a larger network"
        )

    @property
    def left_out(self) -> str:
        """Which members κ is made without, and why; empty where none."""
        if not self.left_out_members:
            return ""
        members = counted(len(self.left_out_members), "member")
        return (
            f"κ of {members} of {len(self.members_W_per_mK)} is that of the Taylor expansion "
            "alone: the labels in the phonon supercell are likelier without the member. Longer "
            "training or a larger network would make it useful"
        )

    @property
    def labels_alone(self) -> bool:
        """Whether κ is made without any member, so that its spread says nothing."""
        return len(self.left_out_members) == len(self.members_W_per_mK)

    @property
    def at_room_temperature(self) -> tuple[float, float | None] | None:
        """κ(300 K) and its spread in W/(m K), None where κ was not computed; raises as `at`.

        The spread alone is None with one member.
        """
        value = at(self.temperatures_K, self.kappa_W_per_mK)
        spread = at(self.temperatures_K, self.std_W_per_mK)
        return None if value is None else (value, spread)


class Conductivity(Record, CommitteeKappa):
    """conductivity.json, with the settings behind the numbers."""

    VERSION: ClassVar[int] = 2

    material: str
    settings: dict[str, Any]
    reference: dict[str, Any]
    literature: Literature

    @classmethod
    def upgrade(cls, data: dict[str, Any], version: int) -> dict[str, Any]:
        """Version 0 had a reason per member; before 2 the spread was the population's."""
        if version < 1:
            reasons = data.get("not_computed")
            data = {**data, "not_computed": by_member(reasons) if reasons else None}
        count = len(data.get("members_W_per_mK") or [])
        population = data.get("std_W_per_mK")
        sample = None
        if population is not None and count > 1:
            sample = [value * math.sqrt(count / (count - 1)) for value in population]
        return {**data, "std_W_per_mK": sample}


class EffectiveConductivity(Record):
    """effective.json: κ with force constants fitted to the dynamics at `temperature_K`.

    kappa_W_per_mK: one number, None where nothing could be fitted (`not_computed` says why). fit:
    numbers of the fit. The other fields are as in `KappaNumbers`.
    """

    temperature_K: float
    kappa_W_per_mK: float | None
    not_computed: str | None
    mesh: list[int]
    fit: dict[str, float] | None = None
    temperatures_K: list[float] | None = None
    kappa_tensor_W_per_mK: list[list[float]] | None = None
    kappa_intra_W_per_mK: list[float] | None = None
    kappa_inter_W_per_mK: list[float] | None = None
    kappa_rta_W_per_mK: list[float] | None = None
    method: str | None = None
    lowest_frequency_THz: float | None = None
    non_analytical: NonAnalytical | None = None


class MeshRow(Part):
    """κ on a q-mesh, and its relative change from the mesh before."""

    mesh: list[int]
    kappa_W_per_mK: float | None
    change: float | None


class MeshConvergence(Record):
    """mesh.json: κ on meshes that grow (`mesh.converge`)."""

    table: list[MeshRow]
    enough: list[int] | None
    words: str


class SrmeNumbers(Part):
    """Of one member: see `srme.Srme`; None where there is no κ."""

    value: float
    error: float | None
    kappa: float | None
    reference: float
    words: list[str]


class SrmeRecord(Record):
    """conductivity/srme.json: κ_SRME of every member against a reference, mean and spread."""

    reference: str
    mean: float
    std: float
    members: list[SrmeNumbers]
