"""One constant-energy trajectory of one member, with its heat flux."""

from pathlib import Path

from umklapp import config, provenance
from umklapp.crystals import frames, phonopy_cells
from umklapp.logs import log_to
from umklapp.potentials.heat_transport import CorrectedSource, NequipSource
from umklapp.potentials.taylor import unfolding
from umklapp.potentials.taylor.moving import MovingExpansion
from umklapp.transport import nve


def main(names, files, settings, root, scratch, out):
    """Write trajectory_{index}.h5; `names` are material and index."""
    sites = frames.read_candidates(Path(files["phonon"]))[0]
    if settings.supercell is not None:
        primitive = frames.read_candidates(Path(files["primitive"]))[0]
        sites = phonopy_cells.supercell(primitive, settings.supercell)
    model = Path(files["model"])
    source = NequipSource(model, sites, Path(files["engine"]), Path(files["flux"]))
    seed = provenance.seed_for(root, *names, "green_kubo")
    member = int(model.parent.name.removeprefix("member_"))
    facts = {"member": member, "model": provenance.file_digest(model)}
    expansions = unfolding.read(Path(files["correction"])) if "correction" in files else []
    print(f"moved by member {member}, {'with its' if expansions else 'without'} Taylor correction")
    if expansions:
        source = CorrectedSource(source, MovingExpansion(expansions[member], sites))
        facts["correction"] = provenance.file_digest(Path(files["correction"]))
    nve.run(source, sites, settings, seed, scratch, out, **facts)


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        (snakemake.wildcards.material, snakemake.wildcards.index),
        dict(snakemake.input.items()),
        config.parse(config.GreenKubo, snakemake.params.green_kubo),
        snakemake.params.root,
        Path(snakemake.params.scratch),
        Path(snakemake.output[0]),
    )
