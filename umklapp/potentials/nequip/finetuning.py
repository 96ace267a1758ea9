"""Phonon fine-tuning of a trained member: curvature steps and ordinary steps in turn.

One optimiser and one moving average of the weights serve both kinds of steps. The weights that are
kept are the averaged ones with the best validation loss: fixed columns of the Hessian, and the
member's held-out frames. Deterministic for a seed on one thread; resumable from the scratch folder.
The result is the member's own checkpoint with other weights.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ase import Atoms

from umklapp import config, provenance
from umklapp.crystals.curvature import OTHER_UNITS, CurvatureLabel
from umklapp.crystals.frame_info import FrameInfo
from umklapp.errors import CalculationError, InputError
from umklapp.potentials.device import chosen
from umklapp.potentials.nequip import curvature
from umklapp.potentials.nequip.curvature import Batch, Item
from umklapp.potentials.nequip.derivatives import PRODUCT
from umklapp.potentials.nequip.member import Member
from umklapp.potentials.step_loop import StepLoop
from umklapp.potentials.training_records import FinetuneResult

log = logging.getLogger(__name__)

VALIDATION_COLUMNS = 12
"""Most columns of one supercell in a validation."""

VALIDATION_ATOMS = 512
"""Frames are validated together up to so many atoms."""

SUSPECT = 20.0
"""No trained member is so much stiffer than its labels."""


def finetune(
    parent: Path,
    labels: Sequence[CurvatureLabel],
    training: Sequence[Atoms],
    held_out: Sequence[Atoms],
    settings: config.CurvatureFinetune,
    seed: int,
    out: Path,
    scratch: Path,
) -> FinetuneResult:
    """Fine-tune the member in checkpoint `parent` and write the checkpoint `out`.

    Args:
        labels: second derivatives of perfect supercells.
        training: labelled frames of the ordinary steps, those the member was trained on.
        held_out: labelled frames for the validation, of none of the steps.
        seed: of the probes and of the order of the frames.
        scratch: folder whose `finetune.pt`, if it is of this very fine-tuning, is continued.

    Raises:
        InputError: no checkpoint of a member, or a supercell with a species that it does not know.
        CalculationError: the loss became NaN.
    """
    torch.set_num_threads(1)
    scratch.mkdir(parents=True, exist_ok=True)
    member = Member.load(parent, settings.compile)
    loop = Finetuning(member, labels, training, held_out, settings, seed)
    identity = provenance.digest(
        [
            *(settings.model_dump(mode="json"), seed, provenance.file_digest(parent)),
            *(str(FrameInfo.of(frame).frame_id) for frame in [*training, *held_out]),
            *(provenance.digest(label.force_constants.tolist()) for label in labels),
        ]
    )
    state = scratch / "finetune.pt"
    loop.restore(state, identity)
    while loop.step < settings.steps:
        loop.advance()
        if loop.step % settings.validate_every == 0 or loop.step == settings.steps:
            loop.validate()
            loop.save(state, identity)
            if len(loop.history) % max(1, settings.steps // settings.validate_every // 10) == 0:
                log.info(loop.progress())
    result = loop.result()
    member.write(out, loop.best, settings.ema_decay)
    return result


class Finetuning(StepLoop):
    """One fine-tuning: steps and validation.

    Raises:
        InputError: no second derivatives, a species that the model does not know, or other units.
    """

    def __init__(
        self,
        member: Member,
        labels: Sequence[CurvatureLabel],
        training: Sequence[Atoms],
        held_out: Sequence[Atoms],
        settings: config.CurvatureFinetune,
        seed: int,
    ) -> None:
        if not labels:
            raise InputError("finetune: no second derivatives to learn from")
        self.settings, self.seed, self.member, self.labels = settings, seed, member, list(labels)
        device = chosen()
        self.network = member.network.to(device)
        super().__init__(member.module.model, settings.ema_decay, device)
        self.perfect = [self._item(label.perfect, label) for label in labels]
        self.ordinary = [self._item(frame) for frame in training]
        self.held_out = _chunks([self._item(frame) for frame in held_out])
        self.columns = _chunks(self._validation_columns())
        self.optimizer = torch.optim.AdamW(
            member.weights, lr=settings.learning_rate, weight_decay=settings.weight_decay
        )
        self.history: list[dict[str, float]] = []
        self.best: list[torch.Tensor] = []
        self._check_units()
        self.validate()

    def advance(self) -> None:
        """One curvature step and its ordinary steps."""
        settings = self.settings
        self.network.train()
        self._update(self.curvature_batch(self.step), settings.weights)
        for ordinary_index in range(settings.cotraining if self.ordinary else 0):
            batch = self.ordinary_batch(self.step * settings.cotraining + ordinary_index)
            self._update(batch, settings.cotraining_weights)
        self.step += 1

    def curvature_batch(self, step: int) -> Batch:
        """Supercells with fresh random probes; every step has its own draw."""
        generator = provenance.generator(self.seed, "probe", step)
        count = self.settings.columns
        chosen = generator.choice(len(self.labels), count, replace=count > len(self.labels))
        items = []
        for label_index in chosen:
            label = self.labels[label_index]
            vector = curvature.probe(self.settings.probe, len(label.perfect), generator)
            items.append(curvature.probed(self.perfect[label_index], label, vector))
        return Batch.of(items, self.device)

    def ordinary_batch(self, step: int) -> Batch:
        """The next few training frames of an epoch in random order."""
        size = min(self.settings.batch_size, len(self.ordinary))
        epoch, place = divmod(step, len(self.ordinary) // size)
        order = provenance.generator(self.seed, "ordinary", epoch).permutation(len(self.ordinary))
        return Batch.of([self.ordinary[i] for i in order[place * size :][:size]], self.device)

    def validate(self) -> None:
        """Errors of the averaged weights; the best so far are kept.

        Raises:
            CalculationError: the loss is not finite.
        """
        self.network.eval()
        with self.averaged():
            row = {"step": float(self.step), **self._errors()}
        if not np.isfinite(row["loss"]):
            raise CalculationError("fine-tuning gave no finite loss; lower finetune.learning_rate")
        if not self.history or row["loss"] < min(earlier["loss"] for earlier in self.history):
            self.best = [weight.detach().clone() for weight in self.average.ema_weights]
        self.history.append(row)

    def progress(self) -> str:
        """Progress in one line."""
        row, settings = self.history[-1], self.settings
        spent, left = self.seconds(), self.seconds_left(settings.steps)
        force = 1e3 * row.get("force_mae_eV_per_A", np.nan)
        return (
            f"step {self.step}/{settings.steps}  "
            f"curvature MAE {row['curvature_mae_eV_per_A2']:.4f} eV/Å²  "
            f"held-out force MAE {force:.1f} meV/Å  {spent:.0f} s, {left:.0f} s left"
        )

    def result(self) -> FinetuneResult:
        """Errors before and after, of the weights in `best`."""
        first, best = self.history[0], min(self.history, key=lambda row: row["loss"])
        name = "force_mae_eV_per_A"
        forgetting = best[name] / max(first[name], 1e-12) if name in first else 1.0
        before, after = ({k: v for k, v in row.items() if k != "step"} for row in (first, best))
        return FinetuneResult(
            steps=self.step,
            best_step=int(best["step"]),
            before=before,
            after=after,
            forgetting=forgetting,
            history=self.history,
            seconds=self.seconds(),
        )

    def more_state(self) -> dict[str, Any]:
        """The best weights so far and the errors of all validations."""
        return {"best": self.best, "history": self.history}

    def take_more(self, state: dict[str, Any]) -> None:
        """Go on with best weights and history."""
        self.best, self.history = state["best"], state["history"]

    def _update(self, batch: Batch, weights: curvature.Weights) -> None:
        value = curvature.loss(self.network, batch, weights)
        self.optimizer.zero_grad()
        value.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.member.weights, self.settings.clip_norm)
        if not torch.isfinite(norm):
            raise CalculationError("fine-tuning gave no finite loss; lower finetune.learning_rate")
        self.optimizer.step()
        self.average.update_parameters(self.model)

    def _item(self, frame: Atoms, label: CurvatureLabel | None = None) -> Item:
        types, cutoff = self.network.type_names, float(self.network.metadata["r_max"])
        unknown = sorted(set(frame.get_chemical_symbols()) - set(types))
        if unknown:
            raise InputError(f"finetune: the model knows {sorted(types)}, a frame has {unknown}")
        if label is None:
            return curvature.ordinary_item(frame, types, cutoff)
        return curvature.perfect_item(label, types, cutoff)

    def _validation_columns(self) -> list[Item]:
        """Columns of the representative atoms of every supercell, evenly chosen where many."""
        items = []
        for item, label in zip(self.perfect, self.labels, strict=True):
            vectors = curvature.unit_vectors(label.representatives, len(label.perfect))
            chosen = np.linspace(0, len(vectors) - 1, min(len(vectors), VALIDATION_COLUMNS))
            items += [curvature.probed(item, label, vectors[round(i)]) for i in chosen]
        return items

    def _check_units(self) -> None:
        """Raise `InputError` where the member's Hessian is the labels' times a factor of units."""
        self.network.eval()
        product = square = 0.0
        for chunk in self.columns:
            batch = Batch.of(chunk, self.device)
            predicted, wanted = self.network(dict(batch.data))[PRODUCT], batch.column
            assert wanted is not None  # every item of a validation has its probe
            product += (predicted * wanted).sum().item()
            square += (wanted**2).sum().item()
        ratio = product / max(square, 1e-30)
        if ratio > SUSPECT:
            unit, factor = min(OTHER_UNITS.items(), key=lambda item: abs(np.log(ratio / item[1])))
            raise InputError(
                f"finetune: second derivatives of the model are {ratio:.0f} times those of the "
                f"labels ({self.labels[0].source}); are they in {unit} ({factor:.1f} eV/Å²)? "
                "convert them to eV/Å²"
            )

    def _errors(self) -> dict[str, float]:
        settings = self.settings
        errors = self._mean(self.columns, settings.weights)
        row = {"curvature_mae_eV_per_A2": errors["curvature"], "loss": errors["loss"]}
        if self.held_out:
            held = self._mean(self.held_out, settings.cotraining_weights)
            row["force_mae_eV_per_A"] = held["force_component"]
            row["energy_mae_eV_per_atom"] = held["energy"]
            if settings.cotraining:  # the mean loss of a step
                share = settings.cotraining / (1 + settings.cotraining)
                row["loss"] = (1 - share) * errors["loss"] + share * held["loss"]
        return row

    def _mean(
        self, chunks: Sequence[Sequence[Item]], weights: curvature.Weights
    ) -> dict[str, float]:
        """Terms of the loss over all items, chunks weighted by their number of items."""
        totals: dict[str, list[tuple[float, int]]] = {}  # value, items
        for chunk in chunks:
            batch = Batch.of(chunk, self.device)
            out = self.network(dict(batch.data))
            terms = curvature.errors(out, batch)
            values = {**terms, "loss": curvature.weighted(terms, weights)}
            values["force_component"] = (out["forces"] - batch.forces).abs().mean()
            for name, value in values.items():
                totals.setdefault(name, []).append((value.item(), len(chunk)))
        return {
            name: sum(value * count for value, count in pairs) / sum(count for _, count in pairs)
            for name, pairs in totals.items()
        }


def _chunks(items: Sequence[Item]) -> list[list[Item]]:
    chunks: list[list[Item]] = []
    atoms = 0
    for item in items:
        count = len(item.forces)
        if not chunks or atoms + count > VALIDATION_ATOMS:
            chunks.append([])
            atoms = 0
        chunks[-1].append(item)
        atoms += count
    return chunks
