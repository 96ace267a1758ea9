"""Dynamics on a cheap surface: frames with its labels, and how many were dropped and why."""

from pathlib import Path

from umklapp import config, provenance
from umklapp.crystals import frame_info, frames, phonopy_cells
from umklapp.crystals.frame_info import Origin
from umklapp.learning.seeds import low_fidelity
from umklapp.logs import log_to
from umklapp.potentials import surfaces


def main(material, index, primitive, sampling, settings, root, out):
    """Write the pool and its record."""
    perfect = frames.read_candidates(sampling)[0]
    if settings.supercell is not None:
        perfect = phonopy_cells.supercell(frames.read_candidates(primitive)[0], settings.supercell)
    frame_info.mark(perfect, material=material)
    seed = provenance.seed_for(root, material, "low_fidelity", index)
    sample = low_fidelity.sample(
        perfect,
        surfaces.create(settings.surface),
        settings,
        provenance.generator(seed, "sample"),
        Origin(kind="low_fidelity", seed=index),
    )
    stages = low_fidelity.stages(sample.frames, settings.temperatures)
    print(f"{sample.counts}", *stages, sep="\n")
    frames.write_frames(out["pool"], sample.frames)
    plain = settings.model_dump(mode="json", exclude={"distillation", "pretrain"})
    low_fidelity.PoolRecord(
        settings=plain,
        counts=sample.counts,
        ended=sample.ended,
        notes=sample.notes,
        seed=seed,
        stages=stages,
    ).write(out["record"])


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        snakemake.wildcards.material,
        int(snakemake.wildcards.index),
        Path(snakemake.input.primitive),
        Path(snakemake.input.sampling),
        config.parse(config.LowFidelitySeed, snakemake.params.seed),
        snakemake.params.root,
        {name: Path(path) for name, path in snakemake.output.items()},
    )
