"""The teacher: a NequIP model of CuI that shows a real rare event, and what its own dynamics does.

    python benchmarks/cui_teacher.py train --trajectory ../shared/data/cui/CuI-216_md300K.extxyz.xz
    python benchmarks/cui_teacher.py dynamics --replicas 12 --steps 6000
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
from umklapp.files import replacing, write_json
from umklapp.lattice.harmonic_reference import HarmonicReference
from umklapp.learning import judgement
from umklapp.learning.events.event_rates import poisson_interval
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
    write_json(
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
            **judgement.errors(prediction, part).model_dump(),
            "force_mae_of_the_hopper_eV_per_A": float(np.abs(own).mean()),
        }
    return found


def run_dynamics(scratch: Path, replicas: int, steps: int, temperature: float) -> None:
    """Replicas of the teacher's own dynamics, four at a time, each batch in a file."""
    committee, reference = crystal(scratch)
    for batch in range(-(-replicas // BATCH)):
        path = scratch / f"dynamics_{temperature:.0f}K_{batch}.npz"
        if path.exists():
            continue
        print(f"replicas {BATCH * batch} to {BATCH * batch + BATCH - 1}", flush=True)
        generator = provenance.generator(SEED, "truth", temperature, batch)
        found = teacher_campaign.run(committee, reference, BATCH, steps, generator, temperature)
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
    names = {each.stem.split("_")[1] for each in scratch.glob("dynamics_*.npz")}
    runs = {float(name[:-1]): joined(scratch, name) for name in names}
    write_json(
        DATA / "teacher.json",
        provenance.record(
            model=provenance.file_digest(MODEL),
            errors=errors(committee, split(trajectory(path))[2]),
            dynamics=[measured(reference, runs[each], each) for each in sorted(runs)],
        ),
    )
    chosen = runs[teacher_campaign.TEMPERATURE]
    write_reference(committee, reference, chosen)
    figure(chosen["time"] / 1000, chosen["sigma"], DATA / "teacher.png")


def joined(scratch: Path, name: str) -> dict[str, np.ndarray]:
    """All replicas of a temperature, arrays by name, (n, t, …)."""
    files = sorted(
        scratch.glob(f"dynamics_{name}_*.npz"), key=lambda each: int(each.stem.split("_")[2])
    )
    runs = [dict(np.load(each)) for each in files]
    return {key: np.concatenate([each[key] for each in runs]) for key in runs[0]}


def measured(
    reference: HarmonicReference, runs: dict[str, np.ndarray], temperature: float
) -> dict[str, object]:
    """Rates of leaving the crystal and of coming back, and σᴬ, of the teacher's dynamics."""
    warm = slice(teacher_campaign.WARM_UP, None)
    step = float(np.diff(runs["time"][0]).mean()) / 1000
    gone = [
        hops.away(reference.displacements(each.astype(float)), teacher_campaign.WINDOW)[warm]
        for each in runs["positions"]
    ]
    total = sum((hops.Occupation.of(each, step) for each in gone), hops.Occupation(0, 0, 0, 0))
    hopped = np.array([each.any(axis=1) for each in gone])
    sigma, energy = runs["sigma"][:, warm], runs["energy"][:, warm] * len(reference.perfect)
    inside = energy[hopped].mean() - energy[~hopped].mean() if hopped.any() else None
    return {
        "temperature_K": temperature,
        "measured_temperature_K": float(runs["temperature"][:, warm].mean()),
        "replicas": len(gone),
        "ps_of_each": step * (len(gone[0]) - 1),
        "entries": total.entries,
        "quiet_ps": total.quiet,
        "entries_per_ps": rate(total.entries, total.quiet),
        "returns": total.returns,
        "hopped_ps": total.hopped,
        "returns_per_ps": rate(total.returns, total.hopped),
        "first_hop_ps": [
            step * float(np.flatnonzero(each)[0]) if each.any() else None for each in hopped
        ],
        "atoms_away_at_once": int(max(each.sum(axis=1).max() for each in gone)),
        "sigma_quiet": spread(sigma[~hopped]),
        "sigma_hopped": spread(sigma[hopped]),
        "energy_above_crystal_quiet_eV": float(energy[~hopped].mean()),
        "energy_of_the_hop_eV": inside,
    }


def rate(count: int, exposure: float) -> dict[str, float] | None:
    """Poisson rate with its 68 % and 95 % intervals; None without exposure (ps)."""
    if exposure <= 0:
        return None
    (low, high), (lowest, highest) = (
        poisson_interval(count, exposure, confidence) for confidence in (0.68, 0.95)
    )
    names = ("value", "low_68", "high_68", "low_95", "high_95")
    return dict(zip(names, (count / exposure, low, high, lowest, highest), strict=True))


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
    committee: Committee, reference: HarmonicReference, runs: dict[str, np.ndarray]
) -> None:
    """The first replicas, whatever they show, labelled, a frame every 100 fs."""
    chosen = slice(teacher_campaign.WARM_UP, None, 2)
    for number in range(REFERENCES):
        run = Trajectory(reference.perfect, teacher_campaign.TEMPERATURE)
        run.time = list(runs["time"][number])
        run.positions = list(runs["positions"][number].astype(float))
        found = teacher_campaign.labelled(committee, run, chosen)
        path = DATA / f"reference_{number}.extxyz.xz"
        with replacing(path) as part, lzma.open(part, "wt") as file:
            write(file, found, format="extxyz")


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
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--temperature", type=float, default=teacher_campaign.TEMPERATURE)
    options = parser.parse_args()
    if options.step == "train":
        train(options.trajectory, options.scratch)
    elif options.step == "dynamics":
        run_dynamics(options.scratch, options.replicas, options.steps, options.temperature)
    else:
        report(options.trajectory, options.scratch)


if __name__ == "__main__":
    main()
