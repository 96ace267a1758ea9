"""What a freshly trained committee is worth: errors on the test set, calibration, statistics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
from ase import Atoms

from umklapp.frames import has_stress, stress_of
from umklapp.potentials.committee import Committee, CommitteePrediction
from umklapp.sampling import uncertainty
from umklapp.sampling.acquisition import Statistics


def reference_energies(committee: Committee, perfect: Atoms) -> np.ndarray:
    """Energy of every member on the perfect crystal R0, (K,) eV per atom."""
    return np.asarray(committee.evaluate_members([perfect]).energy[:, 0] / len(perfect))


def errors(prediction: CommitteePrediction, frames: Sequence[Atoms]) -> dict[str, float | None]:
    """Errors of the committee mean in physical units; stress is None where nothing has one."""
    mean = prediction.mean
    force = np.concatenate(
        [
            (ours - frame.get_forces()).ravel()
            for ours, frame in zip(mean.forces, frames, strict=True)
        ]
    )
    energy = np.array(
        [
            (ours - frame.get_potential_energy()) / len(frame)
            for ours, frame in zip(mean.energy, frames, strict=True)
        ]
    )
    labelled = [number for number, frame in enumerate(frames) if has_stress(frame)]
    stress = [mean.stress[number] - stress_of(frames[number]) for number in labelled]
    reference = np.concatenate([frame.get_forces().ravel() for frame in frames])
    return {
        "force_mae_eV_per_A": float(np.abs(force).mean()),
        "force_rmse_eV_per_A": float(np.sqrt((force**2).mean())),
        "force_rms_reference_eV_per_A": float(np.sqrt((reference**2).mean())),
        "energy_mae_eV_per_atom": float(np.abs(energy).mean()),
        "stress_mae_eV_per_A3": float(np.abs(np.array(stress)).mean()) if stress else None,
    }


def judge(
    committee: Committee,
    perfect: Atoms,
    calibration: Sequence[Atoms],
    test: Sequence[Atoms],
    kind: str,
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Numbers for `committee.json`, and a row per test frame with uncertainty and error.

    Args:
        perfect: crystal R0 that energies are counted from.
        calibration: frames behind the calibration factor and the acquisition statistics.
        test: frames behind the reported errors; none of them is used for anything else.
        kind: the uncertainty that acquisition uses.
    """
    zero = reference_energies(committee, perfect)
    on_calibration = committee.evaluate_members(calibration)
    spread = uncertainty.measure(on_calibration, zero)
    energy = uncertainty.relative_energy(on_calibration, zero)
    factor = uncertainty.calibration_factor(
        uncertainty.force_errors(on_calibration, calibration), spread.per_atom
    )
    on_test = committee.evaluate_members(test)
    test_spread = uncertainty.measure(on_test, zero)
    atom_errors = uncertainty.force_errors(on_test, test)
    table = pd.DataFrame(
        {
            "frame_id": [frame.info["frame_id"] for frame in test],
            "origin": [frame.info.get("origin", "") for frame in test],
            "uncertainty_eV_per_A": test_spread.force_max,
            "expected_error_eV_per_A": factor * test_spread.force_max,
            "error_eV_per_A": [each.max() for each in atom_errors],
        }
    )
    every_error, every_spread = np.concatenate(atom_errors), np.concatenate(test_spread.per_atom)
    return {
        "reference_energy_eV_per_atom": zero.tolist(),
        "calibration_factor": factor,
        "statistics": asdict(Statistics.of(spread.of(kind), energy)),
        "test": errors(on_test, test),
        "calibration": errors(on_calibration, calibration),
        "test_error_over_expected": uncertainty.error_over_expected(
            every_error, every_spread, factor
        ),
        "rank_correlation": uncertainty.rank_correlation(every_error, every_spread),
        "frames": {"calibration": len(calibration), "test": len(test)},
    }, table
