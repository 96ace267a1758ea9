"""Labelled frames that the user already has: thinned, all or a seeded random draw."""

from pathlib import Path

from umklapp import config, provenance
from umklapp.crystals import frame_info, frames
from umklapp.crystals.formats import border, given
from umklapp.crystals.frame_info import Origin
from umklapp.logs import log_to
from umklapp.reference import lookup
from umklapp.wording import counted


def main(material, index, path, sampling, settings, table, root, out):
    """Write the labelled frames, in the order of the file."""
    generator = provenance.generator(root, material, "frames", index)
    perfect = frames.read_candidates(sampling)[0]
    alone = None if table else perfect
    labelled, reports = given.take(
        [path], settings, generator, Origin(kind="frames", seed=index), alone
    )
    if table:
        labelled = lookup.as_in_table(labelled, Path(table), perfect, settings.keys)
    for frame in labelled:
        frame_info.mark(frame, material=material, engine="given")
    frames.write_frames(out, labelled)
    border.write_report(out.with_suffix(".report.json"), reports)
    print(f"{counted(len(labelled), 'frame')} from {path}")


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        snakemake.wildcards.material,
        int(snakemake.wildcards.index),
        Path(snakemake.input.frames),
        Path(snakemake.input.sampling),
        config.parse(config.FramesSeed, snakemake.params.seed),
        snakemake.params.table,
        snakemake.params.root,
        Path(snakemake.output[0]),
    )
