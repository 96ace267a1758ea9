"""The range of every number of a configuration: what a physicist may want, with room on both sides.

A value outside is a typing error or a wrong unit; the message names key, value, range and remedy.
Where a section takes 0, it says "none" and has no range; of signed numbers the size counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

OFF = 1e12
"""A bound that is larger than anything it is compared with: somebody has turned it off."""


@dataclass(frozen=True)
class Range:
    """Smallest and largest size of a number, and its unit."""

    low: float
    high: float
    unit: str = ""

    def __contains__(self, value: float) -> bool:
        return value == 0 or self.low <= abs(value) <= self.high

    def __str__(self) -> str:
        sizes = f"at least {self.low:g}" if self.high == OFF else f"{self.low:g} to {self.high:g}"
        return f"{sizes} {self.unit}".rstrip()


COUNT, STEPS, WEIGHT = Range(1, 1e6), Range(1, 1e9), Range(1e-6, 1e9)
LABELS = Range(1, 1e5, "labels")
SHARE, RELATIVE, WIDTH = Range(1e-4, 1), Range(1e-6, OFF), Range(1, 4096)
KELVIN, FEMTOSECONDS, FRICTION = Range(0.1, 2e4, "K"), Range(0.01, 20, "fs"), Range(1e-7, 1, "1/fs")
PICOSECONDS = Range(1e-3, 1e6, "ps")
DISPLACED, RADIUS = Range(1e-4, 0.5, "Å"), Range(1, 12, "Å")
FORCE, STRESS, WORST = Range(1e-7, 1, "eV/Å"), Range(1e-9, 0.1, "eV/Å³"), Range(1e-4, OFF, "eV/Å")
BOND = Range(1e-6, 0.99, "bond lengths")
MESH = Range(1, 1000, "points")
RATE = Range(1e-9, 1)

RANGES: dict[str, Range] = {
    # crystals and their first labels
    "relax_fmax": FORCE,
    "relax_smax": STRESS,
    "atoms": Range(1, 5000, "atoms"),
    "sampling_supercell": Range(1, 50, "primitive vectors"),
    "phonon_supercell": Range(1, 50, "primitive vectors"),
    "supercell": Range(1, 50, "primitive vectors"),
    "count": LABELS,
    "every": COUNT,
    "skip": Range(1, 1e9, "frames"),
    "amplitudes": Range(1e-4, 2, "Å"),
    "strain": Range(1e-5, 0.2),
    "strains": Range(1e-5, 0.3),
    "displacement": DISPLACED,
    "temperature": KELVIN,
    "temperatures": KELVIN,
    "timestep": FEMTOSECONDS,
    "friction": FRICTION,
    "steps": STEPS,
    "calibration": SHARE,
    "test": SHARE,
    "parents": Range(1, 3, "folders"),
    "max_megabytes": Range(1e-3, 1e9, "MB"),
    "interval": Range(1e-3, 3600, "s"),
    "patience": COUNT,
    "electronic_temperature": Range(0.1, 1e5, "K"),
    "stiffness": Range(1e-3, 1e3, "eV per atom"),
    "shells": Range(1, 6),
    "targets": Range(1e-6, 1),
    "members": Range(1, 100, "members"),
    "start": LABELS,
    "batch": LABELS,
    "bound": Range(1e-6, OFF, "eV or eV/Å"),
    "frames": COUNT,
    # the reference
    "ecut": Range(20, 1e4, "eV"),
    "ecut_density": Range(40, 1e5, "eV"),
    "kpoint_density": Range(0.01, 100, "points per Å⁻¹"),
    "kpoints": Range(1, 200, "points"),
    "grid_spacing": Range(0.03, 1, "Å"),
    "smearing": Range(1e-5, 10, "eV"),
    "energy_tolerance": Range(1e-14, 0.1, "eV"),
    "density_tolerance": Range(1e-14, 0.1),
    "eigenstate_tolerance": Range(1e-16, 0.01, "eV²"),
    "force_tolerance": Range(1e-7, 1, "eV/Å"),
    "max_iterations": Range(1, 1e5, "iterations"),
    "mixing": Range(1e-3, 1),
    # foundation models
    "unknowns": Range(1, 1e6, "parameters"),
    "oversampling": Range(1, 1e3),
    "thermal_frames": Range(1, 1e4, "cells"),
    "stop.labels": LABELS,
    "check": LABELS,
    "stop.audit": LABELS,
    "sigma": Range(1e-3, OFF),
    "stop.error": SHARE,
    # networks and their training
    "cutoff": RADIUS,
    "layers": Range(1, 10),
    "l_max": Range(1, 10),
    "features": WIDTH,
    "radial_width": WIDTH,
    "bessel": Range(1, 200),
    "scalar_features": WIDTH,
    "tensor_features": WIDTH,
    "latent_width": WIDTH,
    "readout_width": WIDTH,
    "energy_width": WIDTH,
    "heads": Range(1, 256),
    "channels": WIDTH,
    "hidden_l": Range(1, 3),
    "correlation": Range(1, 4),
    "epochs": Range(1, 1e6, "epochs"),
    "transfer_epochs": Range(1, 1e6, "epochs"),
    "learning_rate": RATE,
    "transfer_learning_rate": RATE,
    "batch_size": Range(1, 1e5, "frames"),
    "left": Range(1e-4, 1),
    "repeats": Range(1, 100),
    "ema_decay": Range(1e-3, 1),
    "energy_weight": WEIGHT,
    "force_weight": WEIGHT,
    "stress_weight": WEIGHT,
    "quiet_frames": Range(1e-3, 1),
    "weight_decay": Range(1e-12, 10),
    "plateau_factor": Range(1e-3, 1),
    "plateau_patience": Range(1, 1e6, "epochs"),
    "scratch_every": COUNT,
    "subsamples": Range(1, 100, "members"),
    "committee.seeds": Range(1, 100, "members"),
    "fraction": Range(0.01, 1),
    # the Taylor expansion
    "taylor.steps": COUNT,
    "energy_scale": Range(1e-6, 1e3, "eV"),
    "noise": Range(1e-9, 1, "eV/Å"),
    "harmonic_width": Range(1e-6, 100),
    "harmonic_range": Range(1e-4, 1e5, "eV/Å²"),
    "cubic_width": Range(1e-5, 1e5, "eV/Å³"),
    "cubic_decay": Range(1e-3, 50),
    "cubic_nearest": Range(1e-3, 1e5),
    "cubic_cutoff": Range(0.5, 100, "Å"),
    "quartic_width": Range(1e-4, 1e7, "eV/Å⁴"),
    # fine-tuning
    "finetune.steps": COUNT,
    "cotraining": Range(1, 1e4, "steps"),
    "columns": Range(1, 1e4, "columns"),
    "clip_norm": Range(1e-6, OFF),
    "weights.energy": WEIGHT,
    "weights.force": WEIGHT,
    "weights.stress": WEIGHT,
    "weights.curvature": WEIGHT,
    "cotraining_weights.energy": WEIGHT,
    "cotraining_weights.force": WEIGHT,
    "cotraining_weights.stress": WEIGHT,
    "validate_every": COUNT,
    "forgetting": Range(0.1, OFF),
    # dynamics
    "replicas": Range(1, 1e5, "replicas"),
    "pressure": Range(1e-6, 5e3, "GPa"),
    "barostat.time": Range(1, 1e7, "fs"),
    "compressibility": Range(1e-6, 100, "1/GPa"),
    "bias": Range(1e-4, 1),
    "max_temperature": Range(1, OFF, "times the temperature"),
    "min_distance": BOND,
    "max_force": Range(0.01, OFF, "eV/Å"),
    "max_uncertainty": WORST,
    "max_drift": Range(1e-7, OFF, "eV per atom"),
    # choice of frames, and the rounds
    "lower": WORST,
    "shift": Range(1e-6, 1e3),
    "width": Range(1e-3, 1e3),
    "viability_band": Range(0.1, OFF),
    "spacing": Range(0.01, 1e6, "fs"),
    "acquisition.batch_size": LABELS,
    "rounds.max": Range(1, 100, "rounds"),
    "force_error": WORST,
    "worst_error": WORST,
    "share_above": Range(1e-6, 1),
    "check_labels": LABELS,
    "independent": Range(1e-3, 1e6),
    "calibration_band": Range(1, OFF),
    "training_share": SHARE,
    "sigma_change": RELATIVE,
    "sigma_error": SHARE,
    "kappa_change": RELATIVE,
    "kappa_spread": RELATIVE,
    # the verdict
    "enter": Range(0.1, 1e6, "widths"),
    "leave": Range(0.01, 1e6, "widths"),
    "shortest": Range(0.01, 1e9, "fs"),
    "gap": Range(0.01, 1e9, "fs"),
    "dynamics": PICOSECONDS,
    "rarest": Range(1e-6, 1e3, "1/ps"),
    "sigma_atoms": Range(1, 1e5, "atoms"),
    "persistence.frames": Range(1, 1e3, "labels"),
    "duration": Range(1, 1e7, "fs"),
    "persistence.error": WORST,
    # κ
    "mesh": MESH,
    "round_mesh": MESH,
    "imaginary": Range(1e-6, 100, "THz"),
    "pair_cutoff": Range(0.5, 100, "Å"),
    "random_displacements": Range(1, 1e6, "supercells"),
    "random_amplitude": DISPLACED,
    "boundary_mfp": Range(1e-5, 1e9, "µm"),
    "mesh_tolerance": Range(1e-6, 1),
    "trajectories": Range(1, 1e5, "runs"),
    "equilibration": PICOSECONDS,
    "length": PICOSECONDS,
    "flux_every": Range(1, 1e4, "steps"),
    "frames_every": Range(1, 1e6, "fluxes"),
    "least_atoms": Range(1, 1e6, "atoms"),
    "effective_frames": Range(1, 1e6, "frames"),
    "audit.labels": LABELS,
    "largest_error": WORST,
    "anharmonic_error": Range(1e-3, OFF),
    "elastic.amplitudes": Range(1e-5, 0.05),
    "fmax": FORCE,
    "smax": STRESS,
    "reference_fmax": FORCE,
    # jobs
    "label_chunks": Range(1, 1e4, "jobs of a stage"),
    "label_timeout": Range(0.01, 1e8, "s"),
    "label_tries": Range(1, 1e3, "attempts"),
    "retries": Range(1, 100, "attempts"),
    "walltime": Range(1e-3, 1e4),
    "memory": Range(1e-3, 1e4),
    "max_walltime": Range(1, 1e6, "minutes"),
    "max_memory": Range(100, 1e8, "MB"),
    "min_free_disk": Range(1e-3, 1e9, "GB"),
}
"""By the end of a key's path; of several that fit, the longest holds."""

