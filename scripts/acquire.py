"""Choose the explored frames that go to the reference engine."""

import json
from pathlib import Path

from umklapp import config, frames, provenance
from umklapp.logs import log_to
from umklapp.sampling import acquisition, exploration


def main(names, explored, committee, sampling, settings, root, out):
    """Write the candidates; `names` are material and round."""
    found = exploration.read(explored)
    perfect = frames.read_candidates(sampling)[0]
    statistics = acquisition.Statistics(**json.loads(committee.read_text())["statistics"])
    uncertainty = found.uncertainty(settings.uncertainty)
    chosen, probability = acquisition.select(
        uncertainty,
        found.energy,
        found.replica,
        found.time,
        exploration.descriptors(found.frames, perfect),
        statistics,
        provenance.generator(root, *names, "acquire"),
        **settings.model_dump(exclude={"uncertainty"}),
    )
    candidates = []
    for number in chosen:
        atoms = found.frames[number]
        atoms.info.update(material=names[0], origin=f"round_{names[1]}", explored=number)
        atoms.info.update(uncertainty=uncertainty[number], probability=probability[number])
        candidates.append(frames.strip(atoms))
    frames.write_frames(out, candidates)
    print(f"{len(chosen)} of {len(probability)} frames chosen")


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        (snakemake.wildcards.material, snakemake.wildcards.round),
        Path(snakemake.input.exploration),
        Path(snakemake.input.committee),
        Path(snakemake.input.sampling),
        config.parse(config.Acquisition, snakemake.params.acquisition),
        snakemake.params.root,
        Path(snakemake.output[0]),
    )
