"""green_kubo/potential.json: which potential Green–Kubo moves, said before the first trajectory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from umklapp import config
from umklapp.records import Record
from umklapp.transport.kappa_records import Correction

if TYPE_CHECKING:  # with torch, which a check of the configuration does not wait for
    from umklapp.potentials.taylor.dynamics import DynamicsCorrection

PLAIN = "the members as they are, without the Taylor correction"


class MovedPotential(Record):
    """Of one round.

    correction: `taylor` where the members carry their Taylor correction in the dynamics. words: a
    sentence that stands beside κ. cubic_cutoff_A: largest pair distance of the third order.
    members: what the correction of every member did.
    """

    correction: Literal["none", "taylor"]
    words: str
    cubic_cutoff_A: float | None = None
    members: list[Correction] = Field(default_factory=list)

    @classmethod
    def corrected(cls, fitted: DynamicsCorrection) -> MovedPotential:
        """With the Taylor correction."""
        members = [Correction.model_validate(numbers) for numbers in fitted.numbers]
        before, after = (
            1e3 * sum(values) / len(members)
            for values in (
                [one.residual_before_eV_per_A for one in members],
                [one.residual_after_eV_per_A for one in members],
            )
        )
        first, (stays, left) = members[0], fitted.fades
        words = (
            f"the members with their Taylor correction of {first.labels:.0f} labels in the phonon "
            f"supercell (they leave {before:.3g} meV/Å of these labels without it, {after:.3g} "
            f"with it; third order up to {fitted.cutoff:.2f} Å); it acts in full up to "
            f"{stays:g} and not beyond {left:g} of a bond from an atom's site, so that an event is "
            "the members' own"
        )
        if first.labels_left_out:
            words += f"; {first.labels_left_out:.0f} labels with an event were left out of it"
        return cls(correction="taylor", words=words, cubic_cutoff_A=fitted.cutoff, members=members)

    @classmethod
    def plain(cls, reason: str) -> MovedPotential:
        """Without, and why."""
        return cls(correction="none", words=f"{PLAIN}: {reason}")

    @classmethod
    def not_asked(cls, settings: config.GreenKubo) -> MovedPotential:
        """Where the campaign asks for no correction."""
        reason = (
            "green_kubo.correction is 'none'"
            if settings.correction == "none"
            else "green_kubo.correction follows phonons.correction, which is 'none'"
        )
        return cls.plain(reason)
