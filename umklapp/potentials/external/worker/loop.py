"""Training of a model in the worker: the same loss, schedule and averages as for NequIP.

Adam with one cycle of the learning rate; mean square errors of energy per atom, forces and stress
with weights that are normalised to 1; exponential averages of the weights are validated and kept.
"""

from __future__ import annotations

import io
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from .frames import Frame, frames_of
from .graphs import Edges, average_neighbours, edges_of
from .messages import Arrays
from .model import VOIGT, Model

WEIGHTS = ("energy_weight", "force_weight", "stress_weight")


@dataclass(frozen=True)
class Labels:
    """Frames with their edges and labels: energy eV, forces (N, 3), stress (6,), NaN if missing.

    scales: (n_frames,), what the loss multiplies the forces of a frame by.
    """

    frames: list[Frame]
    edges: list[Edges]
    energy: np.ndarray
    forces: list[np.ndarray]
    stress: np.ndarray
    scales: np.ndarray

    @classmethod
    def of(cls, arrays: Mapping[str, np.ndarray], cutoff: float) -> Labels:
        """From a message with the keys of `frames_of`, and those of the labels."""
        frames = frames_of(arrays)
        parts = np.cumsum(arrays["sizes"])[:-1]
        forces = np.split(arrays["forces"], parts)
        edges = [edges_of(frame, cutoff) for frame in frames]
        stress, scales = arrays["stress"], arrays["scales"]
        return cls(frames, edges, arrays["energy"], forces, stress, scales)

    def statistics(self) -> dict[str, float]:
        """Average number of neighbours, rms force (eV/Å), mean energy per atom (eV)."""
        sizes = np.array([len(frame.numbers) for frame in self.frames])
        return {
            "neighbours": average_neighbours(self.edges, self.frames),
            "scale": float(np.sqrt(np.mean(np.concatenate(self.forces) ** 2))),
            "shift": float(np.mean(self.energy / sizes)),
        }


