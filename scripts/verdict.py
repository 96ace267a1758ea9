"""Sound, a missed event, or a false one: the table of evidence and the word that it gives."""

from pathlib import Path

from umklapp import config
from umklapp.crystals import frames
from umklapp.learning.assessment import Assessment
from umklapp.learning.events import persistence, verdict
from umklapp.learning.events.event_record import EventRecord, PersistenceRecord
from umklapp.learning.events.evidence import Facts
from umklapp.logs import log_to
from umklapp.potentials.committee import Committee


def main(inputs, settings, out):
    """Write verdict.json."""
    record = EventRecord.read(inputs["events"])
    runs = PersistenceRecord.read(inputs["runs"])
    labels = [frame for path in inputs["audit"] for frame in frames.read_labels(Path(path))]
    trials = runs.trials
    if labels:
        last = Committee.load(inputs["members"], Path(inputs["engine"]))
        record, trials = persistence.audit(runs, record, labels, last, settings.persistence.error)
    judgement = verdict.judge(Facts(record, trials, settings.dynamics, settings.rarest))
    assessment = Path(inputs["assessment"])
    round_index = Assessment.read(assessment).round
    judgement = judgement.model_copy(
        update={
            "belongs": verdict.Belongs.of(round_index, assessment, inputs["members"]),
            "persistence_labels": len(labels),
            "checked": verdict.checked(record, trials, len(labels), settings),
        }
    )
    print(judgement.text)
    judgement.write(out)


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        dict(snakemake.input.items()),
        config.parse(config.Verdict, snakemake.params.verdict),
        Path(snakemake.output[0]),
    )
