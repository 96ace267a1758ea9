"""rank.json: how much reference calculations are worth for a material, before the first of them."""

from __future__ import annotations

import math

from umklapp.records import Record


class Rank(Record):
    """rank.json.

    stable: without imaginary modes at every lattice that was tried; sigma_A: σᴬ(300 K) at the
    campaign's lattice, None where it is not stable; missed_event: the verdict of a rehearsal.
    kappa_change: the largest |ln(κ'/κ)| between κ(300 K) there and any other κ; None without
    another one, or where the crystal is not stable. words: all of it.
    """

    material: str
    model: str
    stable: bool
    sigma_A: float | None
    missed_event: bool
    kappa_change: float | None
    words: str

    @property
    def by_anharmonicity(self) -> float:
        """To be sorted by, the largest first: unstable, then a missed event, then σᴬ."""
        if not self.stable:
            return math.inf
        return (self.sigma_A or 0.0) + (1e3 if self.missed_event else 0.0)

    @property
    def by_kappa_change(self) -> float:
        """To be sorted by, the largest first: without κ, then `kappa_change`; −1 without one."""
        if not self.stable:
            return math.inf
        return -1.0 if self.kappa_change is None else self.kappa_change
