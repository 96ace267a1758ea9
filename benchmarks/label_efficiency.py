"""Error against labels: our acquisition, the published one, and random, at equal budgets.

Three systems: the test bed with known truth (exploration by the committee's own dynamics), rock
salt by GPAW and KCl by VASP (pools of labelled frames). Every strategy starts from the same
committee of a seed, trains as long in every round, and differs only in which frames it labels. See
benchmarks/README.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from ase import Atoms
from ase.build import bulk
from ase.io import read

from umklapp import config, provenance
from umklapp.campaign.testbed_campaign import displaced, dynamics
from umklapp.crystals import frame_info, frames, sites
from umklapp.crystals.formats import force_sets
from umklapp.crystals.frame_info import FrameInfo
from umklapp.files import write_json
from umklapp.learning import judgement
from umklapp.learning.sampling import acquisition, descriptors, exploration
from umklapp.learning.sampling.candidates import Knowledge, Spread
from umklapp.learning.sampling.recording import Trajectory
from umklapp.potentials import testbed
from umklapp.potentials.committee import Committee, subsample
from umklapp.potentials.nequip import engine, training
from umklapp.report.figures import strategies

KCL = Path("../shared/data/dft/KCl-225_vasp_mlpsscha.extxyz")
NACL = Path("benchmarks/data/nacl_gpaw.extxyz")
MEMBERS = 3
OURS = config.Acquisition(strategy="threshold")
STRATEGIES = {
    "ours": OURS,
    "farthest": OURS.model_copy(update={"diversity": "farthest"}),
    "almomd": config.Acquisition(strategy="almomd", diversity="none", spacing=0.0),
    "random": config.Acquisition(strategy="random"),
    "blind": config.Acquisition(strategy="random", viability_band=1e9, min_distance=1e-3),
    "nothing": None,
}


@dataclass(frozen=True)
class System:
    """What a benchmark needs: where it starts, how it explores and labels, what it is judged by.

    explore gives unlabelled trajectories of a committee; label the reference's answer; tests are
    labelled frames by region.
    """

    name: str
    perfect: Atoms
    initial: Callable[[int], tuple[list[Atoms], list[Atoms]]]
    explore: Callable[[Committee, list[Atoms], np.ndarray, int], list[Trajectory]]
    label: Callable[[Atoms], Atoms]
    tests: dict[str, list[Atoms]]
    potential: config.Potential
    rounds: int
    batch: int
    strategies: tuple[str, ...]
    wanted: float


def potential(cutoff: float, epochs: int) -> config.Potential:
    """The network of all systems."""
    return config.Potential(
        cutoff=cutoff,
        features=[16, 12, 8],
        radial_width=32,
        training={
            "epochs": epochs,
            "learning_rate": 0.01,
            "patience": epochs,
            "force_weight": 4,
            "stress_weight": 0,
            "warm_start": {"epochs": epochs // 2, "learning_rate": 0.01},
        },
    )


# the test bed


def test_bed(folder: Path) -> System:
    """Seeds end before the first event of exact dynamics at 600 K: the missed event."""
    perfect = testbed.supercell(16)
    cache = folder / "truth.extxyz"
    if not cache.exists():
        folder.mkdir(parents=True, exist_ok=True)
        frames.write_frames(cache, dynamics("missed", perfect, 60000, 1))
    found = frames.read_frames(cache)
    far = np.array([displaced(perfect, frame) for frame in found])
    event, quiet = np.flatnonzero(far > 1.2), np.flatnonzero(far < 0.9)
    seeds = [n for n in quiet if n < event.min()] if event.min() > 60 else quiet[:200].tolist()
    later = quiet[quiet > 600]

    def initial(seed: int) -> tuple[list[Atoms], list[Atoms]]:
        start = int(np.random.default_rng(seed).integers(max(1, len(seeds) - 60)))
        stretch = [found[n] for n in seeds[start : start + 60]]
        return stretch[:40:2], stretch[40::2]

    settings = config.MdExploration(
        replicas=6, temperatures=[600.0], timestep=5.0, friction=0.005, steps=600, every=10,
        min_distance=0.75, max_uncertainty=0.4,
    )  # fmt: skip

    def explore(
        committee: Committee, known: list[Atoms], zero: np.ndarray, seed: int
    ) -> list[Trajectory]:
        generator = np.random.default_rng(seed)
        return exploration.run(committee, perfect, known, zero, settings, generator)

    calculator = testbed.DoubleWellCrystal()

    def label(frame: Atoms) -> Atoms:
        atoms = frames.strip(frame)
        atoms.calc = calculator
        return frames.labelled(atoms, atoms.get_potential_energy(), atoms.get_forces())

    tests = {
        "event": [found[n] for n in event[:: max(1, len(event) // 60)]],
        "quiet": [found[n] for n in later[:: max(1, len(later) // 60)]],
    }
    return System(
        "test bed", perfect, initial, explore, label, tests, potential(5.0, 60), 3, 8,
        ("ours", "almomd", "random", "nothing"), 0.02,
    )  # fmt: skip


# pools


def pool_of(
    pool: Sequence[Atoms], target: float
) -> Callable[[Committee, list[Atoms], np.ndarray, int], list[Trajectory]]:
    """Exploration that judges what of the pool is not known yet."""

    def explore(
        committee: Committee, known: list[Atoms], zero: np.ndarray, seed: int
    ) -> list[Trajectory]:
        taken = {frame_info.identity(frame) for frame in known}
        left = [frame for frame in pool if frame_info.identity(frame) not in taken]
        found = exploration.judge_pool(committee, left, zero)
        for trajectory in found:
            trajectory.target = target
        return found

    return explore


def looked_up(pool: Sequence[Atoms]) -> Callable[[Atoms], Atoms]:
    """The label of a frame of the pool."""
    table = {frame_info.identity(frame): frame for frame in pool}
    return lambda frame: table[frames.frame_id(frame)]


def rock_salt() -> System:
    """GPAW dynamics: seeds from the first stretch of the hot run, the rest is the pool."""
    groups: dict[str, list[Atoms]] = {}
    for frame in frames.read_frames(NACL):
        groups.setdefault(str(FrameInfo.of(frame).origin), []).append(frame)
    perfect = bulk("NaCl", "rocksalt", a=5.581, cubic=True)
    hot, pool = groups["hot"], groups["hot"][32:]

    def initial(seed: int) -> tuple[list[Atoms], list[Atoms]]:
        generator = np.random.default_rng(seed)
        some = [hot[n] for n in sorted(generator.choice(20, 8, replace=False))]
        calm = [groups["quiet"][n] for n in sorted(generator.choice(30, 12, replace=False))]
        return [*calm[:8], *some], [*calm[8:], *hot[20:32:2]]

    far = np.array([displaced(perfect, frame) for frame in groups["hot test"]])
    border = np.quantile(far, 0.7)
    tests = {
        "event": [f for f, d in zip(groups["hot test"], far, strict=True) if d >= border],
        "quiet": [f for f, d in zip(groups["hot test"], far, strict=True) if d < border],
    }
    return System(
        "NaCl (GPAW)", perfect, initial, pool_of(pool, 1000.0), looked_up(pool), tests,
        potential(5.0, 60), 3, 6, ("ours", "almomd", "random", "nothing"), 0.005,
    )  # fmt: skip


def potassium_chloride() -> System:
    """VASP frames with displacements up to 1.5 Å, most of them unphysical."""
    labels = force_sets.read_labelled(KCL)
    perfect = read(KCL.with_name("KCl-225_vasp_mlpsscha_reference.extxyz"))
    energy = np.array([frame.get_potential_energy() for frame in labels])
    order = np.argsort(energy)
    physical = order[energy[order] < energy.min() + 18]
    calm, strong = physical[: len(physical) // 2], physical[len(physical) // 2 :]
    held = {int(n) for n in [*strong[::2], *calm[1::3]]}
    tests = {
        "event": [labels[n] for n in strong[::2]],
        "quiet": [labels[n] for n in calm[1::3]],
    }
    free = [int(n) for n in calm if int(n) not in held]

    def initial(seed: int) -> tuple[list[Atoms], list[Atoms]]:
        mixed = np.random.default_rng(seed).permutation(free)
        return [labels[n] for n in mixed[: len(free) - 4]], [labels[n] for n in mixed[-4:]]

    pool = [frame for n, frame in enumerate(labels) if n not in held]
    return System(
        "KCl (VASP)", perfect, initial, pool_of(pool, float("nan")), looked_up(pool), tests,
        potential(5.0, 30), 2, 4, ("ours", "almomd", "random", "blind", "nothing"), 0.01,
    )  # fmt: skip


# the loop


def fit(
    system: System, known: list[Atoms], seed: int, number: int, folder: Path, parents: list[Path]
) -> list[Path]:
    """Members of a round; warm from the round before."""
    paths = []
    for member in range(MEMBERS):
        chosen, held = subsample(len(known), 5 / 6, seed, member, 1)
        out = folder / f"{number}_{member}.ckpt"
        training.train(
            [known[n] for n in chosen],
            [known[n] for n in held],
            system.potential,
            provenance.seed_for(seed, member) % 2**31,
            out,
            folder / f"scratch_{number}_{member}",
            parents[member] if parents else None,
        )
        paths.append(out)
    return paths


def choose(
    system: System,
    committee: Committee,
    known: list[Atoms],
    calibration: list[Atoms],
    settings: config.Acquisition,
    seed: int,
) -> tuple[list[Atoms], dict[str, int]]:
    """New labels of a round; drawn again until the batch is full where acceptance is by chance."""
    record, _ = judgement.judge(committee, system.perfect, calibration, calibration)
    zero = np.array(record["reference_energy_eV_per_atom"])
    replicas = system.explore(committee, known, zero, seed)
    found = explored(replicas, committee, system.perfect)
    if not found.frames:
        return [], {}
    spreads = {name: Spread.of_numbers(each) for name, each in record.statistics.items()}
    facts = Knowledge(
        spreads["force_max"],
        spreads["energy_above_crystal"],
        sites.bond_length(system.perfect),
        3 * system.wanted,
    )
    candidates = exploration.candidates(found, "force_max", record["calibration_factor"])
    settings = settings.model_copy(update={"batch_size": system.batch})
    chosen: list[int] = []
    for attempt in range(40):
        generator = np.random.default_rng([seed, attempt])
        picked = acquisition.select(candidates, facts, settings, generator)
        new = [n for n in picked.chosen if n not in chosen]
        chosen += new[: system.batch - len(chosen)]
        if len(chosen) == system.batch or settings.strategy != "almomd":
            break
    return [system.label(found.frames[n]) for n in chosen], picked.counts


def explored(
    replicas: list[Trajectory], committee: Committee, perfect: Atoms
) -> exploration.Explored:
    """What `exploration.read` gives, by way of a file."""
    path = Path("results/bench_labels") / f"{id(replicas)}.h5"
    exploration.write(path, replicas)
    descriptors.add(path, committee, perfect)
    found = exploration.read(path)
    path.unlink()
    return found


def run(system: System, strategy: str, seed: int, folder: Path) -> list[dict[str, object]]:
    """Rows of one strategy and seed: errors after every round."""
    known, calibration = system.initial(seed)
    base, paths, rows = folder / f"{system.name}_{seed}".replace(" ", "_"), [], []
    for number in range(system.rounds + 1):
        where = base / ("start" if number == 0 else strategy)
        done = [where / f"0_{member}.ckpt" for member in range(MEMBERS)]
        if number == 0 and all(path.exists() for path in done):
            paths = done
        else:
            paths = fit(system, known, seed, number, where, paths)
        engine.prepare(system.potential, 2, "compiled", folder / "engine")
        committee = Committee.load(paths, folder / "engine")
        row = {"system": system.name, "strategy": strategy, "seed": seed, "labels": len(known)}
        for region, held in system.tests.items():
            row[f"{region}_force_mae"] = judgement.errors(committee.evaluate_members(held), held)[
                "force_mae_eV_per_A"
            ]
        counts = {}
        if number < system.rounds:
            settings = STRATEGIES[strategy]
            if settings is not None:
                new, counts = choose(
                    system, committee, known, calibration, settings, 100 * seed + number
                )
                known = frames.unique([*known, *new])
        viable = counts.get("viable", np.nan)
        rows.append(row | {"round": number, "viable": viable})
        print(rows[-1], flush=True)
    return rows


def needed(table: pd.DataFrame, target: float) -> float:
    """Labels (interpolated) at which the mean event error falls to the target; inf if never."""
    mean = table.groupby("labels")["event_force_mae"].mean()
    mean = mean.cummin()
    below = np.flatnonzero(mean.to_numpy() <= target)
    if not len(below):
        return float("inf")
    last = int(below[0])
    if last == 0:
        return float(mean.index[0])
    x, y = mean.index[last - 1 : last + 1], mean.iloc[last - 1 : last + 1]
    return float(x[0] + (x[1] - x[0]) * (y.iloc[0] - target) / (y.iloc[0] - y.iloc[1]))


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """Per system and strategy: last errors, and labels for random's last event error."""
    rows = []
    for name in dict.fromkeys(table["system"]):
        here = table[table["system"] == name]
        last = here[here["round"] == here["round"].max()]
        target = last.loc[last["strategy"] == "random", "event_force_mae"].mean()
        start = here["labels"].min()
        for strategy in dict.fromkeys(here["strategy"]):
            mine = last[last["strategy"] == strategy]
            wanted = needed(here[here["strategy"] == strategy], target) - start
            rows.append(
                {
                    "system": name,
                    "strategy": strategy,
                    "event_mean": 1e3 * mine["event_force_mae"].mean(),
                    "event_std": 1e3 * mine["event_force_mae"].std(),
                    "quiet_mean": 1e3 * mine["quiet_force_mae"].mean(),
                    "quiet_std": 1e3 * mine["quiet_force_mae"].std(),
                    "new_labels": mine["labels"].mean() - start,
                    "labels_for_random's_error": wanted,
                }
            )
    return pd.DataFrame(rows)


