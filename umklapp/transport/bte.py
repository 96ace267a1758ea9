"""κ from the linearised Boltzmann equation (phono3py): relaxation times or direct solution.

With the inter-band term κ is the sum of two parts. phono3py counts pairs of degenerate bands to
that term, though they conduct like populations: in Stillinger–Weber silicon they are 99 % of it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from phono3py import Phono3py
from phono3py.conductivity.calculators import LBTECalculator, RTACalculator

from umklapp import config
from umklapp.transport import modes
from umklapp.transport.kappa_records import KappaNumbers


@dataclass(frozen=True)
class Kappa:
    """κ of one model.

    temperatures: (n_T,) K; kappa: (n_T, 6) W/(m K) in the order xx yy zz yz xz xy, None when it
    was not computed; reason: why not; lowest_frequency: THz over the mesh; intra, inter: the parts
    of kappa within and between bands where the inter-band term was asked for; rta: what the
    relaxation-time approximation gives where κ is a direct solution; all as kappa; method: words.
    """

    temperatures: list[float]
    kappa: np.ndarray | None
    reason: str | None
    lowest_frequency: float
    intra: np.ndarray | None = None
    inter: np.ndarray | None = None
    rta: np.ndarray | None = None
    method: str = "phono3py RTA, tetrahedron, three-phonon"

    def scalar(self) -> np.ndarray | None:
        """A third of the trace, (n_T,) W/(m K)."""
        return _scalar(self.kappa)

    def numbers(self) -> KappaNumbers:
        """For a record."""
        return KappaNumbers(
            temperatures_K=self.temperatures,
            kappa_W_per_mK=_plain(self.scalar()),
            kappa_tensor_W_per_mK=_plain(self.kappa),
            kappa_intra_W_per_mK=_plain(_scalar(self.intra)),
            kappa_inter_W_per_mK=_plain(_scalar(self.inter)),
            kappa_rta_W_per_mK=_plain(_scalar(self.rta)),
            method=self.method,
            not_computed=self.reason,
            lowest_frequency_THz=self.lowest_frequency,
        )


def describe_method(settings: config.Conductivity) -> str:
    """How κ is computed."""
    parts = [f"phono3py {settings.method.upper()}", "tetrahedron", "three-phonon"]
    if settings.isotopes:
        parts.append("isotopes")
    if settings.boundary_mfp is not None:
        parts.append(f"boundaries {settings.boundary_mfp:g} µm")
    if settings.interband:
        parts.append("inter-band (SMM19)")
    return ", ".join(parts)


def _scalar(tensor: np.ndarray | None) -> np.ndarray | None:
    return None if tensor is None else tensor[:, :3].mean(axis=1)


def _plain(values: np.ndarray | None) -> list[Any] | None:
    return None if values is None else values.tolist()


def solve(
    phonon: Phono3py,
    settings: config.Conductivity,
    mesh: list[int],
    imaginary: float,
    modes_to: Path | None = None,
) -> Kappa:
    """Conductivity from the fc2 and fc3 in `phonon`, tetrahedron integration.

    Args:
        phonon: with force constants.
        settings: method, temperatures, isotopes, boundaries, inter-band term.
        mesh: q-mesh.
        imaginary: gate in THz; a lower frequency on the mesh means no κ, with the reason.
        modes_to: file for the modes (`modes.write`), or for the reason why there is no κ.
    """
    phonon.mesh_numbers = mesh
    phonon.init_phph_interaction()
    phonon.run_phonon_solver()
    frequencies, _, _ = phonon.get_phonon_data()
    lowest = float(frequencies.min())
    nothing = Kappa(
        list(settings.temperatures), None, None, lowest, method=describe_method(settings)
    )
    if lowest < imaginary:
        where = np.unravel_index(int(np.argmin(frequencies)), frequencies.shape)
        address = phonon.grid.addresses[where[0]] / np.array(mesh)
        reason = (
            f"not dynamically stable: {lowest:.3f} THz at q = "
            f"({', '.join(f'{x:.3f}' for x in address)}), allowed {imaginary:g} THz"
        )
        return _failed(nothing, reason, modes_to)
    phonon.run_thermal_conductivity(
        is_LBTE=settings.method == "lbte",
        temperatures=list(settings.temperatures),
        is_isotope=settings.isotopes,
        boundary_mfp=settings.boundary_mfp,
        transport_type="SMM19" if settings.interband else None,
    )
    parts = _parts(phonon.thermal_conductivity, settings)
    kappa = parts["kappa"]
    if not np.isfinite(kappa).all() or (kappa[:, :3] <= 0).any():
        return _failed(nothing, "κ is not positive and finite", modes_to)
    if modes_to is not None:
        modes.write(modes_to, phonon, settings, kappa)
    return replace(nothing, **parts)


def _failed(nothing: Kappa, reason: str, modes_to: Path | None) -> Kappa:
    if modes_to is not None:
        modes.write_reason(modes_to, reason)
    return replace(nothing, reason=reason)


def _parts(
    calculator: RTACalculator | LBTECalculator, settings: config.Conductivity
) -> dict[str, Any]:
    """κ and its parts, by their names in `Kappa`."""
    parts = {"kappa": np.array(calculator.kappa)[0]}
    if settings.method == "lbte":
        parts["rta"] = np.array(calculator.kappa_RTA)[0]
    if settings.interband:
        parts["inter"] = np.array(calculator.kappa_inter)[0]
        # phono3py 4.8.2 calls the total κ in one method and the part within bands in the other
        if settings.method == "lbte":
            parts["intra"] = parts["kappa"]
        else:
            parts["intra"] = np.array(calculator.kappa_intra)[0]
        parts["kappa"] = parts["intra"] + parts["inter"]
    return parts