class Loop:
    """One training, epoch by epoch.

    Args:
        model: to train. settings: the section `potential`. seed: of the order of the frames.
    """

    def __init__(
        self, model: Model, labels: Labels, settings: Mapping[str, Any], seed: int
    ) -> None:
        self.model, self.labels, self.seed = model, labels, seed
        self.options = settings["training"]
        steps = self.options["epochs"] * -(-len(labels.frames) // self.options["batch_size"])
        trained = [parameter for parameter in model.network.parameters() if parameter.requires_grad]
        self.optimizer = torch.optim.Adam(trained, lr=self.options["learning_rate"])
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimizer, self.options["learning_rate"], total_steps=steps, pct_start=0.1
        )
        self.average = {name: value.clone() for name, value in self._state().items()}
        self.updates = 0
        self.stress = self.options["stress_weight"] > 0 and bool(np.isfinite(labels.stress).any())
        weights = np.array([self.options[name] for name in WEIGHTS])
        weights[2] *= self.stress
        self.weights = weights / weights.sum()

    def _state(self) -> dict[str, torch.Tensor]:
        return {name: value.data for name, value in self.model.network.named_parameters()}

    def epoch(self, epoch_index: int) -> None:
        """One pass over the frames; their order is that of seed and index alone."""
        order = np.random.default_rng([self.seed, epoch_index]).permutation(len(self.labels.frames))
        size = self.options["batch_size"]
        for begin in range(0, len(order), size):
            loss = self._loss(order[begin : begin + size].tolist())
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            self.schedule.step()
            self._average()

    def _average(self) -> None:
        """Exponential average, over fewer steps while there are few (as torch_ema)."""
        self.updates += 1
        decay = min(self.options["ema_decay"], (1 + self.updates) / (10 + self.updates))
        with torch.no_grad():
            for name, value in self._state().items():
                self.average[name].lerp_(value, 1 - decay)

    def _loss(self, chosen: Sequence[int]) -> torch.Tensor:
        predicted, wanted, sizes = self._compare(self.labels, chosen, training=True)
        squares = [((predicted[0] - wanted[0]) / sizes).square().mean()]
        error = (predicted[1] - wanted[1]) * self._scales(self.labels, chosen)
        squares.append(error.square().mean())
        if self.stress:
            labelled = torch.isfinite(wanted[2])
            missed = torch.where(labelled, predicted[2] - torch.nan_to_num(wanted[2]), 0.0)
            squares.append(missed.square().sum() / labelled.sum().clamp(min=1))
        return sum(w * square for w, square in zip(self.weights.tolist(), squares, strict=False))

    def _compare(
        self, labels: Labels, chosen: Sequence[int], training: bool
    ) -> tuple[list[torch.Tensor], list[torch.Tensor], torch.Tensor]:
        model = self.model
        batch = model.batch([labels.frames[n] for n in chosen], [labels.edges[n] for n in chosen])
        out = model.outputs(batch, training, self.stress)
        sizes = np.array([len(labels.frames[n].numbers) for n in chosen])
        energy = labels.energy[list(chosen)] - model.options["shift"] * sizes
        forces = np.concatenate([labels.forces[n] for n in chosen])
        wanted = [self._tensor(values) for values in (energy, forces, labels.stress[list(chosen)])]
        predicted = [out["energy"].reshape(-1), out["forces"]]
        if self.stress:
            tensor = out["stress"].reshape(-1, 3, 3)
            predicted.append(torch.stack([tensor[:, i, j] for i, j in VOIGT], dim=1))
        return predicted, wanted, self._tensor(sizes)

    def _tensor(self, value: np.ndarray) -> torch.Tensor:
        return torch.tensor(value, dtype=self.model.dtype, device=self.model.device)

    def _scales(self, labels: Labels, chosen: Sequence[int]) -> torch.Tensor:
        """Of every atom of the chosen frames, (N, 1)."""
        sizes = [len(labels.frames[n].numbers) for n in chosen]
        return self._tensor(np.repeat(labels.scales[list(chosen)], sizes)[:, None])

    def validate(self, labels: Labels) -> tuple[float, float, float]:
        """MAE with the averaged weights: energy per atom (eV), forces, scaled forces (eV/Å)."""
        now = {name: value.clone() for name, value in self._state().items()}
        self._set(self.average)
        energy, forces, scaled, components = 0.0, 0.0, 0.0, 0
        for begin in range(0, len(labels.frames), 8):
            chosen = range(begin, min(begin + 8, len(labels.frames)))
            predicted, wanted, sizes = self._compare(labels, chosen, training=False)
            energy += float(((predicted[0] - wanted[0]) / sizes).abs().sum().detach())
            error = (predicted[1] - wanted[1]).abs().detach()
            forces += float(error.sum())
            scaled += float((error * self._scales(labels, chosen)).sum())
            components += wanted[1].numel()
        self._set(now)
        return energy / len(labels.frames), forces / components, scaled / components

    def _set(self, values: Mapping[str, torch.Tensor]) -> None:
        for name, value in self._state().items():
            value.copy_(values[name])

    def averaged(self) -> bytes:
        """Weights of the model, averaged."""
        now = {name: value.clone() for name, value in self._state().items()}
        self._set(self.average)
        weights = self.model.weights()
        self._set(now)
        return weights

    def state_dict(self) -> dict[str, Any]:
        """All that goes on after an interruption."""
        parts = {"optimizer": self.optimizer.state_dict(), "schedule": self.schedule.state_dict()}
        values = {"network": self.model.network.state_dict(), "average": self.average}
        return {**parts, **values, "updates": self.updates}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from `state_dict`."""
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        self.model.network.load_state_dict(state["network"])
        self.average, self.updates = dict(state["average"]), state["updates"]


def run(
    model: Model,
    training: Labels,
    validation: Labels,
    settings: Mapping[str, Any],
    seed: int,
    scratch: Path,
    progress: Callable[[dict[str, Any]], None],
) -> list[list[float]]:
    """Train; the best weights are left in `scratch/best.pt`.

    `scratch/last.ckpt`, where it is there, is of this very training and is continued.

    Returns:
        Rows (epoch, seconds, energy MAE in eV/atom, force MAE in eV/Å, mean of energy and scaled
        forces).

    Raises:
        FloatingPointError: the validation error is not finite.
    """
    loop, rows, last = Loop(model, training, settings, seed), [], scratch / "last.ckpt"
    if last.exists():
        earlier = torch.load(last, map_location=model.device, weights_only=True)
        loop.load_state_dict(earlier)
        rows = earlier["rows"]
        progress({"continued": len(rows)})
    options = settings["training"]
    began = time.monotonic() - (rows[-1][1] if rows else 0.0)
    best = min((row[4] for row in rows), default=math.inf)
    while len(rows) < options["epochs"] and not _patience(rows, options["patience"]):
        loop.epoch(len(rows))
        energy, forces, scaled = loop.validate(validation)
        score = (energy + scaled) / 2
        if not math.isfinite(score):
            raise FloatingPointError(
                f"the validation error of epoch {len(rows) + 1} is not finite; lower learning_rate"
            )
        rows.append([len(rows) + 1, time.monotonic() - began, energy, forces, score])
        if score < best:
            best = score
            _replace(scratch / "best.pt", loop.averaged())
        state = io.BytesIO()
        torch.save({**loop.state_dict(), "rows": rows}, state)
        _replace(last, state.getvalue())
        progress({"row": rows[-1]})
    return rows


def _patience(rows: Sequence[Sequence[float]], patience: int) -> bool:
    if not rows:
        return False
    best = min(range(len(rows)), key=lambda n: rows[n][4])
    return len(rows) - 1 - best >= patience


def _replace(path: Path, content: bytes) -> None:
    """Write at once (`umklapp.files` is not there in this environment)."""
    part = path.with_suffix(".part")
    part.write_bytes(content)
    part.replace(path)


def labels_of(arrays: Arrays, prefix: str, cutoff: float) -> Labels:
    """Labels in a message whose names begin with `prefix`."""
    unprefixed = {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}
    return Labels.of(unprefixed, cutoff)
