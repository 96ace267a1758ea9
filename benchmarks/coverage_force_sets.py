"""Does the ± of κ cover the truth on DFT forces? Taylor posteriors of a few VASP frames.

    python benchmarks/coverage_force_sets.py --draws 2

A draw is a committee of Taylor expansions, each the posterior of four fifths of 4 to 10 frames of a
VASP force set, and its budget from six other frames. The truth is κ of the posterior of every
frame of the set, in the same supercell and on the same mesh. Rows are added to
`results/coverage.csv` as way `taylor`; see `coverage.py` and benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import coverage
import numpy as np
import pandas as pd
import torch
from ase import Atoms
from ase.build import bulk
from coverage import FRESH, MEMBERS, MESH, PHONONS, Crystal, Setting

from umklapp.crystals import frames, phonopy_cells, registration, sites
from umklapp.crystals.phonopy_cells import from_phonopy
from umklapp.errors import InputError
from umklapp.files import replacing
from umklapp.lattice import force_constants
from umklapp.potentials.taylor.model import TaylorModel, displacements
from umklapp.potentials.taylor.prior import Knowledge, Prior
from umklapp.potentials.taylor.regression import Regression
from umklapp.potentials.taylor.stiffness import widened

DATA = Path(__file__).resolve().parents[2] / "shared/data/dft"
CUBE = [[-2, 2, 2], [2, -2, 2], [2, 2, -2]]


@dataclass(frozen=True)
class ForceSet:
    """Frames of a 64-atom rock-salt cube. largest: displacement up to which a frame is used, Å."""

    symbols: str
    file: str
    largest: float


SETS = {
    "NaCl VASP": ForceSet("NaCl", "NaCl-225_vasp_rd003.extxyz", 0.1),
    "KCl VASP": ForceSet("KCl", "KCl-225_vasp_mlpsscha.extxyz", 0.25),
}


def posterior(prior: Prior, labels: Sequence[Atoms]) -> TaylorModel:
    """The Taylor expansion that labels determine."""
    design = prior.scaled_design(displacements(prior.perfect, labels))
    regression = Regression(design.reshape(-1, design.shape[-1]), prior.settings.noise)
    forces = np.array([label.get_forces() for label in labels]).ravel()
    return prior.model(regression.likeliest(forces).posterior(forces), 0.0)


def prepare(name: str, scratch: Path) -> tuple[Setting, list[Atoms]]:
    """Cells, prior and truth, kept in the scratch folder; and the frames on the sites."""
    own = SETS[name]
    given = frames.read_frames(DATA / own.file)
    primitive = bulk(own.symbols, "rocksalt", a=given[0].cell[0, 0] / 2)
    matrix = phonopy_cells.supercell(primitive, CUBE)
    calculation = force_constants.prepare(primitive, matrix, PHONONS)
    perfect = from_phonopy(calculation.supercell)
    labels = usable(given, perfect, own, name)
    cache = scratch / f"{name.replace(' ', '_')}.pickle"
    if not cache.exists():
        cache.parent.mkdir(parents=True, exist_ok=True)
        prior = Prior(perfect, Knowledge(), widened(coverage.TAYLOR, perfect, labels))
        model = posterior(prior, labels)
        cells = force_constants.displaced_cells(calculation, PHONONS)
        truth = coverage.kappa(calculation, list(model.evaluate(cells).forces), MESH)
        with replacing(cache) as part:
            part.write_bytes(pickle.dumps((prior, model, truth)))
    prior, model, truth = pickle.loads(cache.read_bytes())
    crystal = Crystal(name, primitive, 2, model, [], own.largest)
    return Setting(crystal, calculation, perfect, prior, truth), labels


def usable(given: Sequence[Atoms], perfect: Atoms, own: ForceSet, name: str) -> list[Atoms]:
    """The frames whose atoms are near the sites, laid on them."""
    near = []
    for frame in given:
        try:
            placed, _ = registration.register([frame], perfect, name)
        except InputError:
            continue
        near += placed
    lengths = np.linalg.norm(sites.of_frames(near, perfect), axis=2).max(axis=1)
    return [frame for frame, length in zip(near, lengths, strict=True) if length <= own.largest]


def draw(setting: Setting, labels: Sequence[Atoms], number: int) -> dict[str, object]:
    """Row of one draw."""
    generator = np.random.default_rng([number, *setting.crystal.name.encode()])
    count = int(generator.integers(4, 11))
    order = generator.permutation(len(labels))
    known = [labels[place] for place in order[:count]]
    fresh = [labels[place] for place in order[count : count + FRESH]]
    members = []
    for _ in range(MEMBERS):
        chosen = generator.permutation(count)[: round(0.8 * count)]
        members.append(posterior(setting.prior, [known[place] for place in chosen]))
    numbers = coverage.row(setting, members, known, fresh, False, generator)
    return {
        "crystal": setting.crystal.name, "way": "taylor", "draw": number,
        "labels": count + FRESH, **numbers,
    }  # fmt: skip


def main() -> None:
    """Make the draws that are missing; then print the coverage."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", nargs="+", choices=[*SETS], default=[*SETS])
    parser.add_argument("--draws", type=int, default=2)
    parser.add_argument("--scratch", type=Path, default=Path("results/bench_coverage"))
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/coverage.csv"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    for name in options.sets:
        setting, labels = prepare(name, options.scratch)
        for number in range(options.draws):
            rows = pd.read_csv(options.out).to_dict("records") if options.out.exists() else []
            if any((r["crystal"], r["way"], r["draw"]) == (name, "taylor", number) for r in rows):
                continue
            table = pd.DataFrame([*rows, draw(setting, labels, number)])
            table["z"] = (table["kappa_truth"] - table["kappa"]) / table["kappa_error_bar"]
            with replacing(options.out) as part:
                table.round(6).to_csv(part, index=False)
            print(table.iloc[-1].to_dict(), flush=True)
    print(coverage.summary(pd.read_csv(options.out)))


if __name__ == "__main__":
    main()
