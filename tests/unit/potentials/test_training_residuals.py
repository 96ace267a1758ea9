"""What is left of the training labels, by kind and cell."""

import numpy as np
import pytest
from conftest import diamond, label, rattled
from models import sw_potential

from umklapp.crystals import frame_info
from umklapp.potentials.contract import Prediction
from umklapp.potentials.training_residuals import left_on


class Shifted:
    """A potential that is wrong by a known amount: 0.1 eV/Å along x in large cells alone."""

    def evaluate(self, frames):
        found = sw_potential().evaluate(frames)
        shift = [0.1 * (len(frame) > 8) * np.array([1.0, 0, 0]) for frame in frames]
        forces = [one + two for one, two in zip(found.forces, shift, strict=True)]
        return Prediction(found.energy, forces, found.stress)


def labels():
    large = diamond().repeat((2, 1, 1))
    kinds = [("aimd 0", diamond()), ("rattled 1", large), ("aimd 0", diamond()), ("aimd 0", large)]
    found = []
    for number, (origin, atoms) in enumerate(kinds):
        frame = label(rattled(number, 0.05, atoms))
        frame_info.mark(frame, origin=origin)
        found.append(frame)
    return found


def test_every_kind_and_cell_has_its_own_number():
    frames = labels()
    found = {(left.kind, left.atoms): left for left in left_on(Shifted(), frames)}
    assert {key: left.frames for key, left in found.items()} == {
        ("aimd", 8): 2,
        ("rattled", 16): 1,
        ("aimd", 16): 1,
    }
    assert found["aimd", 8].force_rmse_eV_per_A < 1e-10
    assert found["rattled", 16].force_rmse_eV_per_A == pytest.approx(0.1 / np.sqrt(3))
    rms = np.sqrt(np.mean(frames[1].get_forces() ** 2))
    assert found["rattled", 16].force_rms_eV_per_A == pytest.approx(rms)
