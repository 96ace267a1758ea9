"""Frames that test the corrected foundation model, and its forces on them before any label."""

from pathlib import Path

from umklapp import config, provenance
from umklapp.crystals import frames
from umklapp.errors import InputError
from umklapp.logs import log_to
from umklapp.potentials.foundation import FoundationPotential
from umklapp.transport.audit import predictions
from umklapp.transport.baseline import Request
from umklapp.transport.stop_rule import drawing, kappa
from umklapp.wording import counted


def main(material, cells, labels, request, settings, root, out):
    """Write candidates.extxyz and predictions.h5; both are empty where no label corrects."""
    labelled = [label for path in labels for label in frames.read_labels(path)]
    drawn, said, missing = [], [], {}
    try:
        if labelled:
            potential = FoundationPotential(request.foundation.model)
            model, _ = kappa.corrected(potential, labelled, cells[1], request, settings["taylor"])
            generator = provenance.generator(root, material, "stop rule, audit")
            drawn, said = drawing.thermal(
                *(model, cells, settings["temperature"], settings["rule"].audit),
                *(request.phonons.displacement, generator),
            )
    except InputError as error:
        missing["thermal"] = str(error)
    predictions.write(out["predictions"], said, missing, None)
    frames.write_frames(out["candidates"], drawing.asked(drawn, material, drawing.AUDIT))
    print(f"{counted(len(drawn), 'frame')} to label", *missing.values())


if __name__ == "__main__":
    log_to(snakemake.log[0])
    given = snakemake.params
    main(
        snakemake.wildcards.material,
        [frames.read_candidates(Path(path))[0] for path in snakemake.input.cells],
        [Path(path) for path in snakemake.input.labels],
        Request(
            config.parse(config.Foundation, given.foundation),
            config.parse(config.Phonons, given.phonons),
            config.parse(config.Conductivity, given.conductivity),
        ),
        {
            "rule": config.parse(config.StopRule, given.rule),
            "taylor": config.parse(config.Taylor, given.taylor),
            "temperature": given.temperature,
        },
        given.root,
        {name: Path(path) for name, path in snakemake.output.items()},
    )
