"""Labelled events continued with the last committee, and the frames that audit it."""

from pathlib import Path

from umklapp import config, provenance
from umklapp.crystals import frames
from umklapp.crystals.frame_info import mark
from umklapp.lattice import harmonic_reference
from umklapp.learning.events import persistence
from umklapp.learning.events.event_record import EventRecord, PersistenceRecord
from umklapp.logs import log_to
from umklapp.potentials.committee import Committee


def main(material, inputs, settings, exploration, root, out):
    """Write the runs, and the candidates that the engine labels."""
    record = EventRecord.read(inputs["events"])
    chosen = persistence.chosen(record.labels, settings.frames)
    if not chosen:
        PersistenceRecord().write(out["runs"])
        frames.write_frames(out["candidates"], [])
        return
    harmonic = harmonic_reference.read(Path(inputs["harmonic"]))
    labels = [frame for path in inputs["labels"] for frame in frames.read_labels(Path(path))]
    trials, asked = persistence.continue_events(
        persistence.starts(chosen, labels, record),
        Committee.load(inputs["members"], Path(inputs["engine"])),
        harmonic,
        settings.duration,
        exploration.timestep,
        exploration.friction,
        provenance.generator(root, material, "persistence"),
    )
    asked = [frames.strip(harmonic.perfect), *asked]
    for frame in asked:
        mark(frame, material=material, origin="persistence")
    frames.write_frames(out["candidates"], asked)
    PersistenceRecord(
        trials=trials, crystal_frame=frames.frame_id(harmonic.perfect), asked=len(asked)
    ).write(out["runs"])


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        snakemake.wildcards.material,
        dict(snakemake.input.items()),
        config.parse(config.Persistence, snakemake.params.persistence),
        config.parse(config.Exploration, snakemake.params.exploration),
        snakemake.params.root,
        {name: Path(path) for name, path in snakemake.output.items()},
    )
