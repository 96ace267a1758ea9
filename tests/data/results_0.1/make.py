"""Make these results with the code of commit b9b615f (see README.md); not a script of today."""

import sys
from pathlib import Path

import numpy as np
import yaml
from backends import small
from models import rattled_silicon
from test_campaign import TINY, run, said
from test_cheap_seed import CHEAP
from test_finetune import FINETUNE

from umklapp import frames
from umklapp.potentials.loading import load
from umklapp.potentials.training import trainer

CAMPAIGN = {**TINY, "seeds": [*TINY["seeds"], CHEAP], "finetune": FINETUNE}


def main(folder):
    """The campaign, the shared model, an Allegro checkpoint, and what both networks predict."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "tiny.yaml"
    path.write_text(yaml.safe_dump(CAMPAIGN))
    for targets in ((), ("shared",)):
        print(said(run(path, *targets))[-3000:])
    results, settings, labels = folder / "results", small("allegro"), rattled_silicon(8)
    allegro = results / "allegro/model.ckpt"
    allegro.parent.mkdir()
    trainer(settings)(labels[:6], labels[6:], settings, 3, allegro, folder / "scratch", print)
    test = frames.read_frames(results / "Si-227/seeds/test.extxyz")[:2]
    nequip = results / "Si-227/round_01/member_0/model.ckpt"
    for name, checkpoint in (("nequip", nequip), ("allegro", allegro)):
        found = load(checkpoint).evaluate(test)
        forces = {f"forces_{number}": values for number, values in enumerate(found.forces)}
        out = results / f"{name}_predictions.npz"
        np.savez_compressed(out, energy=found.energy, stress=found.stress, **forces)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
