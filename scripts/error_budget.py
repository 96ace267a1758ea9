"""What the ± of κ is made of, with what labels that nothing has learned from say of it."""

from pathlib import Path

from umklapp import config, provenance
from umklapp.crystals import frames
from umklapp.errors import UmklappError
from umklapp.lattice import force_constants
from umklapp.learning.judgement import CommitteeRecord
from umklapp.logs import log_to
from umklapp.potentials.committee import Committee
from umklapp.transport import kappa_budget
from umklapp.transport.audit.predictions import production
from umklapp.transport.audit.record import AuditRecord
from umklapp.transport.error_budget import KappaErrors
from umklapp.transport.green_kubo_record import GreenKuboRecord
from umklapp.transport.kappa_records import Conductivity


def main(material, files, settings, root, out):
    """Write error_budget.json."""
    kappa = Conductivity.read(Path(files["conductivity"]))
    ran = GreenKuboRecord.read(Path(files["green_kubo"])) if files["green_kubo"] else None
    audit = AuditRecord.read(Path(files["audit"])) if files["audit"] else None
    primitive, perfect = (
        frames.read_candidates(Path(files[name]))[0] for name in ("primitive", "phonon")
    )
    learned = frames.read_labels(Path(files["dataset"]))
    fresh = [label for path in files["fresh"] for label in frames.read_labels(Path(path))]
    labels = kappa_budget.Labels.of(learned, fresh, perfect)
    phonons, taylor = settings["phonons"], settings["taylor"]
    calculation = force_constants.prepare(primitive, perfect, phonons)
    setting = kappa_budget.Setting(calculation, perfect, phonons, taylor, settings["conductivity"])
    raw = Committee.load(files["members"], Path(files["engine"]))
    static = production(raw, learned, perfect, phonons.correction, taylor)
    moved = {"raw": kappa_budget.NO_LABELS, "static": kappa_budget.NO_LABELS}
    if labels.fresh and kappa.kappa_W_per_mK is not None:
        expansion = kappa_budget.prior(setting)
        wanted = {"static": static} | ({"raw": raw} if ran and raw is not static else {})
        for name, committee in wanted.items():
            generator = provenance.generator(root, material, "error budget", name)
            try:
                moved[name] = kappa_budget.residual_kappa(
                    committee, labels, expansion, setting, generator
                )
            except UmklappError as error:
                moved[name] = str(error)
    if raw is static:
        moved["raw"] = moved["static"]
    factor = CommitteeRecord.read(Path(files["committee"])).calibration_factor
    record = KappaErrors(
        material=material,
        audited=audit.words if audit else "not audited",
        moves_W_per_mK=kappa_budget.moves(moved["static"], kappa),
        boltzmann=kappa_budget.boltzmann(
            kappa, static, labels, moved["static"], factor, phonons.correction == "taylor", setting
        ),
        green_kubo=ran
        and kappa_budget.green_kubo(ran, moved["raw"], factor, kappa.temperatures_K),
    )  # fmt: skip
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
