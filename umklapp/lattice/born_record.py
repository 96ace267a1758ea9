"""structure/born.json: Born charges and ε∞ of a material, and what every κ says of them."""

from __future__ import annotations

import numpy as np

from umklapp.crystals.born_charges import BornCharges
from umklapp.records import Part, Record


class NonAnalytical(Part):
    """Whether κ has the non-analytical correction of polar crystals, and what says so.

    applied: with Born charges and ε∞. needed: the crystal is polar by symmetry. words: where they
    are from, or why there are none.
    """

    applied: bool
    needed: bool
    words: str

    @property
    def lacking(self) -> bool:
        """Whether a polar crystal goes without: its optical branches miss their splitting at Γ."""
        return self.needed and not self.applied


class BornRecord(Record):
    """structure/born.json.

    polar: whether the symmetry lets any atom have a charge. charges_e: (n, 3, 3) by the atoms of
    structure/primitive.extxyz, field along the rows; dielectric: ε∞ (3, 3); None where there are
    none. words: where they are from, or why there are none.
    """

    polar: bool
    charges_e: list[list[list[float]]] | None
    dielectric: list[list[float]] | None
    words: str

    @property
    def charges(self) -> BornCharges | None:
        """As arrays; None where there are none."""
        if self.charges_e is None or self.dielectric is None:
            return None
        return BornCharges(np.array(self.charges_e), np.array(self.dielectric))

    def non_analytical(self) -> NonAnalytical:
        """What a κ with these charges says of them."""
        return NonAnalytical(
            applied=self.charges_e is not None, needed=self.polar, words=self.words
        )
