"""Is κ of the stop rule wrong by as much as its held-back labels say? Silicon in two cells.

    python benchmarks/stop_rule.py --draws 3        one to two minutes of processor time

Kumagai's silicon is the foundation model, Stillinger and Weber's the reference. Per cell and draw:
the error of κ after two labels, the error that two labels held back say (as the rule does), and the
same with the four thermal labels of the audit among them. See docs/foundation.md.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from ase.build import bulk

from umklapp import config
from umklapp.crystals import frames, phonopy_cells
from umklapp.files import write_table
from umklapp.lattice import force_constants
from umklapp.potentials.ase import AsePotential
from umklapp.potentials.empirical import manybody
from umklapp.potentials.foundation import FoundationPotential
from umklapp.potentials.taylor.prior import Prior
from umklapp.potentials.taylor.residual import Residual
from umklapp.potentials.taylor.stiffness import widened
from umklapp.transport import bte, potential_error
from umklapp.transport.baseline import Request
from umklapp.transport.stop_rule import drawing, kappa

HERE = Path(__file__).parent
CELLS = {8: [[-1, 1, 1], [1, -1, 1], [1, 1, -1]], 16: [[2, 0, 0], [0, 2, 0], [0, 0, 2]]}
MODEL = {
    "package": "ase",
    "calculator": "umklapp.potentials.empirical:manybody",
    "parameters": {"form": "kumagai", "parameters": "Kumagai_Comp_Mat_Sci_39_Si"},
}
MESH, TAYLOR, RULE = [2, 2, 2], config.Taylor(), config.StopRule()


def labelled(asked: list) -> list:
    """Frames with the reference's labels."""
    answer = AsePotential(manybody("stillinger_weber", "Stillinger_Weber_PRB_31_5262_Si")).evaluate(
        asked
    )
    return [
        frames.labelled(atoms, energy, forces)
        for atoms, energy, forces in zip(asked, answer.energy, answer.forces, strict=True)
    ]


def measured(atoms: int, draws: int) -> list[dict]:
    """A row per draw in one cell."""
    primitive = bulk("Si", "diamond", a=5.431)
    perfect = phonopy_cells.supercell(primitive, CELLS[atoms])
    request = Request(
        config.Foundation.model_validate({"model": MODEL}),
        config.Phonons(),
        config.Conductivity(mesh=MESH),
    )
    settings, potential = request.fit(perfect), FoundationPotential(request.foundation.model)
    calculation = force_constants.prepare(primitive, perfect, settings)
    cells = force_constants.displaced_cells(calculation, settings)

    def solved(forces: list[np.ndarray]) -> float:
        force_constants.fill(calculation, forces, settings)
        return float(
            bte.solve(calculation, request.conductivity, MESH, settings.imaginary).scalar()[0]
        )

    truth = solved([label.get_forces() for label in labelled(cells)])
    alone = solved(list(potential.evaluate(cells).forces))
    rows = []
    for draw in range(draws):
        generator = np.random.default_rng(draw)
        quiet = labelled(drawing.rattled(perfect, RULE.labels + RULE.check, 0.03, generator))
        learned, check = quiet[: RULE.labels], quiet[RULE.labels :]
        model, _ = kappa.corrected(potential, learned, perfect, request, TAYLOR)
        forces = list(model.evaluate(cells).forces)
        thermal, _ = drawing.thermal(
            model, (primitive, perfect), 300.0, RULE.audit, 0.03, generator
        )
        row = {"atoms": atoms, "draw": draw, "model_error": alone / truth - 1}
        row["corrected_error"] = solved(forces) / truth - 1
        for name, fresh in (("check", check), ("check_and_thermal", check + labelled(thermal))):
            widths = widened(kappa.shortened(TAYLOR, request, perfect), perfect, fresh)
            prior = Prior.affordable(perfect, widths, settings.pair_cutoff)
            residual = Residual(prior, fresh, model.evaluate(fresh).forces)
            moved = potential_error.solve(
                calculation, forces, residual, settings, request.conductivity, MESH, generator
            )
            row[f"said_by_{name}"] = float(moved.relative_error[0])
        print(row, flush=True)
        rows.append(row)
    return rows


def main() -> None:
    """Measure, and write results/stop_rule.csv."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--out", type=Path, default=HERE / "results/stop_rule.csv")
    arguments = parser.parse_args()
    rows = [row for atoms in CELLS for row in measured(atoms, arguments.draws)]
    write_table(arguments.out, pd.DataFrame(rows).round(4))


if __name__ == "__main__":
    main()
