"""Is this material done? The verdict of a round, in numbers and in words."""

from itertools import chain
from pathlib import Path

from umklapp import config, provenance
from umklapp.crystals import frames
from umklapp.learning import rounds
from umklapp.learning.judgement import CommitteeRecord
from umklapp.learning.sampling import exploration
from umklapp.logs import log_to
from umklapp.reference.contract import Failures
from umklapp.transport.committee import at_300_kelvin


def physics_of(found, previous, kappa, previous_kappa, settings):
    """Criteria of the quantities that the configuration asks for."""
    criteria = {}
    if "anharmonicity" in settings.physics:
        stretches = [rounds.blocks(each.sigma, each.replica) for each in (found, *previous)]
        before = stretches[1] if previous else None
        criteria["anharmonicity"] = rounds.sigma_criterion(stretches[0], before, settings)
    if "kappa" in settings.physics:
        before = at_300_kelvin(previous_kappa) if previous_kappa else None
        criteria["kappa"] = rounds.kappa_criterion(at_300_kelvin(kappa), before, settings)
    return criteria


def main(number, files, previous, *kappa, settings, out):
    """Write assessment.json; `files` are the outputs of the round by name."""
    committee = CommitteeRecord.read(Path(files["committee"]))
    labels = list(chain.from_iterable(map(frames.read_labels, map(Path, files["labels"]))))
    failed = [Failures.read(Path(path)).failed for path in files["failed"]]
    accepted = len(frames.read_candidates(Path(files["candidates"])))
    found = exploration.read(Path(files["exploration"]))
    new = rounds.new_labels(found, labels, accepted=accepted, failed=sum(map(len, failed)))
    criteria = physics_of(found, list(map(exploration.read, previous)), *kappa, settings)
    if committee.finetune is not None:
        criteria["finetune"] = rounds.forgetting_criterion(committee.finetune)
    verdict = rounds.assess(number, new, committee.calibration_factor, criteria, settings)
    verdict["training_frames"] = committee.frames["train"]
    print(verdict["reason"])
    provenance.write_json(out, provenance.record(**verdict))


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        int(snakemake.wildcards.round),
        dict(snakemake.input.items()),
        [Path(path) for path in snakemake.input.previous],
        [Path(path) for path in snakemake.input.kappa],
        [Path(path) for path in snakemake.input.previous_kappa],
        settings=config.parse(config.Rounds, snakemake.params.rounds),
        out=Path(snakemake.output[0]),
    )
