"""Primitive cell (built and relaxed, or the user's own) and its supercells."""

from pathlib import Path

from umklapp import config, provenance, reference
from umklapp.crystals import frame_info, frames, given_cells, materials, phonopy_cells, symmetry
from umklapp.crystals.structure_record import StructureRecord
from umklapp.crystals.supercells import matrix as matrix_of
from umklapp.logs import log_to
from umklapp.reference.relaxation import relax


def main(material, settings, recipe, reference_settings, scratch, out):
    """Write primitive.extxyz, sampling.extxyz, phonon.extxyz and structure.json."""
    record = {"material": material, **{key: recipe[key] for key in recipe if key != "prototype"}}
    row = materials.read_table(settings.table).loc[material]
    if settings.cells is not None:
        primitive, supercell, record["source"] = given_cells.of_material(settings, row)
        cells = dict.fromkeys(config.WHICH, supercell)
    else:
        primitive = built = materials.build_primitive(row, settings.structures, settings.downloads)
        if settings.relax:
            primitive, record["relaxation"] = relax(
                *(built, reference.create(reference_settings), scratch),
                *(settings.relax_fmax, settings.relax_smax, settings.symmetry),
            )
        cells = {}
        for which in config.WHICH:
            key, size = f"materials.{which}_supercell", materials.published_size(row)
            matrix = matrix_of(settings.supercell(which, material), built, size, key)
            cells[which] = phonopy_cells.supercell(primitive, matrix)
            record[f"{which}_supercell"] = matrix
    record.update(
        space_group=symmetry.space_group(primitive),
        lattice_A=primitive.cell.cellpar()[:3].tolist(),
        angles_degree=primitive.cell.cellpar()[3:].tolist(),
        volume_A3_per_atom=primitive.cell.volume / len(primitive),
        atoms={"primitive": len(primitive)} | {name: len(atoms) for name, atoms in cells.items()},
    )
    for name, atoms in ({"primitive": primitive} | cells).items():
        frame_info.mark(atoms, material=material)
        frames.write_frames(Path(out[name]), [frames.strip(atoms)])
    settings_hash = provenance.digest(settings.model_dump(mode="json"))
    StructureRecord(settings_hash=settings_hash, **record).write(out["record"])


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        snakemake.wildcards.material,
        config.parse(config.Materials, snakemake.params.materials),
        snakemake.params.recipe,
        config.parse(config.Reference, snakemake.params.reference),
        Path(snakemake.params.scratch),
        snakemake.output,
    )
