"""κ(300 K) beside the harmonic properties of force constants, for comparisons (`phonon_errors`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from phono3py import Phono3py

from umklapp import config
from umklapp.lattice import phonons
from umklapp.lattice.phonon_errors import MESH, HarmonicProperties, harmonic_properties
from umklapp.transport import bte


@dataclass(frozen=True)
class PhononProperties(HarmonicProperties):
    """Those of the harmonic crystal, and κ(300 K), NaN where there is none."""

    kappa_W_per_mK: float


def properties(
    phonon: Phono3py,
    conductivity: config.Conductivity,
    imaginary: float,
    mesh: Sequence[int] = MESH,
) -> PhononProperties:
    """Harmonic properties and κ(300 K).

    Args:
        phonon: with fc2 and fc3. imaginary: THz, as `bte.solve`. mesh: of harmonic properties.
    """
    of_fc2 = harmonic_properties(phonons.harmonic(phonon), mesh)
    return PhononProperties(**asdict(of_fc2), kappa_W_per_mK=kappa(phonon, conductivity, imaginary))


def kappa(phonon: Phono3py, conductivity: config.Conductivity, imaginary: float) -> float:
    """κ(300 K) in W/(m K), a third of the trace; NaN where the crystal is unstable."""
    scalars = bte.solve(phonon, conductivity, conductivity.mesh, imaginary).scalar()
    return float("nan") if scalars is None else float(scalars[0])
