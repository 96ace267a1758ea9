"""Frames of the ensembles that κ comes from, to be labelled, and the committee's forces on them."""

from pathlib import Path

from umklapp import config, provenance
from umklapp.crystals import frames
from umklapp.crystals.frame_info import identity
from umklapp.lattice import harmonic_reference
from umklapp.learning.judgement import CommitteeRecord
from umklapp.logs import log_to
from umklapp.potentials.committee import Committee
from umklapp.potentials.taylor import dynamics, unfolding
from umklapp.reference import lookup
from umklapp.transport import nve
from umklapp.transport.audit import drawing, predictions
from umklapp.wording import counted


def main(names, files, settings, root, out):
    """Write candidates.extxyz and predictions.h5; `names` are material and round."""
    phonons, reference = settings["phonons"], settings["reference"]
    primitive, sampling, perfect = (
        frames.read_candidates(Path(files[name]))[0] for name in ("primitive", "sampling", "phonon")
    )
    labels = frames.read_labels(Path(files["dataset"]))
    held_back = [frame for path in files["held_back"] for frame in frames.read_labels(Path(path))]
    labelled = None
    if reference.engine == "lookup":
        labelled = list(lookup.table(reference.path, sampling).values())
    raw = Committee.load(files["members"], Path(files["engine"]))
    static = predictions.production(raw, labels, perfect, phonons.correction, settings["taylor"])
    constants = harmonic_reference.of_potential(static, primitive, perfect, phonons.displacement)
    ensembles = drawing.Ensembles(
        primitive, perfect, constants, phonons, settings["green_kubo"],
        [Path(path) for path in files["trajectories"]],
        labelled,
        {identity(frame) for frame in [*labels, *held_back]},
    )  # fmt: skip
    generator = provenance.generator(root, *names, "audit")
    drawn, missing = drawing.draw(ensembles, settings["audit"], generator)
    harmonic = harmonic_reference.HarmonicReference(perfect, constants, "committee")
    moved = raw
    if "correction" in files:
        expansions = unfolding.read(Path(files["correction"]))
        moved = dynamics.moved(raw, expansions, nve.read(Path(files["trajectories"][0])).sites)
    forecasts = predictions.predict(drawn, moved, static, harmonic)
    factor = CommitteeRecord.read(files["committee"]).calibration_factor
    predictions.write(out["predictions"], forecasts, missing, factor)
    frames.write_frames(out["candidates"], predictions.candidates(drawn, names[0], int(names[1])))
    print(f"{counted(len(drawn), 'frame')} to label", *map(": ".join, missing.items()))


if __name__ == "__main__":
    log_to(snakemake.log[0])
    kinds = {
        "audit": config.Audit, "phonons": config.Phonons, "taylor": config.Taylor,
        "reference": config.Reference, "green_kubo": config.GreenKubo | None,
    }  # fmt: skip
    main(
        (snakemake.wildcards.material, snakemake.wildcards.round),
        dict(snakemake.input.items()),
        {name: config.parse(kind, snakemake.params[name]) for name, kind in kinds.items()},
        snakemake.params.root,
        {name: Path(path) for name, path in snakemake.output.items()},
    )
