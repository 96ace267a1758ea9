"""The loss of backends in an environment of their own, with a spring whose forces are known."""

import numpy as np
import pytest
import torch

from umklapp.potentials.external.worker.frames import Frame
from umklapp.potentials.external.worker.loop import Labels, Loop
from umklapp.potentials.quiet_frames import frame_scales, typical_force

TRUE, WRONG = 2.0, 1.5
"""eV/Å², springs of the labels and of the model."""


class Spring:
    """Atoms on springs to the origin: E = ½ k Σ u², F = −k u; k is the only weight."""

    device, dtype, options = "cpu", torch.float64, {"shift": 0.0}

    def __init__(self):
        self.network = torch.nn.Linear(1, 1, bias=False, dtype=torch.float64)
        torch.nn.init.constant_(self.network.weight, WRONG)

    def batch(self, chosen, edges):
        return [torch.tensor(frame.positions) for frame in chosen]

    def outputs(self, batch, training, stress):
        k = self.network.weight[0, 0]
        energy = torch.stack([0.5 * k * u.square().sum() for u in batch])
        return {"energy": energy, "forces": -k * torch.cat(batch)}


@pytest.fixture(params=[0.0, 0.5, 1.0])
def case(request):
    """Labels of a hot frame and of a quiet one, and their displacements."""
    generator = np.random.default_rng(4)
    moves = [0.3 * generator.normal(size=(3, 3)), 0.02 * generator.normal(size=(5, 3))]
    forces = [-TRUE * u for u in moves]
    frames = [Frame(np.ones(len(u), dtype=int), u, 9 * np.eye(3)) for u in moves]
    energy = np.array([0.5 * TRUE * (u**2).sum() for u in moves])
    scales = frame_scales(forces, request.param, typical_force(forces))
    labels = Labels(frames, [None, None], energy, forces, np.full((2, 6), np.nan), scales)
    training = {
        "epochs": 1, "batch_size": 2, "learning_rate": 0.01, "ema_decay": 0.9,
        "energy_weight": 1.0, "force_weight": 4.0, "stress_weight": 0.0,
    }  # fmt: skip
    return Loop(Spring(), labels, {"training": training}, seed=1), moves, scales


def test_the_loss_scales_the_forces_of_every_frame(case):
    loop, moves, scales = case
    per_atom = [0.5 * (WRONG - TRUE) * (u**2).sum() / len(u) for u in moves]
    errors = [s * (TRUE - WRONG) * u for s, u in zip(scales, moves, strict=True)]
    wanted = 0.2 * np.mean(np.square(per_atom)) + 0.8 * np.mean(np.concatenate(errors) ** 2)
    assert loop._loss([0, 1]).item() == pytest.approx(wanted, rel=1e-12)
    assert loop._loss([1, 0]).item() == pytest.approx(wanted, rel=1e-12)


def test_validation_gives_plain_and_scaled_errors(case):
    loop, moves, scales = case
    errors = [abs(TRUE - WRONG) * np.abs(u) for u in moves]
    scaled = [s * one for s, one in zip(scales, errors, strict=True)]
    _, plain, judged = loop.validate(loop.labels)
    assert plain == pytest.approx(np.mean(np.concatenate(errors)), rel=1e-12)
    assert judged == pytest.approx(np.mean(np.concatenate(scaled)), rel=1e-12)
