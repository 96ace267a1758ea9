"""Frames that correct the foundation model, where the stop rule is worth a label."""

from pathlib import Path

from umklapp import config, provenance
from umklapp.crystals import frames
from umklapp.logs import log_to
from umklapp.transport.baseline_record import Baseline
from umklapp.transport.stop_rule import drawing, judging
from umklapp.wording import counted


def main(material, baseline, phonon, rule, length, root, out):
    """Write the frames; there are none where the model alone says that rounds are needed."""
    drawn = []
    if judging.worth_labels(Baseline.read(baseline), rule):
        generator = provenance.generator(root, material, "stop rule, correction")
        perfect = frames.read_candidates(phonon)[0]
        drawn = drawing.rattled(perfect, rule.labels + rule.check, length, generator)
    parts = {
        "correction": (drawn[: rule.labels], drawing.CORRECTION),
        "check": (drawn[rule.labels :], drawing.CHECK),
    }
    for name, (part, origin) in parts.items():
        frames.write_frames(out[name], drawing.asked(part, material, origin))
    print(f"{counted(len(drawn), 'frame')} to label")


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        snakemake.wildcards.material,
        Path(snakemake.input.baseline),
        Path(snakemake.input.phonon),
        config.parse(config.StopRule, snakemake.params.rule),
        snakemake.params.length,
        snakemake.params.root,
        {name: Path(path) for name, path in snakemake.output.items()},
    )
