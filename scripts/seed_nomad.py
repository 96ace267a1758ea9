"""Labelled frames from the files that were downloaded from NOMAD."""

from pathlib import Path

from umklapp import config, provenance
from umklapp.crystals import frame_info, frames
from umklapp.crystals.formats import border, given
from umklapp.crystals.frame_info import Origin
from umklapp.learning.seeds import nomad
from umklapp.logs import log_to


def main(material, index, manifest, primitive, sampling, settings, root, out):
    """Write the frames of every trajectory of this crystal, each in order of time."""
    cell = frames.read_candidates(primitive)[0]
    paths = nomad.of_material(nomad.NomadManifest.read(Path(manifest)), cell, settings.skip)
    generator = provenance.generator(root, material, "nomad", index)
    perfect = frames.read_candidates(sampling)[0]
    labelled, reports = given.take(
        paths, settings, generator, Origin(kind="nomad", seed=index), perfect
    )
    for frame in labelled:
        frame_info.mark(frame, material=material, engine="given")
    frames.write_frames(out, labelled)
    border.write_report(out.with_suffix(".report.json"), reports)
    print(f"{len(labelled)} frames from {len(paths)} files")


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        snakemake.wildcards.material,
        int(snakemake.wildcards.index),
        snakemake.input.manifest,
        Path(snakemake.input.primitive),
        Path(snakemake.input.sampling),
        config.parse(config.NomadSeed, snakemake.params.seed),
        snakemake.params.root,
        Path(snakemake.output[0]),
    )
