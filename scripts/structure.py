"""Primitive cell (built and relaxed, or the user's own) and its supercells."""

from pathlib import Path

from umklapp import config, force_sets, frames, materials, provenance, reference, relaxation
from umklapp.logs import log_to


def main(material, settings, reference_settings, scratch, out):
    """Write primitive.extxyz, sampling.extxyz, phonon.extxyz and structure.json."""
    record = {"material": material}
    if settings.cells is not None:
        params = force_sets.load_params(settings.cells)
        primitive = materials.from_phonopy(params.primitive)
        sampling = phonon = materials.from_phonopy(params.supercell)
        record["source"] = str(settings.cells)
    else:
        table = materials.read_table(settings.table)
        primitive = materials.build_primitive(table.loc[material], settings.structures)
        if settings.relax:
            engine = reference.create(reference_settings)
            primitive, record["relaxation"] = relaxation.relax(
                primitive, engine, scratch, settings.relax_fmax, settings.relax_smax
            )
        sampling = materials.supercell(primitive, settings.sampling_supercell)
        phonon = materials.supercell(primitive, settings.phonon_supercell)
    record.update(
        space_group=materials.space_group(primitive),
        lattice_A=primitive.cell.cellpar()[:3].tolist(),
        angles_degree=primitive.cell.cellpar()[3:].tolist(),
        volume_A3_per_atom=primitive.cell.volume / len(primitive),
        atoms={"primitive": len(primitive), "sampling": len(sampling), "phonon": len(phonon)},
    )
    for name, atoms in (("primitive", primitive), ("sampling", sampling), ("phonon", phonon)):
        atoms.info["material"] = material
        frames.write_frames(Path(out[name]), [frames.strip(atoms)])
    settings_hash = provenance.digest(settings.model_dump(mode="json"))
    provenance.write_json(out["record"], provenance.record(settings_hash=settings_hash, **record))


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        snakemake.wildcards.material,
        config.parse(config.Materials, snakemake.params.materials),
        config.parse(config.Reference, snakemake.params.reference),
        Path(snakemake.params.scratch),
        snakemake.output,
    )
