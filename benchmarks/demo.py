"""The numbers of a finished demo that the documentation quotes, as a table in Markdown.

    make demo
    python benchmarks/demo.py results/demo

From the records alone: nothing is computed again. `docs/overview.md` has the table of the last run.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

from umklapp.learning.assessment import Assessment
from umklapp.potentials.training_records import Training
from umklapp.report.summary import MaterialSummary
from umklapp.transport.kappa_records import ROOM, Conductivity

MATERIAL = "NaCl-225"


def left(folder: Path, atoms: int) -> str:
    """What the members of a round leave of the labels with so many atoms, by their kind, meV/Å."""
    records = [Training.read(path) for path in sorted(folder.glob("member_*/training.json"))]
    groups = [group for record in records for group in record.left or [] if group.atoms == atoms]
    said = []
    for kind in sorted({group.kind for group in groups}):
        errors = [1e3 * group.force_rmse_eV_per_A for group in groups if group.kind == kind]
        forces = [1e3 * group.force_rms_eV_per_A for group in groups if group.kind == kind]
        said.append(f"{kind} {min(errors):.1f} to {max(errors):.1f} meV/Å of {max(forces):.0f}")
    return "; ".join(said) or "no such labels"


def rows(results: Path) -> dict[str, str]:
    """Name and value of every number."""
    folder = results / MATERIAL
    summary = MaterialSummary.read(folder / "summary.json")
    last = folder / f"round_{summary.rounds - 1:02d}"
    assessment = Assessment.read(last / "assessment.json")
    kappa = Conductivity.read(folder / "conductivity.json")
    where = list(kappa.temperatures_K).index(ROOM)
    members = ", ".join(f"{member[where]:.2f}" for member in kappa.members_W_per_mK)
    hours = pd.read_csv(results / "costs.csv")["cpu_hours"].sum()
    return {
        "rounds, labels": f"{summary.rounds}, {summary.labels}; {assessment.reason}",
        "force MAE on test frames": f"{1e3 * summary.test_force_mae_eV_per_A:.1f} meV/Å",
        "what the members leave of the 64-atom labels that they learned": left(last, 64),
        "κ(300 K)": f"{summary.kappa_300K_W_per_mK:.2f} ± {summary.kappa_300K_error_W_per_mK:.2f} "
        f"W/(m K); ± is {summary.kappa_300K_error_is}",
        "κ(300 K) of the members": f"{members} W/(m K)",
        "audit": f"{summary.audit}",
        "events": f"{summary.verdict}",
        "CPU": f"{60 * hours:.0f} minutes",
        "code": assessment.code[:7],
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path)
    print("| | demo |\n|---|---|")
    for name, value in rows(parser.parse_args().results).items():
        print(f"| {name} | {value} |")


if __name__ == "__main__":
    main()
