"""Is this material done? The assessment of a round, in numbers and in words."""

import json
from itertools import chain
from pathlib import Path

from umklapp import config
from umklapp.crystals import frames
from umklapp.learning import assessment, rounds
from umklapp.learning.sampling import exploration
from umklapp.learning.sampling.batch import Batch
from umklapp.learning.stopping.labels import new_labels
from umklapp.logs import log_to
from umklapp.transport.committee import at_300_kelvin


def main(number, files, acquisition, settings, verdict, out):
    """Write assessment.json; `files` are the inputs of the rule by name, lists among them."""
    committee = json.loads(Path(files["committee"]).read_text())
    labelled = list(chain.from_iterable(frames.read_labels(Path(p)) for p in files["labels"]))
    failed = sum(len(json.loads(Path(path).read_text())["failed"]) for path in files["failed"])
    accepted = len(frames.read_candidates(Path(files["candidates"])))
    explored, *before = (
        exploration.read(Path(path)) for path in (files["exploration"], *files["previous"])
    )
    checks = Batch.read(Path(files["acquisition"])).checks
    labels = new_labels(explored, labelled, checks, failed)
    evidence = rounds.Evidence(
        explored=explored,
        before=before[0] if before else None,
        labels=labels,
        factor=committee["calibration_factor"],
        bound=acquisition.bound(settings.force_error),
        kappa=at_300_kelvin([Path(path) for path in files["kappa"]]),
        kappa_before=at_300_kelvin([Path(path) for path in files["previous_kappa"]]) or None,
        finetune=committee.get("finetune"),
        events=verdict.model_dump(include={"enter", "leave", "shortest"}),
    )
    counts = {
        "explored": len(explored.frames),
        "accepted": accepted,
        "failed": failed,
        "checks": labels.checks,
        "stopped": explored.stopped,
        "training_frames": committee["frames"]["train"],
    }
    criteria = rounds.criteria(evidence, settings)
    result = assessment.conclude(number, criteria, settings.max, counts)
    print(result.reason)
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
