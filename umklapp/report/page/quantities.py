"""Every number of a material with its unit, its error, and what that error contains."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from umklapp.lattice.elastic.record import ElasticRecord
from umklapp.report import comparison, zero_label
from umklapp.report.figures import elastic as elastic_figure
from umklapp.report.page.formatting import plain, with_error
from umklapp.report.page.sources import MaterialSources
from umklapp.wording import counted

MEMBERS = "standard deviation over the members of the committee"


@dataclass(frozen=True)
class Quantity:
    """A number for people. contains: what its ± is; file: where it is read from."""

    name: str
    text: str
    unit: str
    contains: str
    file: str


def kappa_table(sources: MaterialSources) -> pd.DataFrame:
    """κ near 300 K by every method and in the literature: columns of `comparison.COLUMNS`."""
    foundation = zero_label.rows(sources.baseline, sources.corrected)
    if sources.conductivity is None:
        return foundation
    literature = comparison.literature_rows(sources.conductivity.literature)
    return comparison.rows(
        sources.conductivity,
        sources.green_kubo,
        sources.effective,
        pd.concat([rows for rows in (foundation, literature) if len(rows)] or [literature]),
        sources.errors,
    )


def quantities(sources: MaterialSources) -> list[Quantity]:
    """All numbers of a material, by what they are about."""
    return [
        *_kappa(sources),
        *_dynamics(sources),
        *_phonons(sources),
        *(_elastic(sources.elastic) if sources.elastic else ()),
        *_committee(sources),
        *_audit(sources),
        *_structure(sources),
    ]


def _kappa(sources: MaterialSources) -> Iterator[Quantity]:
    for _, row in kappa_table(sources).iterrows():
        error = None if pd.isna(row["error_W_per_mK"]) else float(row["error_W_per_mK"])
        yield Quantity(
            f"κ, {row['method']}, {row['temperature_K']:.0f} K",
            with_error(float(row["kappa_W_per_mK"]), error),
            "W/(m K)",
            str(row["error_is"]),
            "comparison.json",
        )


def _dynamics(sources: MaterialSources) -> Iterator[Quantity]:
    verdict = sources.verdict
    for key, name in (("before", "first"), ("after", "last")):
        anharmonicity = verdict.sigma.get(key) if verdict else None
        if anharmonicity is None or anharmonicity.value is None:
            continue
        why = anharmonicity.too_small
        yield Quantity(
            f"σᴬ, dynamics of the {name} committee",
            f"not reported: {why}" if why else with_error(anharmonicity.value, anharmonicity.error),
            "",
            "standard error over stretches of the dynamics" if not why else "",
            "verdict.json",
        )


def _phonons(sources: MaterialSources) -> Iterator[Quantity]:
    record = sources.thermodynamics
    if record is None:
        return
    at = f"{record.temperature_K:.0f} K"
    for name, average, unit in (
        ("highest phonon frequency", record.highest_THz, "THz"),
        ("lowest phonon frequency", record.lowest_THz, "THz"),
        (f"heat capacity C_V, {at}", record.heat_capacity_J_per_K_mol, "J/(K mol)"),
        (f"vibrational entropy, {at}", record.entropy_J_per_K_mol, "J/(K mol)"),
        (f"vibrational free energy, {at}", record.free_energy_kJ_per_mol, "kJ/mol"),
        ("speed of sound, Debye average", record.sound_m_per_s.debye, "m/s"),
    ):
        if average is not None:
            text = with_error(average.mean, average.std)
            yield Quantity(name, text, unit, MEMBERS, "phonons/thermodynamics.json")


def _elastic(record: ElasticRecord) -> Iterator[Quantity]:
    if record.not_computed:
        yield Quantity("elastic constants", record.not_computed, "", "", "elastic.json")
        return
    for row in elastic_figure.table(record).to_dict("records"):
        own = row["reference_GPa"]
        beside = "" if pd.isna(own) else f"; the reference engine itself: {plain(own)} GPa"
        yield Quantity(
            "bulk modulus" if row["constant"] == "B" else f"elastic constant {row['constant']}",
            with_error(row["committee_GPa"], row["std_GPa"]),
            "GPa",
            MEMBERS + beside,
            "elastic.json",
        )


def _committee(sources: MaterialSources) -> Iterator[Quantity]:
    if not sources.committees:
        return
    last = sources.committees[-1]
    frames, file = last.frames.get("test", 0), "committee.json of the last round"
    held = f"mean over {frames} held-out test frames; no ±"
    yield Quantity(
        "force error on test frames (MAE)",
        with_error(1e3 * last.test.force_mae_eV_per_A),
        "meV/Å",
        held,
        file,
    )
    yield Quantity(
        "energy error on test frames (MAE)",
        with_error(1e3 * last.test.energy_mae_eV_per_atom),
        "meV/atom",
        held,
        file,
    )
    ratio = last.honesty.error_over_expected
    if ratio is not None:
        about = "rms over the atoms of the test frames; 1 is honest, larger is overconfident"
        yield Quantity("force error over expected error", with_error(ratio), "", about, file)


def _audit(sources: MaterialSources) -> Iterator[Quantity]:
    audit = sources.audit
    if audit is None or audit.mae is None:
        return
    upper = audit.mae_upper
    limit = f"upper 95 % limit {plain(1e3 * upper)} meV/Å" if upper else "no limit: too few blocks"
    yield Quantity(
        "force error on labels of the audit (MAE)",
        with_error(1e3 * audit.mae),
        "meV/Å",
        f"{counted(audit.labels, 'label')} that nothing has learned from; {limit}",
        "audit.json",
    )


def _structure(sources: MaterialSources) -> Iterator[Quantity]:
    record = sources.structure
    if record is None:
        return
    lengths = ", ".join(f"{length:.4f}" for length in record.lattice_A)
    angles = ", ".join(f"{angle:.2f}" for angle in record.angles_degree)
    relaxed = "relaxed with the reference engine" if record.relaxation else "as given"
    file = "structure/structure.json"
    yield Quantity("edges of the primitive cell", lengths, "Å", relaxed, file)
    yield Quantity("angles of the primitive cell", angles, "°", relaxed, file)
    volume = with_error(record.volume_A3_per_atom)
    yield Quantity("volume", volume, "Å³/atom", relaxed, file)
