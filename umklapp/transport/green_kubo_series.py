"""green_kubo_series.h5: the curves behind κ by Green–Kubo, for the figure and later use."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path

import h5py
import numpy as np

from umklapp import hdf5


def _none() -> np.ndarray:
    return np.empty(0)


@dataclass(frozen=True)
class ModeSeries:
    """Of the modes of the supercell; empty where there are none.

    spectrum_frequencies_THz: (n_f,); velocity_spectra_eV_per_THz: (n_f, n_q, n_b), kinetic energy;
    vibrational_density_eV_per_THz: (n_f,), its sum over the modes; lifetimes_fs,
    mode_frequencies_THz: (n_q, n_b); mode_qpoints: (n_q, 3), fractional.
    """

    spectrum_frequencies_THz: np.ndarray = field(default_factory=_none)
    velocity_spectra_eV_per_THz: np.ndarray = field(default_factory=_none)
    vibrational_density_eV_per_THz: np.ndarray = field(default_factory=_none)
    lifetimes_fs: np.ndarray = field(default_factory=_none)
    mode_frequencies_THz: np.ndarray = field(default_factory=_none)
    mode_qpoints: np.ndarray = field(default_factory=_none)


@dataclass(frozen=True)
class GreenKuboSeries(ModeSeries):
    """Of the flux, and of the modes; what there is none of is empty.

    times_fs, integral, smooth_integral: (n_t,), κ-like ones in W/(m K); correlation: (n_t,),
    W/(m K) per fs; cepstral_frequencies_THz, cepstral_periodogram, cepstral_smooth: (n_c,), the
    last two in W/(m K).
    """

    times_fs: np.ndarray = field(default_factory=_none)
    correlation: np.ndarray = field(default_factory=_none)
    integral: np.ndarray = field(default_factory=_none)
    smooth_integral: np.ndarray = field(default_factory=_none)
    cepstral_frequencies_THz: np.ndarray = field(default_factory=_none)
    cepstral_periodogram: np.ndarray = field(default_factory=_none)
    cepstral_smooth: np.ndarray = field(default_factory=_none)

    def write(self, path: Path) -> None:
        """Write hdf5 atomically: a data set for everything that is not empty."""
        with hdf5.writing(path) as file:
            for name, values in vars(self).items():
                if len(values):
                    file[name] = values

    @classmethod
    def read(cls, path: Path) -> GreenKuboSeries:
        """What `write` wrote."""
        with h5py.File(path) as file:
            names = [one.name for one in fields(cls) if one.name in file]
            return cls(**{name: file[name][()] for name in names})
