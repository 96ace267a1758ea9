"""Elastic constants of the committee, beside the reference engine's own if they are asked for."""

from pathlib import Path

from umklapp import config, provenance
from umklapp.crystals import frames
from umklapp.lattice.elastic import committee
from umklapp.lattice.elastic.record import ElasticRecord, ElasticReference
from umklapp.logs import log_to
from umklapp.potentials.committee import Committee


def main(material, models, engine, cell, reference, settings, scratch, out):
    """Write elastic.json: every member, their mean and spread, stability."""
    atoms = frames.read_candidates(cell)[0]
    members = []
    for member_index, path in enumerate(models):
        print(f"member {member_index}")
        folder = scratch / f"member_{member_index}"
        member = Committee.load([path], engine)
        members.append(committee.member(atoms, member, settings, folder))
    own = ElasticReference.read(reference) if reference else None
    ElasticRecord(
        material=material,
        **dict(committee.combine(members)),
        reference=own,
        settings=settings.model_dump(mode="json", exclude={"reference", "reference_fmax"}),
        models=[provenance.file_digest(path) for path in models],
    ).write(out)


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        snakemake.wildcards.material,
        [Path(path) for path in snakemake.input.models],
        Path(snakemake.input.engine),
        Path(snakemake.input.cell),
        Path(snakemake.input.reference) if snakemake.input.reference else None,
        config.parse(config.Elastic, snakemake.params.elastic),
        Path(snakemake.params.scratch),
        Path(snakemake.output[0]),
    )
