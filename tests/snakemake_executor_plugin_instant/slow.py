"""Jobs that take a moment and that can be killed in it: half of each output is written first.

Label jobs make real labels (Lennard-Jones) with the ledger of the campaign.

Environment:
    INSTANT_SECONDS: how long a job takes; without it jobs are instant.
    INSTANT_BEGUN: a file that gets a line `rule output` when a job begins.
    INSTANT_LABELS: a file that gets the id of a frame when its label has been computed.
"""

import os
import time
import zlib
from pathlib import Path

LABELS = 4
"""Frames in a label job."""


def seconds() -> float:
    """How long a job takes."""
    return float(os.environ.get("INSTANT_SECONDS", "0"))


def begin(job) -> None:
    """Say that a job begins and write the first half of its outputs."""
    if not seconds():
        return
    append("INSTANT_BEGUN", f"{job.rule.name} {job.output[0] if job.output else ''}")
    if labels_frames(job):
        return
    for output in job.output:
        if not output.is_directory:
            Path(output).parent.mkdir(parents=True, exist_ok=True)
            Path(output).write_text("half of ")
    time.sleep(seconds())


def append(variable: str, line: str) -> None:
    """Write a line to the file that a variable of the environment names, if it does."""
    path = os.environ.get(variable)
    if path:
        with Path(path).open("a") as file:
            file.write(line + "\n")


def labels_frames(job) -> bool:
    """Whether a job makes real labels here."""
    return bool(seconds()) and job.rule.name in ("label", "label_audit")


def write_labels(job) -> None:
    """Label frames that the name of the output decides, as scripts/label.py does."""
    import numpy as np
    from ase.build import bulk

    from umklapp.config import AseCalculator
    from umklapp.crystals import frames
    from umklapp.reference.ase import AseEngine
    from umklapp.reference.contract import Failures
    from umklapp.reference.ledger import Ledger, label_frames

    class SlowEngine(AseEngine):
        """Takes a share of the job's time for each label, before and after it is computed."""

        def label(self, atoms, workdir, timeout):
            time.sleep(seconds() / (2 * LABELS))
            label = super().label(atoms, workdir, timeout)
            append("INSTANT_LABELS", frames.frame_id(atoms))
            time.sleep(seconds() / (2 * LABELS))
            return label

    settings = AseCalculator(engine="ase", calculator="ase.calculators.lj:LennardJones")
    generator = np.random.default_rng(zlib.crc32(str(job.output.labels).encode()))
    batch = []
    for _ in range(LABELS):
        frame = bulk("Ar", cubic=True)
        frame.positions += generator.normal(scale=0.1, size=frame.positions.shape)
        batch.append(frames.strip(frame))
    ledger = Ledger(Path(job.params.ledger), job.params.tries.value)
    labels, failures = label_frames(
        batch, SlowEngine(settings), ledger, Path(job.params.scratch), job.params.timeout
    )
    Path(job.output.labels).parent.mkdir(parents=True, exist_ok=True)
    frames.write_frames(job.output.labels, labels)
    Failures(failed=failures).write(Path(job.output.failed))
