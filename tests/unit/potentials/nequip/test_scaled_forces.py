"""The scaled forces of NequIP's loss are those of `quiet_frames`."""

from itertools import permutations

import numpy as np
import pytest
import torch
from hydra.utils import instantiate
from hypothesis import given
from hypothesis import strategies as st

from umklapp import config
from umklapp.potentials.nequip import scaled_forces
from umklapp.potentials.nequip.training_settings import loss_weights
from umklapp.potentials.quiet_frames import frame_scales

SIZES = (5, 2, 3)


@pytest.fixture
def batch():
    generator = np.random.default_rng(1)
    labels = [
        scale * generator.normal(size=(n, 3)) for n, scale in zip(SIZES, (1, 0.1, 0), strict=True)
    ]
    predicted = [one + 0.01 * generator.normal(size=one.shape) for one in labels]
    return labels, predicted


def data(forces):
    frame = np.repeat(np.arange(len(forces)), [len(one) for one in forces])
    return {"forces": torch.tensor(np.concatenate(forces)), "batch": torch.tensor(frame)}


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0])
def test_predictions_and_labels_of_a_batch_have_the_scale_of_their_frame(batch, power):
    labels, predicted = batch
    scales = frame_scales(labels, power, 0.3)
    found = scaled_forces.ScaledForces(power, 0.3)(data(predicted), data(labels))
    for values, frames in zip(found, (predicted, labels), strict=True):
        wanted = np.concatenate([s * one for s, one in zip(scales, frames, strict=True)])
        assert values.numpy() == pytest.approx(wanted, rel=1e-12, abs=1e-15)


def test_one_frame_needs_no_batch(batch):
    labels, predicted = batch
    field = scaled_forces.ScaledForces(1.0, 0.3)
    alone = [{"forces": torch.tensor(one[0])} for one in (predicted, labels)]
    found, _ = field(*alone)
    assert found.numpy() == pytest.approx(frame_scales(labels[:1], 1.0, 0.3)[0] * predicted[0])


def test_the_loss_is_the_weighted_mean_of_energy_and_scaled_forces(batch):
    labels, predicted = batch
    options = scaled_forces.metric("scaled_forces_mse", "MeanSquaredError", 1.0, 0.3, 4.0)
    loss = {
        "_target_": "nequip.train.EnergyForceLoss",
        "per_atom_energy": True,
        "coeffs": {"total_energy": 1.0, "forces": None},
        "extra_metrics": [options],
    }
    both = [
        data(one) | {"total_energy": torch.zeros(3, 1), "num_atoms": torch.tensor(SIZES)}
        for one in (predicted, labels)
    ]
    found = instantiate(loss)(*both)["weighted_sum"].item()
    scales = frame_scales(labels, 1.0, 0.3)
    errors = [s * (p - w) for s, p, w in zip(scales, predicted, labels, strict=True)]
    assert found == pytest.approx(0.8 * np.mean(np.concatenate(errors) ** 2), rel=1e-9)


@given(st.floats(1e-3, 1e3), st.floats(1e-3, 1e3), st.floats(0, 1e3), st.booleans())
def test_the_weights_of_the_loss_sum_to_one_in_every_order(energy, force, virial, stress):
    """NequIP normalises them again in a training that goes on: 1.0 changes nothing."""
    options = config.Training(energy_weight=energy, force_weight=force, stress_weight=virial)
    weights = loss_weights(options, stress)
    assert {sum(order) for order in permutations(weights)} == {1.0}
    total = energy + force + virial * stress
    assert weights == pytest.approx(
        (energy / total, force / total, virial * stress / total), abs=1e-14
    )
