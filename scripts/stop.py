"""Is the material done without rounds? The corrected foundation model against fresh labels."""

from itertools import chain
from pathlib import Path

from umklapp import config, provenance
from umklapp.crystals import frames, materials
from umklapp.lattice.born_record import BornRecord
from umklapp.logs import log_to
from umklapp.reference.contract import Failures
from umklapp.transport.audit import predictions
from umklapp.transport.audit.judging import Bounds
from umklapp.transport.baseline import Request
from umklapp.transport.baseline_record import Baseline
from umklapp.transport.kappa_records import Literature
from umklapp.transport.stop_rule.decision import Rule, Spent, decide
from umklapp.transport.stop_rule.kappa import Crystal


def main(material, files, rule, generator, out, labels_to):
    """Write stop.json, and all labels of the rule for the rounds that may follow."""
    primitive, perfect = (frames.read_candidates(path)[0] for path in files["cells"])
    labels = [
        list(chain.from_iterable(map(frames.read_labels, files[name])))
        for name in ("correction", "check", "audit")
    ]
    failed = sum(len(Failures.read(path).failed) for path in files["failed"])
    said, missing, _ = predictions.read(files["predictions"])
    published = materials.literature(materials.read_table(files["table"]).loc[material])
    born = BornRecord.read(files["born"])
    crystal = Crystal(material, primitive, perfect, born, Literature.of(published))
    spent = Spent(*labels, failed, said, missing)
    record = decide(crystal, Baseline.read(files["baseline"]), spent, rule, generator)
    print(record.words)
    frames.write_frames(labels_to, spent.every)
    record.write(out)


if __name__ == "__main__":
    log_to(snakemake.log[0])
    given, kinds = snakemake.params, {
        "foundation": config.Foundation, "phonons": config.Phonons,
        "conductivity": config.Conductivity, "taylor": config.Taylor, "rule": config.StopRule,
        "reference": config.Reference, "audit": config.Audit, "rounds": config.Rounds,
    }  # fmt: skip
    settings = {name: config.parse(kind, given[name]) for name, kind in kinds.items()}
    single = {"born", "baseline", "predictions", "table"}
    main(
        snakemake.wildcards.material,
        {
            name: Path(path) if name in single else [Path(one) for one in path]
            for name, path in snakemake.input.items()
        },
        Rule(
            settings["rule"],
            Bounds.of(settings["audit"], settings["rounds"]),
            settings["audit"].temperature,
            Request(*(settings[name] for name in ("foundation", "phonons", "conductivity"))),
            settings["taylor"],
            settings["reference"],
        ),
        provenance.generator(given.root, snakemake.wildcards.material, "stop rule, error"),
        Path(snakemake.output[0]),
        Path(given.labels),
    )
