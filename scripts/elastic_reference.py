"""Elastic constants of the reference engine; every strained cell is a label of the ledger."""

from pathlib import Path

from umklapp import config, reference
from umklapp.crystals import frames
from umklapp.lattice.elastic import strain
from umklapp.lattice.elastic.record import ElasticReference
from umklapp.logs import log_to
from umklapp.reference.labelling import LabellingCalculator
from umklapp.reference.ledger import Ledger


def main(cell, settings, reference_settings, timeout, ledger, scratch, out):
    """Write the tensor and what it cost in labels."""
    atoms = frames.read_candidates(cell)[0]
    engine = reference.create(reference_settings)
    calculator = LabellingCalculator(engine, ledger, scratch, timeout, "elastic")
    tensor = strain.measure(atoms, calculator, settings.amplitudes, settings.reference_fmax)
    ElasticReference(
        **dict(tensor.numbers()),
        labels=len(calculator.asked),
        engine=engine.name,
        settings_hash=engine.settings_hash,
        settings=settings.model_dump(mode="json", include={"amplitudes", "cell", "reference_fmax"}),
    ).write(out)


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        Path(snakemake.input[0]),
        config.parse(config.Elastic, snakemake.params.elastic),
        config.parse(config.Reference, snakemake.params.reference),
        snakemake.params.timeout,
        Ledger(Path(snakemake.params.ledger), snakemake.params.tries.value),
        Path(snakemake.params.scratch),
        Path(snakemake.output[0]),
    )
