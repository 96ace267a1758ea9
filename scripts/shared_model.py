"""Pretrain one member of the shared model on the labels of all materials."""

from pathlib import Path

from umklapp import config, provenance
from umklapp.logs import log_to
from umklapp.potentials import shared
from umklapp.potentials.training_records import SharedTraining
from umklapp.wording import counted


def main(member, paths, potential, committee, section, root, scratch, out):
    """Write the checkpoint and what went in."""
    labels = shared.gather(paths, section.leave_out)
    shared.one_reference(labels)
    content = shared.content(labels)
    for name, share in content.items():
        print(f"{name}: {counted(share.frames, 'frame')}")
    settings = shared.settings_of(potential, section)
    result, notes = shared.pretrain(
        labels, settings, committee, root, member, out["model"], scratch
    )
    record = SharedTraining(
        **notes,
        materials=content,
        model=provenance.file_digest(out["model"]),
        potential=settings.model_dump(mode="json"),
        **dict(result),
    )
    record.write(out["record"])


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        int(snakemake.wildcards.member),
        [Path(path) for path in snakemake.input],
        config.parse(config.Potential, snakemake.params.potential),
        config.parse(config.Committee, snakemake.params.committee),
        config.parse(config.Shared, snakemake.params.shared),
        snakemake.params.root,
        Path(snakemake.params.scratch),
        {name: Path(path) for name, path in snakemake.output.items()},
    )
