"""Second derivatives of a perfect supercell, from displaced cells or from the user's file."""

from pathlib import Path

from umklapp import config, reference
from umklapp.crystals import curvature, frames
from umklapp.crystals.structure_record import StructureRecord
from umklapp.lattice import curvature_labels, force_constant_files
from umklapp.logs import log_to
from umklapp.reference.ledger import Ledger


def main(files, finetune, engine_settings, timeout, ledger, scratch, out):
    """Write the labels and what they are worth by themselves."""
    primitive, perfect = (
        frames.read_candidates(Path(files[name]))[0] for name in ("primitive", "perfect")
    )
    relaxed = StructureRecord.read(Path(files["structure"])).relaxation is not None
    if files["file"]:
        label = force_constant_files.read(Path(files["file"]), primitive, perfect, relaxed)
    else:
        engine = reference.create(engine_settings)
        label = curvature_labels.by_displacements(
            primitive, perfect, engine, finetune, ledger, scratch, timeout, relaxed
        )
    label.write(Path(out["labels"]))
    record = curvature.describe(label)
    print(record)
    curvature.CurvatureRecord(**dict(record)).write(out["record"])


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        dict(snakemake.input.items()),
        config.parse(config.CurvatureFinetune, snakemake.params.finetune),
        config.parse(config.Reference, snakemake.params.reference),
        snakemake.params.timeout,
        Ledger(Path(snakemake.params.ledger), snakemake.params.tries.value),
        Path(snakemake.params.scratch),
        snakemake.output,
    )
