"""The few per cent of a cheap pool that are worth a reference label, by committee disagreement.

From a random start, rounds of: train a small committee on the cheap labels of the chosen frames,
add the batch it disagrees about most (Jung, APL Mach. Learn. 2, 046102 (2024): 100 of 40,000 frames
a round by the spread of the energy per atom). As every cheap label is known, each round also knows
its true error on the frames that are left.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms

from umklapp import provenance
from umklapp.config import Distillation
from umklapp.crystals import frame_info
from umklapp.errors import InputError
from umklapp.files import read_json, write_json
from umklapp.learning.sampling import diversity
from umklapp.potentials.committee import Committee, subsample
from umklapp.potentials.contract import CommitteePrediction
from umklapp.potentials.nequip import training
from umklapp.records import Part, Record

log = logging.getLogger(__name__)

SHORTLIST = 5
"""A batch is spread out over so many times its size of the most uncertain frames."""


class DistillationRound(Part):
    """A round of the distillation.

    frames, left: chosen so far, and left in the pool. spread_mean, spread_max: of the members on
    those left (`disagreement`); force_mae_eV_per_A: of their mean; None where none are left.
    """

    frames: int
    left: int
    spread_mean: float | None = None
    spread_max: float | None = None
    force_mae_eV_per_A: float | None = None
    seconds: float


class KeptRecord(Record):
    """low_fidelity/kept_n.json: how the frames for the reference engine were chosen.

    frames: counts, `pool` and `kept`. history: none for a random draw. reason: why it ended.
    """

    seed: int
    frames: dict[str, int]
    history: list[DistillationRound]
    reason: str


@dataclass(frozen=True)
class Distilled:
    """chosen: numbers of the kept frames in the pool, sorted; order: the same as they were chosen;
    history: of every round frames, spread (mean, largest), force error on the rest, seconds;
    reason: why it ended."""

    chosen: list[int]
    order: list[int]
    history: list[dict[str, Any]]
    reason: str


def distil(
    pool: Sequence[Atoms],
    settings: Distillation,
    count: int,
    seed: int,
    scratch: Path,
    engine: Path | None = None,
) -> Distilled:
    """Frames of the pool for the reference engine.

    Deterministic on one thread; what `scratch` holds of the same pool, settings and seed is not
    done again.

    Args:
        pool: labelled by the cheap surface.
        count: frames to keep; fewer where `settings.bound` is met earlier.
        engine: folder of the compiled graph of `settings.potential`.

    Raises:
        InputError: the pool has fewer frames than are wanted.
    """
    if len(pool) < count:
        raise InputError(f"distillation: {count} frames wanted, the pool has {len(pool)}")
    identity = provenance.digest(
        [settings.model_dump(mode="json"), seed, [frame_info.identity(frame) for frame in pool]]
    )
    folder = scratch / identity
    generator = provenance.generator(seed, "start")
    order = generator.permutation(len(pool))[: min(settings.start, count)].tolist()
    history: list[dict[str, Any]] = []
    while True:
        round_index, where = len(history), folder / f"round_{len(history):02d}"
        state = where / "round.json"
        if state.exists():
            outcome = read_json(state)
        else:
            members = [
                _fit(pool, order, settings, seed, folder, round_index, k) for k in _all(settings)
            ]
            outcome = _round(pool, order, settings, count - len(order), members, engine)
            write_json(state, outcome)
        history.append(outcome["row"])
        log.info(_words(outcome["row"]))
        reason = _ended(outcome["row"], settings, count)
        if reason:
            return Distilled(sorted(order), order, history, reason)
        order = [*order, *outcome["next"]]


def _all(settings: Distillation) -> range:
    return range(settings.members)


def _fit(
    pool: Sequence[Atoms],
    order: Sequence[int],
    settings: Distillation,
    seed: int,
    folder: Path,
    round_index: int,
    member: int,
) -> tuple[Path, float]:
    """A member of a round, warm from the round before; its checkpoint and the seconds it took."""
    out = folder / f"round_{round_index:02d}" / f"member_{member}.ckpt"
    spent = out.with_suffix(".json")
    if spent.exists():
        return out, float(read_json(spent)["seconds"])
    parent = (
        folder / f"round_{round_index - 1:02d}" / f"member_{member}.ckpt" if round_index else None
    )
    chosen, held = subsample(len(order), settings.fraction, seed, member, 1)
    result = training.train(
        [pool[order[n]] for n in chosen],
        [pool[order[n]] for n in held],
        settings.potential,
        provenance.seed_for(seed, round_index, member) % 2**31,
        out,
        folder / f"scratch_{member}",
        parent=parent,
    )
    write_json(spent, {"seconds": result.seconds})
    return out, result.seconds


def _round(
    pool: Sequence[Atoms],
    order: Sequence[int],
    settings: Distillation,
    wanted: int,
    members: Sequence[tuple[Path, float]],
    engine: Path | None,
) -> dict[str, Any]:
    """What a round found: its row of the history, and the frames to add."""
    began = time.monotonic()
    committee = Committee.load([path for path, _ in members], engine)
    taken = set(order)
    rest = [frame_index for frame_index in range(len(pool)) if frame_index not in taken]
    row: dict[str, Any] = {"frames": len(order), "left": len(rest)}
    chosen: list[int] = []
    if rest:
        left = [pool[frame_index] for frame_index in rest]
        prediction = committee.evaluate_members(left)
        spread = disagreement(prediction, settings.measure)
        size = min(settings.batch, wanted, len(rest))
        if size > 0:
            chosen = [rest[n] for n in _batch(committee, left, spread, size)]
        row |= {"spread_mean": float(spread.mean()), "spread_max": float(spread.max())}
        row |= _errors(prediction, left)
    seconds = sum(spent for _, spent in members) + time.monotonic() - began
    return {"row": row | {"seconds": round(seconds, 1)}, "next": chosen}


def disagreement(prediction: CommitteePrediction, measure: str) -> np.ndarray:
    """Spread of every frame over the members, (n,).

    `energy`: std_k(E_k)/N in eV per atom; `force_max`: max_I u_I in eV/Å.
    """
    if measure == "energy":
        atoms = np.array([forces.shape[1] for forces in prediction.forces])
        return np.asarray(prediction.energy.std(axis=0) / atoms)
    return np.array([spread.max() for spread in prediction.spread])


def _batch(committee: Committee, left: Sequence[Atoms], spread: np.ndarray, size: int) -> list[int]:
    """The most uncertain frames that differ from each other, by the members' features."""
    best = np.argsort(-spread, kind="stable")[: SHORTLIST * size]
    features = committee.features([left[n] for n in best])
    assert features is not None, "networks have features"
    means = np.array([frame_features.mean(axis=0) for frame_features in features])
    quality = np.maximum(spread[best], 1e-12)
    taken = diversity.log_determinant(means, size, quality, closest=0.0)
    return sorted(int(best[n]) for n in taken)


def _errors(prediction: CommitteePrediction, left: Sequence[Atoms]) -> dict[str, float]:
    difference = [
        np.abs(ours - frame.get_forces()).ravel()
        for ours, frame in zip(prediction.mean.forces, left, strict=True)
    ]
    return {"force_mae_eV_per_A": float(np.concatenate(difference).mean())}


def _ended(row: dict[str, Any], settings: Distillation, count: int) -> str | None:
    if row["frames"] >= count:
        return f"{count} frames are chosen"
    if settings.bound is not None and row.get("spread_max", 0.0) < settings.bound:
        return f"no frame has more spread than {settings.bound:g}"
    return None


def _words(row: dict[str, Any]) -> str:
    text = f"{row['frames']} frames"
    if "spread_max" in row:
        text += (
            f": spread {1e3 * row['spread_mean']:.2f} on average, {1e3 * row['spread_max']:.1f} "
            f"at most (thousandths), force MAE {1e3 * row['force_mae_eV_per_A']:.0f} meV/Å on the "
            f"{row['left']} left"
        )
    return f"{text}; {row['seconds']:.0f} s"
