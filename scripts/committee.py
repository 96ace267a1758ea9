"""Test errors, calibration and acquisition statistics of a freshly trained committee."""

from pathlib import Path

from umklapp.crystals import frames
from umklapp.files import write_table
from umklapp.lattice import harmonic_reference
from umklapp.learning import judgement
from umklapp.logs import log_to
from umklapp.potentials.committee import Committee
from umklapp.potentials.training_records import Finetuning, Training


def main(members, training, finetune, engine, dataset, sampling, harmonic, calibration, test, out):
    """Write committee.json and a row per test frame."""
    record, table = judgement.judge(
        Committee.load(members, engine),
        frames.read_candidates(sampling)[0],
        frames.read_labels(calibration),
        frames.read_labels(test),
        harmonic_reference.read(harmonic),
    )
    record = judgement.with_training(
        record,
        [Training.read(path) for path in training],
        [Finetuning.read(path) for path in finetune],
        frames.read_labels(dataset),
    )
    for note in record.notes:
        print(note)
    record.write(Path(out["record"]))
    write_table(out["test"], table)


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        [Path(path) for path in snakemake.input.members],
        [Path(path) for path in snakemake.input.training],
        [Path(path) for path in snakemake.input.finetune],
        Path(snakemake.input.engine),
        Path(snakemake.input.dataset),
        Path(snakemake.input.sampling),
        Path(snakemake.input.harmonic),
        Path(snakemake.input.calibration),
        Path(snakemake.input.test),
        snakemake.output,
    )
