"""κ_SRME: how far two conductivities are from each other mode by mode, not only in their sums.

Póta et al., arXiv:2408.00755: twice the sum of the modes' absolute differences over the sum of the
conductivities. 0 for equal modes, 2 where there is nothing to compare.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from umklapp.errors import InputError
from umklapp.transport import modes

WORST = 2.0
"""Of a failed calculation, and the largest value of modes that all carry heat forward."""


@dataclass(frozen=True)
class Srme:
    """Of one crystal at one temperature.

    value: κ_SRME; error: κ_SRD = 2 (κ − κ_ref)/(κ + κ_ref), NaN without κ; kappa, reference:
    W/(m K) of the part that was compared, NaN without; words: reasons and notes.
    """

    value: float
    error: float
    kappa: float
    reference: float
    words: list[str]


def srme(
    path: Path | None, reference: Path, temperature: float = 300.0, part: modes.Part = "rta"
) -> Srme:
    """κ_SRME of a file with modes against a reference on the same mesh.

    Args:
        path: file of `bte.solve(…, modes_to=…)` or of phono3py. None, a missing file, one that
            says why there is no κ, imaginary modes, and a κ that is not finite give `WORST`.
        temperature: K, in both files.
        part: `rta`, the relaxation-time part within bands, which every file has; or `total`, with
            the inter-band term shared between bands, or the direct solution.

    Raises:
        InputError: the reference has no κ; meshes, q-points, branches, scattering mechanisms or
            versions of phono3py differ; or the temperature is in neither.
    """
    if (why := modes.reason(reference)) is not None:
        raise InputError(f"{reference}: a reference needs a κ: {why}")
    wanted = modes.read(reference, temperature, part)
    if not np.isfinite(wanted.modes).all():
        raise InputError(f"{reference}: a reference needs a κ: it is not finite")
    failed = Srme(WORST, float("nan"), float("nan"), wanted.kappa, [])
    if path is None or not path.exists():
        return _because(failed, f"{path}: no such file" if path else "no κ was computed")
    if (why := modes.reason(path)) is not None:
        return _because(failed, why)
    computed = modes.read(path, temperature, part)
    notes = _comparable(computed, wanted)
    if not np.isfinite(computed.kappa) or not np.isfinite(computed.modes).all():
        return _because(failed, "κ is not finite")
    if (why := imaginary(computed)) is not None:
        return _because(failed, why)
    both = computed.kappa + wanted.kappa
    difference = np.abs(computed.modes - wanted.modes).sum() / wanted.weights.sum()
    return Srme(
        float(2 * difference / both),
        float(2 * (computed.kappa - wanted.kappa) / both),
        computed.kappa,
        wanted.kappa,
        notes,
    )


def _because(failed: Srme, why: str) -> Srme:
    return Srme(failed.value, failed.error, failed.kappa, failed.reference, [why])


def imaginary(computed: modes.Modes, acoustic: float = -0.01) -> str | None:
    """Which imaginary mode a file has, in words; None where it has none.

    Away from Γ, and for its optical modes, any frequency below zero counts; the three acoustic
    ones at Γ, the nearest to zero, may be as low as `acoustic` (THz).
    """
    gate = np.zeros_like(computed.frequencies)
    for q in np.flatnonzero((np.abs(computed.qpoints) < 1e-8).all(axis=1)):
        gate[q, np.argsort(np.abs(computed.frequencies[q]))[:3]] = acoustic
    below = computed.frequencies < gate
    if not below.any():
        return None
    worst = np.where(below, computed.frequencies, 0.0)
    q, branch = np.unravel_index(int(np.argmin(worst)), worst.shape)
    where = ", ".join(f"{x:.3f}" for x in computed.qpoints[q])
    return f"imaginary: {worst[q, branch]:.3f} THz at q = ({where})"


def _comparable(one: modes.Modes, two: modes.Modes) -> list[str]:
    """Notes on two files that may be compared."""
    names = f"{one.path} and {two.path}"
    if one.mesh != two.mesh:
        raise InputError(f"{names}: meshes {one.mesh} and {two.mesh}; compute both on one mesh")
    if one.frequencies.shape[1] != two.frequencies.shape[1]:
        raise InputError(
            f"{names}: {one.frequencies.shape[1]} and {two.frequencies.shape[1]} branches; both "
            f"need the same primitive cell"
        )
    if one.qpoints.shape != two.qpoints.shape or not (
        np.allclose(one.qpoints, two.qpoints, atol=1e-6) and (one.weights == two.weights).all()
    ):
        raise InputError(
            f"{names}: other irreducible q-points on the same mesh: one crystal has another "
            f"symmetry or another choice of primitive cell"
        )
    if one.scattering != two.scattering:
        raise InputError(f"{names}: scattering by {one.scattering} and by {two.scattering}")
    if one.version is not None and two.version is not None and one.version != two.version:
        raise InputError(
            f"{names}: phono3py {one.version} and {two.version}; its versions give other κ of the "
            f"same force constants, compute both with one"
        )
    return [
        f"{file.path}: version of phono3py unknown, not compared"
        for file in (one, two)
        if file.version is None
    ]


def run(path: Path, reference: Path, part: modes.Part = "rta") -> str:
    """`srme` of two files in words.

    Raises:
        InputError: as `srme`.
    """
    apart = srme(path, reference, part=part)
    head = f"κ_SRME {apart.value:.4f}: κ {apart.kappa:.4g}, reference {apart.reference:.4g} W/(m K)"
    return "\n".join([head, *apart.words])
