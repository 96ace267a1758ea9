"""Choose the explored frames that go to the reference engine."""

from collections import Counter
from pathlib import Path

from umklapp import config, provenance
from umklapp.crystals import frames, sites
from umklapp.crystals.frame_info import Origin
from umklapp.learning.judgement import CommitteeRecord
from umklapp.learning.sampling import acquisition, checks, exploration
from umklapp.learning.sampling.candidates import Knowledge, Spread
from umklapp.logs import log_to


def main(names, explored, committee, sampling, settings, rounds, root, out):
    """Write the candidates and how they were chosen; `names` are material and round."""
    kept, record = exploration.read(explored), CommitteeRecord.read(committee)
    perfect = frames.read_candidates(sampling)[0]
    spreads = {name: Spread.of_numbers(statistic) for name, statistic in record.statistics.items()}
    if record.calibration_factor is None and settings.strategy != "random":
        settings = settings.model_copy(update={"strategy": "random"})
        print("the committee has no uncertainty: frames are drawn at random")
    candidates = exploration.candidates(kept, settings.uncertainty, record.calibration_factor)
    knowledge = Knowledge(
        spreads[settings.uncertainty],
        spreads["energy_above_crystal"],
        sites.bond_length(perfect),
        settings.bound(rounds.force_error),
    )
    streams = [provenance.generator(root, *names, purpose) for purpose in ("acquire", "check")]
    chosen = acquisition.select(candidates, knowledge, settings, streams[0])
    drawn = checks.draw(candidates, knowledge, chosen, settings, rounds, streams[1])
    origin = Origin(kind="round", index=int(names[1]))
    measured = kept.measures[settings.uncertainty]
    rows = sorted([*chosen.chosen, *drawn])
    picked = acquisition.picked(kept.frames, rows, chosen, measured, names[0], origin)
    frames.write_frames(out["candidates"], picked)
    acquisition.AcquisitionRecord(
        strategy=settings.strategy,
        counts=chosen.counts,
        notes=chosen.notes,
        replicas=dict(Counter(kept.ended)),
        checks=sorted([*drawn, *(chosen.chosen if settings.strategy == "random" else [])]),
    ).write(out["record"])
    print(f"{len(chosen.chosen)} of {len(kept.frames)} frames chosen: {chosen.counts}")
    print(f"{len(drawn)} more drawn at random", *chosen.notes)


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        (snakemake.wildcards.material, snakemake.wildcards.round),
        Path(snakemake.input.exploration),
        Path(snakemake.input.committee),
        Path(snakemake.input.sampling),
        config.parse(config.Acquisition, snakemake.params.acquisition),
        config.parse(config.Rounds, snakemake.params.rounds),
        snakemake.params.root,
        {name: Path(path) for name, path in snakemake.output.items()},
    )
