"""The teacher: a NequIP model of CuI that shows a real rare event, and what its own dynamics does.

    python benchmarks/cui_teacher.py train --trajectory ../shared/data/cui/CuI-216_md300K.extxyz.xz
    python benchmarks/cui_teacher.py dynamics --replicas 12 --steps 8000
    python benchmarks/cui_teacher.py report

It learns a 21 ps trajectory of zincblende CuI at 300 K in which a Cu atom hops 2.2 Å to an
interstitial at 7.9 ps and stays. From then on the *teacher* is the truth of a benchmark
(`verdicts.py`): its dynamics, measured here, says how often the event happens and how long it
lasts. Steps that are finished are not repeated. See benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import lzma
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.io import read, write

from umklapp import config, provenance
from umklapp.campaign import hops, teacher_campaign
from umklapp.campaign.testbed_campaign import write_crystal
from umklapp.crystals import frames
from umklapp.files import replacing
from umklapp.lattice.harmonic_reference import HarmonicReference
from umklapp.learning import judgement
from umklapp.learning.sampling import health
from umklapp.learning.sampling.dynamics import Trajectory
from umklapp.potentials.committee import Committee
from umklapp.potentials.nequip import training
from umklapp.report.figures import style

DATA = Path("benchmarks/data/cui_teacher")
MODEL = DATA / "teacher.ckpt"
TRAJECTORY = Path("../shared/data/cui/CuI-216_md300K.extxyz.xz")
SEED = 1
PERIOD, HELD = 60, 6
"""Of every 60 frames (2.9 ps) 6 validate, the next 6 test and 48 train: no split within 0.3 ps."""

SHIFT = 30
"""Frames by which the periods are shifted, so that the hop itself is in the training part."""

HOP, HOPPER = 7900.0, 30
"""fs at which the atom of that number hops in the trajectory."""

BATCH, REFERENCES = 4, 2
"""Replicas that run together, and those that are kept as reference trajectories."""

POTENTIAL = config.Potential(
    cutoff=5.0,
    features=[16, 12, 8],
    radial_width=32,
    training={
        "epochs": 70,
        "batch_size": 3,
        "learning_rate": 0.01,
        "patience": 70,
        "energy_weight": 10,
        "force_weight": 4,
        "stress_weight": 0,
    },
)


def trajectory(path: Path) -> list[Atoms]:
    """Labelled frames of the trajectory in order of time, with `time` (fs)."""
    return [
        frames.labelled(
            frame,
            frame.get_potential_energy(),
            frame.get_forces(),
            time=float(frame.info["time"]),
        )
        for frame in read(path, ":")
    ]


def split(labels: Sequence[Atoms]) -> tuple[list[Atoms], list[Atoms], list[Atoms]]:
    """Frames that train, validate and test, by stretches of time."""
    place = (np.arange(len(labels)) - SHIFT) % PERIOD
    chosen = (place >= 2 * HELD, place < HELD, (place >= HELD) & (place < 2 * HELD))
    train, validation, test = ([labels[n] for n in np.flatnonzero(each)] for each in chosen)
    return train, validation, test


def train(path: Path, scratch: Path) -> None:
    """Checkpoint and record of the teacher; an interrupted training goes on."""
    fit, validation, test = split(trajectory(path))
    result = training.train(fit, validation, POTENTIAL, SEED, MODEL, scratch)
    provenance.write_json(
        DATA / "training.json",
        provenance.record(
            trajectory=provenance.file_digest(path),
            frames={"train": len(fit), "validation": len(validation), "test": len(test)},
            seed=SEED,
            potential=POTENTIAL.model_dump(mode="json"),
            model=provenance.file_digest(MODEL),
            **asdict(result),
        ),
    )


def errors(committee: Committee, test: Sequence[Atoms]) -> dict[str, dict[str, object]]:
    """Errors on held-out frames before and after the hop, and on the atom that hops."""
    found: dict[str, dict[str, object]] = {}
    for name, part in (
        ("quiet", [frame for frame in test if frame.info["time"] < HOP]),
        ("hopped", [frame for frame in test if frame.info["time"] >= HOP]),
    ):
        prediction = committee.evaluate_members(part)
        own = [
            forces[HOPPER] - frame.get_forces()[HOPPER]
            for forces, frame in zip(prediction.mean.forces, part, strict=True)
        ]
        found[name] = {
            "frames": len(part),
            **judgement.errors(prediction, part),
            "force_mae_of_the_hopper_eV_per_A": float(np.abs(own).mean()),
        }
    return found


def run_dynamics(scratch: Path, replicas: int, steps: int) -> None:
    """Replicas of the teacher's own dynamics, four at a time, each batch in a file."""
    committee, reference = crystal(scratch)
    for batch in range(-(-replicas // BATCH)):
        path = scratch / f"dynamics_{batch}_{steps}.npz"
        if path.exists():
            continue
        print(f"replicas {BATCH * batch} to {BATCH * batch + BATCH - 1}", flush=True)
        generator = provenance.generator(SEED, "truth", batch)
        found = teacher_campaign.run(committee, reference, BATCH, steps, generator)
        ended = [each.ended for each in found if each.ended != health.BOUND_REACHED]
        if ended:
            raise RuntimeError(f"the teacher is not stable: {'; '.join(ended)}")
        with replacing(path) as part, part.open("wb") as file:
            np.savez_compressed(
                file,
                time=np.array([each.time for each in found]),
                positions=np.array([each.positions for each in found], np.float32),
                sigma=np.array([each.sigma for each in found]),
                energy=np.array([each.energy for each in found]),
                temperature=np.array([each.temperature for each in found]),
            )


def crystal(scratch: Path) -> tuple[Committee, HarmonicReference]:
    """The teacher and its harmonic crystal."""
    committee = teacher_campaign.teacher(DATA)
    primitive, perfect = write_crystal(scratch, teacher_campaign.PRIMITIVE, teacher_campaign.CUBE)
    return committee, teacher_campaign.harmonic(committee, primitive, perfect)


def report(path: Path, scratch: Path) -> None:
    """What the teacher is: `teacher.json`, its reference trajectories, a figure."""
    committee, reference = crystal(scratch)
    files = sorted(scratch.glob("dynamics_*.npz"), key=lambda each: int(each.stem.split("_")[1]))
    runs = [dict(np.load(each)) for each in files]
    joined = {key: np.concatenate([each[key] for each in runs]) for key in runs[0]}
    warm = slice(teacher_campaign.WARM_UP, None)
    step = float(np.diff(joined["time"][0]).mean()) / 1000
    gone = [
        hops.away(reference.displacements(each.astype(float)), teacher_campaign.WINDOW)[warm]
        for each in joined["positions"]
    ]
    total = sum((hops.Occupation.of(each, step) for each in gone), hops.Occupation(0, 0, 0, 0))
    hopped = np.array([each.any(axis=1) for each in gone])
    sigma, energy = joined["sigma"][:, warm], joined["energy"][:, warm]
    provenance.write_json(
        DATA / "teacher.json",
        provenance.record(
            model=provenance.file_digest(MODEL),
            errors=errors(committee, split(trajectory(path))[2]),
            temperature_K=float(joined["temperature"][:, warm].mean()),
            replicas=len(gone),
            ps_of_each=step * len(gone[0]),
            entries=total.entries,
            quiet_ps=total.quiet,
            entries_per_ps=total.entry_rate,
            returns=total.returns,
            hopped_ps=total.hopped,
            returns_per_ps=total.return_rate,
            first_hop_ps=[
                step * float(np.flatnonzero(each)[0]) if each.any() else None for each in hopped
            ],
            sigma_quiet=spread(sigma[~hopped]),
            sigma_hopped=spread(sigma[hopped]),
            energy_of_the_hop_eV=64 * float(energy[hopped].mean() - energy[~hopped].mean()),
        ),
    )
    write_reference(committee, reference, joined)
    figure(joined["time"] / 1000, joined["sigma"], DATA / "teacher.png")


def spread(values: np.ndarray) -> dict[str, float] | None:
    """Mean, standard deviation and 5th and 95th percentile."""
    if not len(values):
        return None
    low, high = np.quantile(values, [0.05, 0.95])
    return {
        "mean": float(values.mean()),
        "std": float(values.std()),
        "p05": float(low),
        "p95": float(high),
    }


def write_reference(
    committee: Committee, reference: HarmonicReference, joined: dict[str, np.ndarray]
) -> None:
    """The first replicas, whatever they show, labelled, a frame every 100 fs."""
    chosen = slice(teacher_campaign.WARM_UP, None, 2)
    labels = []
    for number in range(REFERENCES):
        run = Trajectory(reference.perfect, teacher_campaign.TEMPERATURE)
        run.time = list(joined["time"][number])
        run.positions = list(joined["positions"][number].astype(float))
        found = teacher_campaign.labelled(committee, run, chosen)
        for frame in found:
            frame.info.update(origin=f"teacher MD {number}")
        labels += found
    with replacing(DATA / "reference.extxyz.xz") as part, lzma.open(part, "wt") as file:
        write(file, labels, format="extxyz")


def figure(time: np.ndarray, sigma: np.ndarray, path: Path) -> None:
    """σᴬ(t) of every replica; time (n, t) ps, sigma (n, t)."""
    drawing, first = style.canvas(width=6.0, height=0.55 * len(sigma) + 0.6)
    first.remove()
    panels = drawing.subplots(len(sigma), 1, sharex=True, sharey=True)
    for axes, moments, values in zip(panels, time, sigma, strict=True):
        axes.plot(moments, values, color=style.BLUE, lw=0.7)
    panels[len(panels) // 2].set_ylabel("$\\sigma^A$")
    panels[-1].set_xlabel("time (ps)")
    style.save(drawing, [path])


def main() -> None:
    """One step of making the teacher."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("step", choices=["train", "dynamics", "report"])
    parser.add_argument("--trajectory", type=Path, default=TRAJECTORY)
    parser.add_argument("--scratch", type=Path, default=Path("results/cui_teacher"))
    parser.add_argument("--replicas", type=int, default=12)
    parser.add_argument("--steps", type=int, default=8000)
    options = parser.parse_args()
    if options.step == "train":
        train(options.trajectory, options.scratch)
    elif options.step == "dynamics":
        run_dynamics(options.scratch, options.replicas, options.steps)
    else:
        report(options.trajectory, options.scratch)


if __name__ == "__main__":
    main()
