"""Mode-resolved κ: phono3py's kappa hdf5, completed by what its writer leaves out."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import h5py
import numpy as np
from phono3py import Phono3py
from phono3py.conductivity.calculators import LBTECalculator, RTACalculator
from phono3py.conductivity.output import ConductivityLBTEWriter, ConductivityRTAWriter

from umklapp import config, hdf5
from umklapp.errors import CalculationError, InputError
from umklapp.files import replacing

INTER = "mode_kappa_inter"
"""Data set of the inter-band part of every mode; phono3py has no name for it."""

Part = Literal["rta", "total"]


def write(path: Path, phonon: Phono3py, settings: config.Conductivity, kappa: np.ndarray) -> None:
    """Modes of the conductivity that was just computed.

    phono3py's writer leaves some things out, which are added: `mode_kappa` (n_T, n_q, n_b, 6) of
    the direct solution and with the inter-band term, and that term by modes, `mode_kappa_inter`.
    `kappa` is the total, where phono3py writes the intra-band part of a direct solution.

    Args:
        path: hdf5. phonon: after `run_thermal_conductivity`.
        settings: that it was computed with.
        kappa: (n_T, 6) W/(m K), total.
    """
    calculator, volume = phonon.thermal_conductivity, phonon.primitive.volume
    target = path.resolve()
    with replacing(target) as part:
        # phono3py makes the name itself and writes into the working directory
        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
            if isinstance(calculator, LBTECalculator):
                ConductivityLBTEWriter.write_kappa(calculator, volume)
            else:
                ConductivityRTAWriter.write_kappa(calculator, volume, compression="gzip")
            (written,) = Path(folder).glob("kappa-m*.hdf5")
            shutil.copyfile(written, part)
        with hdf5.changing(part) as file:
            file.attrs["method"], file.attrs["interband"] = settings.method, settings.interband
            file["kappa"][...] = kappa
            for name, values in _left_out(calculator, settings).items():
                file.create_dataset(name, data=values, compression="gzip")


def _left_out(
    calculator: RTACalculator | LBTECalculator, settings: config.Conductivity
) -> dict[str, np.ndarray]:
    if not settings.interband:
        return {"mode_kappa": calculator.mode_kappa[0]} if settings.method == "lbte" else {}
    pairs = np.array(calculator.mode_kappa_matrix)[0]
    diagonal = np.einsum("tqiic->tqic", pairs)
    datasets = {INTER: split_pairs(pairs, np.array(calculator.mode_heat_capacities)) - diagonal}
    datasets["mode_kappa"] = calculator.mode_kappa[0] if settings.method == "lbte" else diagonal
    return datasets


def split_pairs(pairs: np.ndarray, capacity: np.ndarray) -> np.ndarray:
    """κ of pairs of bands as κ of bands: both get a share in proportion to their heat capacity.

    Args:
        pairs: (n_T, n_q, n_b, n_b, 6) W/(m K), symmetric in the bands.
        capacity: (n_T, n_q, n_b), any unit.

    Returns:
        (n_T, n_q, n_b, 6) with the same sum.
    """
    own, other = capacity[..., :, None], capacity[..., None, :]
    total = own + other
    share = np.divide(2 * own, total, out=np.ones_like(total), where=total > 0)
    return np.asarray((share[..., None] * pairs).sum(axis=3))


def write_reason(path: Path, reason: str) -> None:
    """The file of a crystal without κ: only the reason, in words."""
    with hdf5.writing(path) as file:
        file.attrs["not_computed"] = reason


def reason(path: Path) -> str | None:
    """Why a file has no κ; None where it has one."""
    with _open(path) as file:
        if "not_computed" in file.attrs:
            return str(file.attrs["not_computed"])
        if "kappa" not in file:
            return f"{path}: no data set 'kappa'"
    return None


@dataclass(frozen=True)
class Modes:
    """One temperature of a file, on the irreducible q-points.

    version: of phono3py, None where the file does not say; mesh: (3,); qpoints: (n_q, 3)
    fractional; weights: (n_q,); frequencies: (n_q, n_b) THz; kappa: a third of the trace, W/(m K);
    modes: (n_q, n_b) as kappa, with Σ modes = κ Σ weights; scattering: what there is besides
    phonons, in words.
    """

    path: Path
    version: str | None
    mesh: list[int]
    qpoints: np.ndarray
    weights: np.ndarray
    frequencies: np.ndarray
    kappa: float
    modes: np.ndarray
    scattering: str


def read(path: Path, temperature: float, part: Part = "rta") -> Modes:
    """Modes at a temperature (K) of a file of `write` or of phono3py itself.

    Args:
        part: relaxation-time part within bands, or all that the calculation has.

    Raises:
        InputError: no such temperature or part in the file.
        CalculationError: the modes do not add up to κ.
    """
    with _open(path) as file:
        stored = file["temperature"][()]
        place = int(np.argmin(np.abs(stored - temperature)))
        if abs(stored[place] - temperature) > 1e-3:
            raise InputError(f"{path}: no {temperature:g} K, the file has {stored.tolist()} K")
        rta = "_RTA" if part == "rta" and "kappa_RTA" in file else ""
        intra = part == "rta" and "kappa_intra" in file
        kappa_name, mode_name = "kappa_intra" if intra else f"kappa{rta}", f"mode_kappa{rta}"
        missing = [n for n in (kappa_name, mode_name, "weight", "qpoint") if n not in file]
        if part == "total" and "kappa_inter" in file and INTER not in file:
            missing.append(INTER)
        if missing:
            raise InputError(
                f"{path}: no data set {missing}; κ by modes needs a file of conductivity.bte.solve "
                f"with `modes_to`, or of phono3py's RTA"
            )
        modes = file[mode_name][place]
        if part == "total" and INTER in file:
            modes = modes + file[INTER][place]
        boundary = f"boundaries {file['boundary_mfp'][()]:g} µm" if "boundary_mfp" in file else ""
        isotopes = "isotopes" if "gamma_isotope" in file else ""
        solved = Modes(
            path,
            file["version"][()].decode() if "version" in file else None,
            file["mesh"][()].tolist(),
            file["qpoint"][()],
            file["weight"][()],
            file["frequency"][()],
            float(file[kappa_name][place, :3].mean()),
            modes[..., :3].mean(axis=-1),
            ", ".join(filter(None, [isotopes, boundary])) or "phonons only",
        )
    total = float(solved.modes.sum() / solved.weights.sum())
    if np.isfinite(solved.kappa) and not abs(total - solved.kappa) <= 1e-6 * abs(solved.kappa):
        raise CalculationError(
            f"{path}: the modes add up to {total:.6g} W/(m K), κ is {solved.kappa:.6g}; the file "
            f"is damaged, or its modes are of another part of κ"
        )
    return solved


@dataclass(frozen=True)
class Linewidths:
    """Three-phonon linewidths at one temperature, on the irreducible q-points.

    mesh: (3,); weights: (n_q,); frequencies: (n_q, n_b) THz; gamma: (n_q, n_b) THz, the imaginary
    part Γ of the self-energy, half of the full width.
    """

    mesh: list[int]
    weights: np.ndarray
    frequencies: np.ndarray
    gamma: np.ndarray

    @property
    def lifetimes(self) -> np.ndarray:
        """τ = 1/(4π Γ), (n_q, n_b) ps (Togo et al., Phys. Rev. B 91, 094306 (2015): 1/2Γ with Γ as
        an angular frequency); NaN where a mode cannot decay."""
        width = np.where(self.gamma > 0, self.gamma, np.nan)
        return np.asarray(1 / (4 * np.pi * width))


def read_linewidths(path: Path, temperature: float) -> Linewidths:
    """Linewidths of a file of `write` or of phono3py itself.

    Args:
        temperature: K.

    Raises:
        InputError: no such temperature, or no linewidths in the file.
    """
    with _open(path) as file:
        if "gamma" not in file:
            raise InputError(f"{path}: no data set 'gamma', so no lifetimes")
        stored = file["temperature"][()]
        place = int(np.argmin(np.abs(stored - temperature)))
        if abs(stored[place] - temperature) > 1e-3:
            raise InputError(f"{path}: no {temperature:g} K, the file has {stored.tolist()} K")
        return Linewidths(
            file["mesh"][()].tolist(),
            file["weight"][()],
            file["frequency"][()],
            file["gamma"][place],
        )


def _open(path: Path) -> h5py.File:
    try:
        return h5py.File(path, "r")
    except OSError as error:
        raise InputError(f"{path}: cannot be read as hdf5: {error}") from None