def main() -> None:
    """Make what is missing; then table and figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--systems", nargs="+", default=["bed", "nacl", "kcl"])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--scratch", type=Path, default=Path("results/bench_labels"))
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    makers = {
        "bed": lambda: test_bed(options.scratch),
        "nacl": rock_salt,
        "kcl": potassium_chloride,
    }
    for key in options.systems:
        system = makers[key]()
        path = options.out / f"label_efficiency_{key}.csv"
        rows = pd.read_csv(path).to_dict("records") if path.exists() else []
        for seed in range(options.seeds):
            for strategy in system.strategies:
                if any(row["seed"] == seed and row["strategy"] == strategy for row in rows):
                    continue
                rows += run(system, strategy, seed, options.scratch)
                path.parent.mkdir(parents=True, exist_ok=True)
                pd.DataFrame(rows).round(6).to_csv(path, index=False)
    parts = [options.out / f"label_efficiency_{key}.csv" for key in makers]
    table = pd.concat([pd.read_csv(path) for path in parts if path.exists()])
    print(summary(table).round(2).to_string(index=False))
    summary(table).round(3).to_csv(options.out / "label_efficiency.csv", index=False)
    paths = [options.out / f"label_efficiency.{kind}" for kind in ("png", "pdf")]
    strategies.draw(strategies.table({"runs": table}), paths)
    write_json(options.out / "label_efficiency.json", provenance.record(members=MEMBERS))


if __name__ == "__main__":
    main()
