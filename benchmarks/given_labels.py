"""How often right labels are refused and wrong ones believed: every file, subset and wrong unit.

    python benchmarks/given_labels.py ../shared/data/cui/CuI-216_md300K.extxyz.xz \\
        ../shared/data/dft/*rd003.extxyz ../shared/data/dft/*mlpsscha.extxyz \\
        ../shared/data/vibes/*.son benchmarks/data/nacl_gpaw.extxyz

Each file is cut into subsets (every 1st, 3rd, 10th frame; the first 6, 12, 40 or all). Each subset
goes through the border as it is and with one thing wrong (`WRONG`). The table counts, by the
number of frames, what the border refuses, what it calls undecided (with a warning that names what
so few frames do not exclude), and what it believes; files that are no crystals are left out. About
3 CPU minutes. See docs/nomad.md.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from ase import Atoms, units

from umklapp.crystals import frames
from umklapp.crystals.formats import border, given
from umklapp.errors import InputError

EVERY, FIRST, FEW = (1, 3, 10), (6, 12, 40, 10**6), 15
"""Strides, lengths of the subsets, and the number of frames that parts the two columns."""

Values = tuple[np.ndarray, list[np.ndarray]]
"""Energies (n,) eV and forces of n frames, (N, 3) eV/Å each."""


def _permuted(energies: np.ndarray) -> np.ndarray:
    return np.random.default_rng(0).permutation(energies)


def _conserved(energies: np.ndarray) -> np.ndarray:
    return energies.mean() + np.random.default_rng(0).normal(scale=0.01, size=len(energies))


WRONG: dict[str, Callable[[np.ndarray, list[np.ndarray]], Values]] = {
    "right": lambda e, f: (e, f),
    "energies in Hartree": lambda e, f: (e / units.Hartree, f),
    "energies in Rydberg": lambda e, f: (e / units.Rydberg, f),
    "energies in kcal/mol": lambda e, f: (e * units.mol / units.kcal, f),
    "energies in meV": lambda e, f: (1e3 * e, f),
    "energies per atom": lambda e, f: (e / len(f[0]), f),
    "energies of other frames": lambda e, f: (_permuted(e), f),
    "a conserved energy": lambda e, f: (_conserved(e), f),
    "forces in eV/bohr": lambda e, f: (e, [one * units.Bohr for one in f]),
    "forces times Å/bohr": lambda e, f: (e, [one / units.Bohr for one in f]),
    "forces in Ry/bohr": lambda e, f: (e, [one * units.Bohr / units.Rydberg for one in f]),
    "gradients": lambda e, f: (e, [-one for one in f]),
    "forces of other axes": lambda e, f: (e, [one[:, [1, 2, 0]] for one in f]),
    "forces of other atoms": lambda e, f: (e, [np.roll(one, 1, axis=0) for one in f]),
    "both in Hartree": lambda e, f: (e / units.Hartree, [one / units.Hartree for one in f]),
    "both in Rydberg": lambda e, f: (e / units.Rydberg, [one / units.Rydberg for one in f]),
    "both in kcal/mol": lambda e, f: (
        e * units.mol / units.kcal,
        [one * units.mol / units.kcal for one in f],
    ),
    "both in meV": lambda e, f: (1e3 * e, [1e3 * one for one in f]),
    "both of the other sign": lambda e, f: (-e, [-one for one in f]),
}


def changed(labels: Sequence[Atoms], name: str) -> list[Atoms]:
    """The labels with one thing of `WRONG`, without stresses."""
    energies = np.array([frame.calc.results["energy"] for frame in labels])
    forces = [np.asarray(frame.calc.results["forces"]) for frame in labels]
    energies, forces = WRONG[name](energies, forces)
    bare = [frames.strip(frame) for frame in labels]
    return [frames.labelled(*one) for one in zip(bare, energies, forces, strict=True)]


def outcome(labels: Sequence[Atoms]) -> str:
    """What the border says of them: refused, undecided (with a warning), or checked."""
    try:
        return border.inspect(labels, "labels").report.outcome
    except InputError as error:
        logging.info(error)
        return "refused"


def main() -> None:
    """Count, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/given_labels.csv"))
    options = parser.parse_args()
    rows = []
    for path in options.files:
        try:
            labels = list(given.read(path))
        except InputError as error:
            print(f"left out: {error}")
            continue
        for every in EVERY:
            for count in FIRST:
                subset = labels[::every][:count]
                if len(subset) < min(count, 5):
                    continue
                for name in WRONG:
                    row = {"file": path.name, "every": every, "frames": len(subset)}
                    rows.append(row | {"labels": name, "outcome": outcome(changed(subset, name))})
    table = pd.DataFrame(rows).drop_duplicates()
    table["size"] = np.where(table["frames"] < FEW, f"below {FEW} frames", f"{FEW} and more")
    counts = table.groupby(["labels", "size"], sort=False)["outcome"].value_counts()
    counts = counts.unstack(fill_value=0)[["refused", "undecided", "checked"]].reset_index()
    print(counts.to_string(index=False))
    counts.to_csv(options.out, index=False)


if __name__ == "__main__":
    main()
