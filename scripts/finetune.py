"""Fine-tune one committee member on second derivatives of the perfect supercell."""

from dataclasses import asdict
from pathlib import Path

from umklapp import config, provenance
from umklapp.crystals import curvature, frames
from umklapp.crystals.force_constant_arrays import as_blocks
from umklapp.lattice import harmonic_reference, phonon_errors
from umklapp.logs import log_to
from umklapp.potentials.committee import member_frames, stream_of
from umklapp.potentials.loading import load
from umklapp.potentials.nequip import finetuning
from umklapp.potentials.training_records import Finetuning


def phonons_of(models, label, primitive, displacement):
    """Harmonic properties of the label and of models, all of one supercell."""
    arrays = {"label": label.force_constants}
    for name, path in models.items():
        matrix = harmonic_reference.of_potential(load(path), primitive, label.perfect, displacement)
        arrays[name] = as_blocks(matrix)
    return {
        name: asdict(phonon_errors.of_supercell(primitive, label.perfect, array))
        for name, array in arrays.items()
    }


def main(names, files, settings, committee, root, scratch, out):
    """Write the checkpoint and its record; `names` are material, round and member."""
    material, round_index, member = names
    label = curvature.read(Path(files["labels"]))
    dataset = frames.read_labels(Path(files["dataset"]))
    seed = provenance.seed_for(stream_of(root, material), round_index, "finetune", member)
    parts = member_frames(dataset, committee, root, material, member)
    ordinary, model = Path(files["ordinary"]), Path(out["model"])
    result = finetuning.finetune(ordinary, [label], *parts, settings, seed, model, scratch)
    primitive = frames.read_candidates(Path(files["primitive"]))[0]
    models = {"before": ordinary, "after": model}
    record = Finetuning(
        member=member,
        seed=seed,
        limit=settings.forgetting,
        **dict(result),
        label=curvature.describe(label),
        phonons=phonons_of(models, label, primitive, settings.displacement),
        model=provenance.file_digest(model),
        ordinary=provenance.file_digest(ordinary),
    )
    record.write(out["record"])


if __name__ == "__main__":
    log_to(snakemake.log[0])
    names = snakemake.wildcards.material, snakemake.wildcards.round, int(snakemake.wildcards.member)
    main(
        names,
        dict(snakemake.input.items()),
        config.parse(config.CurvatureFinetune, snakemake.params.finetune),
        config.parse(config.Committee, snakemake.params.committee),
        snakemake.params.root,
        Path(snakemake.params.scratch),
        {name: Path(path) for name, path in snakemake.output.items()},
    )
