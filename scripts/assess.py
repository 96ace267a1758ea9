"""Is this material done? The assessment of a round, in numbers and in words."""

from itertools import chain
from pathlib import Path

from umklapp import config
from umklapp.crystals import frames
from umklapp.lattice import harmonic_reference
from umklapp.learning import rounds
from umklapp.learning.judgement import CommitteeRecord
from umklapp.learning.sampling import exploration
from umklapp.learning.sampling.acquisition import AcquisitionRecord
from umklapp.learning.stopping import search
from umklapp.learning.stopping.labels import new_labels
from umklapp.logs import log_to
from umklapp.transport.committee import at_300_kelvin


def main(round_index, files, acquisition, settings, verdict, out):
    """Write assessment.json; `files` are the inputs of the rule by name, lists among them."""
    committee = CommitteeRecord.read(Path(files["committee"]))
    labelled = list(chain.from_iterable(frames.read_labels(Path(p)) for p in files["labels"]))
    accepted = len(frames.read_candidates(Path(files["candidates"])))
    paths = [Path(path) for path in (files["exploration"], *files["previous"])]
    explored, *before = map(exploration.read, paths)
    harmonic = harmonic_reference.read(Path(files["harmonic"]))
    options = verdict.model_dump(include={"enter", "leave", "shortest", "gap"})
    seen, *seen_before = (search.events_seen(path, harmonic, options) for path in paths)
    checks = AcquisitionRecord.read(Path(files["acquisition"])).checks
    evidence = rounds.Evidence(
        explored=explored,
        before=before[0] if before else None,
        labels=new_labels(explored, labelled, checks, accepted - len(labelled)),
        factor=committee.calibration_factor,
        bound=acquisition.bound(settings.force_error),
        kappa=at_300_kelvin([Path(path) for path in files["kappa"]]),
        kappa_before=at_300_kelvin([Path(path) for path in files["previous_kappa"]]) or None,
        finetune=committee.finetune,
        left=committee.left,
        seen=seen,
        seen_before=seen_before[0] if seen_before else None,
    )
    frames_of = {"accepted": accepted, "training": committee.frames["train"]}
    result = rounds.assess(round_index, evidence, settings, **frames_of)
    print(result.text)
    result.write(out)


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        int(snakemake.wildcards.round),
        dict(snakemake.input.items()),
        config.parse(config.Acquisition, snakemake.params.acquisition),
        config.parse(config.Rounds, snakemake.params.rounds),
        config.parse(config.Verdict, snakemake.params.verdict),
        Path(snakemake.output[0]),
    )
