"""Choose the explored frames that go to the reference engine."""

from pathlib import Path

import numpy as np

from umklapp import config, provenance
from umklapp.crystals import frames, sites
from umklapp.crystals.frame_info import Origin
from umklapp.learning.judgement import CommitteeRecord
from umklapp.learning.sampling import acquisition, exploration
from umklapp.logs import log_to


def main(names, explored, committee, sampling, settings, force_error, root, out):
    """Write the candidates and how they were chosen; `names` are material and round."""
    found, record = exploration.read(explored), CommitteeRecord.read(committee)
    perfect = frames.read_candidates(sampling)[0]
    spreads = {
        name: acquisition.Spread.of_numbers(each) for name, each in record.statistics.items()
    }
    if record.calibration_factor is None and settings.strategy != "random":
        settings = settings.model_copy(update={"strategy": "random"})
        print("the committee has no uncertainty: frames are drawn at random")
    chosen = acquisition.select(
        exploration.candidates(found, settings.uncertainty, record.calibration_factor),
        acquisition.Knowledge(
            spreads[settings.uncertainty],
            spreads["energy_above_crystal"],
            sites.bond_length(perfect),
            settings.lower or 3 * force_error,
        ),
        settings,
        provenance.generator(root, *names, "acquire"),
    )
    origin = Origin(kind="round", number=int(names[1]))
    measured = found.measures[settings.uncertainty]
    picked = acquisition.picked(found.frames, chosen, measured, names[0], origin)
    frames.write_frames(out["candidates"], picked)
    ended = dict(zip(*np.unique(found.ended, return_counts=True), strict=True))
    replicas = {str(reason): int(count) for reason, count in ended.items()}
    acquisition.AcquisitionRecord(
        counts=chosen.counts, notes=chosen.notes, strategy=settings.strategy, replicas=replicas
    ).write(out["record"])
    print(f"{len(picked)} of {len(found.frames)} frames chosen: {chosen.counts}", *chosen.notes)


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        (snakemake.wildcards.material, snakemake.wildcards.round),
        Path(snakemake.input.exploration),
        Path(snakemake.input.committee),
        Path(snakemake.input.sampling),
        config.parse(config.Acquisition, snakemake.params.acquisition),
        snakemake.params.force_error,
        snakemake.params.root,
        {name: Path(path) for name, path in snakemake.output.items()},
    )
