"""How stiff a crystal is, and a prior that is as wide as that.

The widths of `potential.taylor` were found on rock salt. Force constants of all orders grow with
the stiffness of the bonds, and a prior that is too narrow is a bias that no label mends: without a
model, κ of MgO, five times as stiff, was twice too large from one label and 10 % too large from
four; with its own widths the error is 3 and 0.8 %. Wider than needed costs little.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ase import Atoms

from umklapp import config
from umklapp.potentials.taylor.model import displacements

WIDTHS = ("harmonic_range", "cubic_width", "quartic_width")
"""What grows with the stiffness; `harmonic_width` is relative to known force constants."""

SOFT = 3.0
"""eV/Å²; stiffness up to which the widths are those of the configuration (NaCl has 2.6)."""


def stiffness(perfect: Atoms, labels: Sequence[Atoms]) -> float:
    """Rms force over rms displacement of labels in one supercell, eV/Å²; 0 without displacements.

    Raises:
        InputError: a label is no displacement of `perfect`.
    """
    forces = np.array([label.get_forces() for label in labels])
    away = displacements(perfect, labels)
    size = float(np.sqrt(np.mean(away**2)))
    return float(np.sqrt(np.mean(forces**2))) / size if size > 0 else 0.0


def widened(settings: config.Taylor, perfect: Atoms, labels: Sequence[Atoms]) -> config.Taylor:
    """The settings with widths for a crystal as stiff as its labels say; never narrower.

    Raises:
        InputError: as `stiffness`.
    """
    factor = max(1.0, stiffness(perfect, labels) / SOFT)
    return settings.model_copy(update={name: factor * getattr(settings, name) for name in WIDTHS})
