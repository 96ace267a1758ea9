"""What the ± of κ is made of, with what labels that nothing has learned from say of it."""

from pathlib import Path

from umklapp import config, provenance
from umklapp.crystals import frames
from umklapp.lattice import force_constants
from umklapp.lattice.born_record import BornRecord
from umklapp.learning.judgement import CommitteeRecord
from umklapp.logs import log_to
from umklapp.potentials.committee import Committee
from umklapp.transport import kappa_budget
from umklapp.transport.audit.predictions import production
from umklapp.transport.audit.record import AuditRecord
from umklapp.transport.green_kubo_record import GreenKuboRecord
from umklapp.transport.kappa_records import Conductivity


def main(material, files, settings, root, out):
    """Write error_budget.json."""
    primitive, perfect = (
        frames.read_candidates(Path(files[name]))[0] for name in ("primitive", "phonon")
    )
    learned = frames.read_labels(Path(files["dataset"]))
    fresh = [label for path in files["fresh"] for label in frames.read_labels(Path(path))]
    phonons, taylor = settings["phonons"], settings["taylor"]
    raw = Committee.load(files["members"], Path(files["engine"]))
    record = kappa_budget.of_material(
        Conductivity.read(Path(files["conductivity"])),
        GreenKuboRecord.read(Path(files["green_kubo"])) if files["green_kubo"] else None,
        (raw, production(raw, learned, perfect, phonons.correction, taylor)),
        kappa_budget.at_sites(fresh, perfect),
        CommitteeRecord.read(Path(files["committee"])).calibration_factor,
        kappa_budget.Setting(
            force_constants.prepare(primitive, perfect, phonons, BornRecord.read(files["born"])),
            perfect,
            **settings,
        ),
        provenance.generator(root, material, "error budget"),
        material=material,
        audited=AuditRecord.read(Path(files["audit"])).words if files["audit"] else "not audited",
    )
    record.write(out)


if __name__ == "__main__":
    log_to(snakemake.log[0])
    kinds = {
        "phonons": config.Phonons, "taylor": config.Taylor, "conductivity": config.Conductivity,
    }  # fmt: skip
    main(
        snakemake.wildcards.material,
        dict(snakemake.input.items()),
        {name: config.parse(kind, snakemake.params[name]) for name, kind in kinds.items()},
        snakemake.params.root,
        Path(snakemake.output[0]),
    )