FREE = ("parameters",)
"""Keys below these belong to other programs."""


def of(names: Sequence[str]) -> Range | None:
    """The range of the key with this path; None where there is none (`FREE`, the seed).

    Places in lists do not count, and what a mapping calls its entries neither.
    """
    path = [name for name in names if not name.isdecimal()]
    if set(FREE) & set(path):
        return None
    for end in range(len(path), 0, -1):
        for begin in range(end):
            if allowed := RANGES.get(".".join(path[begin:end])):
                return allowed
    return None


def numbers(dumped: Mapping[str, Any]) -> Iterator[tuple[list[str], float]]:
    """Path and value of every number in plain sections."""
    left: list[tuple[list[str], Any]] = [([], dumped)]
    while left:
        path, value = left.pop(0)
        inner = dict(enumerate(value)) if isinstance(value, list) else value
        if isinstance(inner, Mapping):
            left += [([*path, str(name)], part) for name, part in inner.items()]
        elif isinstance(inner, int | float) and not isinstance(inner, bool):
            yield path, inner


def problems(dumped: Mapping[str, Any]) -> Iterator[str]:
    """A line for every number outside its range: key, value, range, remedy."""
    for path, value in numbers(dumped):
        allowed = of(path)
        if allowed is not None and value not in allowed:
            unit = f" {allowed.unit}" if allowed.unit else ""
            yield (
                f"{'.'.join(path)}: {value:.4g}{unit} must be a typing error or of another unit: "
                f"write {allowed}"
            )
