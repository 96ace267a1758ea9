"""Time of a training epoch: NequIP's own `nequip-train` and umklapp, eager and compiled.

    python benchmarks/training_speed.py        about ten minutes on one core

One member of the demo's architecture on GPAW rock salt: frames of 8 atoms, and others as eight
copies of themselves (64 atoms). The four ways train on the same frames with the same batches, loss
and optimiser, each in a process of its own on one thread. Times are of the processor, so that other
work on the machine counts little. The first epochs of a compiled way hold the compiling.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import lightning
import numpy as np
import pandas as pd
import yaml
from ase import Atoms

from umklapp import config, provenance
from umklapp.crystals import frames
from umklapp.files import write_json, write_table
from umklapp.potentials import architectures
from umklapp.potentials.nequip import training, training_graph, training_settings

HERE = Path(__file__).parent
WAYS = ("nequip-train eager", "nequip-train compiled", "umklapp eager", "umklapp compiled")
COMPILING = 3
"""Epochs in which training and validation may still compile."""

POTENTIAL = config.Potential(
    cutoff=5.0,
    features=[24, 16, 8],
    training={"learning_rate": 0.01, "force_weight": 4, "stress_weight": 0, "patience": 10**6},
)


class Clock(lightning.Callback):
    """Seconds of the processor until the end of every epoch, one per line."""

    def __init__(self, path: str) -> None:
        self.path = Path(path)

    def on_train_epoch_end(self, trainer: lightning.Trainer, module: object) -> None:
        with self.path.open("a") as file:
            children = os.times()  # the compiler runs in processes of its own
            file.write(f"{time.process_time() + children[2] + children[3]}\n")


def labels() -> tuple[list[Atoms], list[Atoms]]:
    """Frames that train (24 of 8 atoms, 12 of 64), and frames that validate."""
    small = frames.read_frames(HERE / "data/nacl_gpaw.extxyz")[:45]
    known = [small[index] for index in range(30)] + [eightfold(frame) for frame in small[30:]]
    return [f for i, f in enumerate(known) if i % 5], known[::5]


def eightfold(frame: Atoms) -> Atoms:
    """Eight copies of a frame with its label."""
    large = Atoms(frame).repeat(2)
    return frames.labelled(
        large, 8 * frame.get_potential_energy(), np.tile(frame.get_forces(), (8, 1))
    )


def own(compiled: bool, epochs: int, folder: Path) -> None:
    """A training by umklapp."""
    os.environ[training_graph.VARIABLE] = "always" if compiled else "never"

    class Timed(training.Progress):
        def on_train_epoch_end(self, trainer: lightning.Trainer, module: object) -> None:
            super().on_train_epoch_end(trainer, module)
            Clock(str(folder / "seconds")).on_train_epoch_end(trainer, module)

    training.Progress = Timed
    training.train(*labels(), with_epochs(epochs), 1, folder / "model.ckpt", folder)


def with_epochs(epochs: int) -> config.Potential:
    """The settings of all ways."""
    options = POTENTIAL.training.model_copy(update={"epochs": epochs})
    return POTENTIAL.model_copy(update={"training": options})


def official(compiled: bool, epochs: int, folder: Path) -> None:
    """A training by the command nequip-train, from a configuration file."""
    parts, settings = labels(), with_epochs(epochs)
    data = training_settings.data_options(*parts, settings, 1, folder, False)
    module = training_settings.module_options(data, settings, False, parts[0], ())
    builder, _ = architectures.architecture(settings)
    module["model"] = {
        "_target_": f"{builder.__module__}.{builder.__name__}",
        "compile_mode": "compile" if compiled else "eager",
        **training_settings.architecture_options(data, settings, 1, parts[0], None, None),
    }
    checkpoint = {
        "_target_": "lightning.pytorch.callbacks.ModelCheckpoint",
        "dirpath": str(folder),
        "monitor": training.MONITOR,
        "save_last": True,
    }
    clock = {"_target_": "training_speed.Clock", "path": str(folder / "seconds")}
    described = {
        "run": ["train"],
        "data": data,
        "trainer": {
            "_target_": "lightning.Trainer",
            "accelerator": "cpu",
            "max_epochs": epochs,
            "logger": False,
            "enable_progress_bar": False,
            "num_sanity_val_steps": 0,
            "callbacks": [checkpoint, clock],
        },
        "training_module": module,
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(_plain(described)))
    command = ["nequip-train", "-cp", str(folder), "-cn", "config", f"hydra.run.dir={folder}"]
    subprocess.run([Path(sys.executable).parent / command[0], *command[1:]], check=True)


def _plain(value: object) -> object:
    """Without numpy's numbers, which yaml would write as objects."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value.item() if isinstance(value, np.generic) else value


def measured(way: str, epochs: int) -> dict[str, object]:
    """Epoch time and the cost of the first epochs of one way."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, __file__, "--way", way, "--epochs", str(epochs)]
        paths = os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")])
        environment = {**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"}
        environment["TORCHINDUCTOR_CACHE_DIR"] = str(Path(folder, "inductor"))
        subprocess.run([*command, "--folder", folder], env=environment, check=True)
        ends = np.loadtxt(Path(folder, "seconds"))
    each = np.diff(ends)[COMPILING - 1 :]
    epoch = float(np.median(each))
    return {
        "way": way,
        "epoch_s": round(epoch, 3),
        "scatter_s": round(float(each.std(ddof=1)), 3),
        "compiling_s": round(float(ends[COMPILING - 1] - COMPILING * epoch), 1),
    }


def table(rows: Sequence[dict[str, object]]) -> pd.DataFrame:
    """Rows with epochs per second relative to the eager `nequip-train`."""
    known = pd.DataFrame(rows)
    official_eager = known.loc[known["way"] == WAYS[0], "epoch_s"]
    if len(official_eager):
        known["ratio"] = (official_eager.iloc[0] / known["epoch_s"]).round(2)
    return known


def main() -> None:
    """All ways, one after the other; then the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--way", choices=WAYS, help="this way alone, in this process (internal)")
    parser.add_argument("--folder", type=Path, help="of --way")
    parser.add_argument("--out", type=Path, default=HERE / "results/training_speed.csv")
    given = parser.parse_args()
    if given.epochs < COMPILING + 3:
        parser.error(f"--epochs: at least {COMPILING + 3}; the first {COMPILING} compile")
    if given.way:
        train = official if given.way.startswith("nequip") else own
        train(given.way.endswith("compiled"), given.epochs, given.folder)
        return
    rows = [measured(way, given.epochs) for way in WAYS]
    known = table(rows)
    print(known.to_string(index=False))
    write_table(given.out, known)
    sizes = sorted({len(frame) for part in labels() for frame in part})
    record = provenance.record(potential=POTENTIAL.model_dump(mode="json"), atoms=sizes)
    write_json(given.out.with_suffix(".json"), record)


if __name__ == "__main__":
    main()
