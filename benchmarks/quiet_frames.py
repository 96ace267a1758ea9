"""What `potential.training.quiet_frames` is worth: errors and κ of one member of the demo.

    make foundation-env
    python benchmarks/quiet_frames.py --model ../shared/data/foundation/nequix-oam-1-pft.nqx

The seeds of `config/demo.yaml`, labelled by a foundation model in place of GPAW, so that the truth
is known: unseen rattled cells of 64 atoms, unseen hot cubes, and κ of the model's own force
constants. One member is trained per power and number of epochs; κ is that of the member as it is,
and with the Taylor correction from its training labels in 64 atoms. About 5 CPU minutes a row; rows
that are there are not made again. See docs/training.md.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from ase import Atoms

from umklapp import config, provenance
from umklapp.crystals import frames
from umklapp.crystals.frame_info import Origin
from umklapp.lattice import force_constants
from umklapp.learning.seeds.displaced import rattled
from umklapp.potentials.committee import member_frames
from umklapp.potentials.contract import Potential
from umklapp.potentials.foundation import FoundationPotential
from umklapp.potentials.loading import load
from umklapp.potentials.nequip.training import train
from umklapp.potentials.taylor.correction import correct
from umklapp.transport import bte

ROOT = Path(__file__).resolve().parents[1]
MATERIAL = "NaCl-225"
UNSEEN = {
    "quiet_64_atoms": ("phonon", config.RattledSeed(count=24, amplitudes=[0.03])),
    "hot_8_atoms": ("sampling", config.RattledSeed(count=24, amplitudes=[0.08, 0.12, 0.16])),
}


def labelled_seeds(scratch: Path, model: Path) -> config.Campaign:
    """The demo's configuration with the foundation model as its engine; its seeds are labelled.

    Raises:
        CalledProcessError: Snakemake failed.
    """
    scratch.mkdir(parents=True, exist_ok=True)
    settings = yaml.safe_load((ROOT / "config/demo.yaml").read_text())
    path = {"package": "nequix", "path": str(model.resolve())}
    settings["reference"] = {"engine": "foundation", "model": path}
    settings["results"] = str(scratch.resolve() / "results")
    settings["materials"]["table"] = str(ROOT / "config/materials.csv")
    configfile = scratch / "campaign.yaml"
    configfile.write_text(yaml.safe_dump(settings))
    dataset = f"{settings['results']}/{MATERIAL}/round_00/dataset.extxyz"
    command = [sys.executable, "-m", "snakemake", dataset, "--cores", "1"]
    subprocess.run([*command, "--configfile", str(configfile.resolve())], check=True, cwd=ROOT)
    return config.load(configfile)


def cell(campaign: config.Campaign, name: str) -> Atoms:
    """A cell of the structure."""
    path = Path(campaign.results) / MATERIAL / f"structure/{name}.extxyz"
    return frames.read_candidates(path)[0]


def kappa(potential: Potential, campaign: config.Campaign) -> float:
    """κ(300 K) in W/(m K), NaN where there is none."""
    phonons, settings = campaign.phonons, campaign.conductivity
    cells = cell(campaign, "primitive"), cell(campaign, "phonon")
    calculation = force_constants.prepare(*cells, phonons)
    force_constants.evaluate(calculation, potential, phonons)
    solved = bte.solve(calculation, settings, settings.mesh, phonons.imaginary).scalar()
    return np.nan if solved is None else float(solved[settings.temperatures.index(300)])


def row(campaign: config.Campaign, truth: Potential, power: float, epochs: int, scratch: Path):
    """Errors and κ of a member that is trained with this power."""
    dataset = frames.read_labels(Path(campaign.results) / MATERIAL / "round_00/dataset.extxyz")
    parts = member_frames(dataset, campaign.committee, campaign.seed, MATERIAL, 0)
    changes = {"quiet_frames": power, "epochs": epochs, "patience": epochs}
    training = campaign.potential.training.model_copy(update=changes)
    settings = campaign.potential.model_copy(update={"training": training})
    out = scratch / f"power_{power}_{epochs}.ckpt"
    train(*parts, settings, 7, out, out.with_suffix(""))
    member = load(out)
    errors = {}
    for name, (where, seed) in UNSEEN.items():
        generator, origin = provenance.generator(5, name), Origin(kind="rattled", seed=9)
        unseen = rattled(cell(campaign, where), seed, generator, origin)
        wanted, found = truth.evaluate(unseen).forces, member.evaluate(unseen).forces
        square = np.mean((np.concatenate(found) - np.concatenate(wanted)) ** 2)
        errors[f"{name}_rmse_meV_per_A"] = round(1e3 * float(np.sqrt(square)), 2)
    corrected, _ = correct(member, parts[0], cell(campaign, "phonon"), campaign.potential.taylor)
    return {
        "power": power,
        "epochs": epochs,
        **errors,
        "kappa_W_per_mK": kappa(member, campaign),
        "kappa_corrected_W_per_mK": kappa(corrected, campaign),
    }


def main() -> None:
    """Make the rows that are missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--powers", type=float, nargs="+", default=[0.0, 0.5, 1.0])
    parser.add_argument("--epochs", type=int, nargs="+", default=[300])
    parser.add_argument("--scratch", type=Path, default=Path("results/quiet_frames"))
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/results/quiet_frames.csv")
    options = parser.parse_args()
    campaign = labelled_seeds(options.scratch, options.model)
    truth = FoundationPotential(config.NequixModel(path=options.model))
    rows = pd.read_csv(options.out).to_dict("records") if options.out.exists() else []
    if not rows:
        rows.append({"power": np.nan, "epochs": 0, "kappa_W_per_mK": kappa(truth, campaign)})
    for epochs in options.epochs:
        for power in options.powers:
            if any((one["power"], one["epochs"]) == (power, epochs) for one in rows):
                continue
            rows.append(row(campaign, truth, power, epochs, options.scratch))
            print(rows[-1], flush=True)
            pd.DataFrame(rows).to_csv(options.out, index=False)


if __name__ == "__main__":
    main()
