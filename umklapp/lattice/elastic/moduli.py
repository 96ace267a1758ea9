"""What follows from a stiffness: moduli of the polycrystal, anisotropy, mechanical stability."""

from __future__ import annotations

import numpy as np

from umklapp.lattice.elastic import tensor
from umklapp.lattice.elastic.record import FailingMode, Polycrystal, Stability

DERIVED = (
    "bulk_reuss_GPa",
    "shear_reuss_GPa",
    "bulk_GPa",
    "shear_GPa",
    "young_GPa",
    "poisson",
    "anisotropy",
)
"""What needs the compliance."""


def averages(stiffness: np.ndarray) -> Polycrystal:
    """Moduli of the polycrystal (GPa) from C in Voigt notation (6, 6), GPa.

    Voigt (uniform strain), Reuss (uniform stress) and Hill (their mean) bulk and shear modulus;
    Young's modulus and Poisson's ratio of Hill's; the universal anisotropy 5 G_V/G_R + B_V/B_R − 6
    (Ranganathan and Ostoja-Starzewski, Phys. Rev. Lett. 101, 055504 (2008)). A tensor that is not
    positive definite has no compliance that means anything: None for what needs it.
    """
    c = np.asarray(stiffness)
    bulk = float(c[:3, :3].sum() / 9)
    diagonal = np.trace(c[:3, :3])
    shear = float((diagonal - (c[:3, :3].sum() - diagonal) / 2 + 3 * np.trace(c[3:, 3:])) / 15)
    if not stable(c):
        lacking = dict.fromkeys(DERIVED)
        return Polycrystal(bulk_voigt_GPa=bulk, shear_voigt_GPa=shear, **lacking)
    s = np.linalg.inv(c)
    diagonal = np.trace(s[:3, :3])
    others = (s[:3, :3].sum() - diagonal) / 2
    low_bulk = float(1 / s[:3, :3].sum())
    low_shear = float(15 / (4 * diagonal - 4 * others + 3 * np.trace(s[3:, 3:])))
    b, g = (bulk + low_bulk) / 2, (shear + low_shear) / 2
    return Polycrystal(
        bulk_voigt_GPa=bulk,
        shear_voigt_GPa=shear,
        bulk_reuss_GPa=low_bulk,
        shear_reuss_GPa=low_shear,
        bulk_GPa=b,
        shear_GPa=g,
        young_GPa=9 * b * g / (3 * b + g),
        poisson=(3 * b - 2 * g) / (2 * (3 * b + g)),
        anisotropy=5 * shear / low_shear + bulk / low_bulk - 6,
    )


def stable(stiffness: np.ndarray) -> bool:
    """Whether C (Voigt, 6 × 6) is positive definite: Born's criterion for every crystal system."""
    return bool(np.linalg.eigvalsh(tensor.from_voigt(stiffness))[0] > 0)


def stability(stiffness: np.ndarray, stress: np.ndarray) -> Stability:
    """Born's criterion by the Kelvin moduli, the eigenvalues of the tensor in Mandel notation.

    Under stress they are those of the symmetric stress–strain coefficients (`tensor.under_stress`).

    Args:
        stiffness: C (6, 6), Voigt, GPa.
        stress: what the crystal is under (6,), Voigt, GPa.

    Returns:
        `failing` has every modulus that is not positive with the strain that costs no energy.
    """
    load = tensor.matrix(np.asarray(stress) * tensor.SCALE)
    values, modes = np.linalg.eigh(tensor.under_stress(tensor.from_voigt(stiffness), load))
    failing = [
        FailingMode(modulus_GPa=float(value), strain=(mode * tensor.SCALE).round(6).tolist())
        for value, mode in zip(values, modes.T, strict=True)
        if value <= 0
    ]
    return Stability(stable=not failing, kelvin_moduli_GPa=values.tolist(), failing=failing)
