"""Where the numbers of a material come from, and how to make them again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from umklapp.report.page.sources import CampaignSources, MaterialSources

KEY_NAMES = {
    "engine": "reference engine",
    "xc": "exchange-correlation functional",
    "ecut": "plane-wave cutoff (eV)",
    "kpoint_density": "k-point density (1/Å⁻¹ per axis)",
    "kpoint_gamma": "k-mesh contains Γ",
    "smearing": "smearing (eV)",
}
"""Keys of a reference section for people; others stand as they are in the configuration."""


def reference_settings(
    sources: MaterialSources, campaign: CampaignSources
) -> list[tuple[str, str]]:
    """The settings of the engine that labelled, name and value, as the results record them."""
    section: Mapping[str, Any] = (
        sources.conductivity.reference
        if sources.conductivity
        else campaign.settings.get("reference", {})
    )
    settings = [
        (KEY_NAMES.get(key, key), _shown(value))
        for key, value in section.items()
        if value is not None
    ]
    if sources.committees:
        last = sources.committees[-1]
        mixed = "several versions: " if last.mixed_versions else ""
        settings.append(("training labels by", mixed + last.labelled_by))
        if last.not_tested:
            settings.append(("NOT TESTED", last.not_tested))
    return settings


def transport_settings(sources: MaterialSources) -> list[tuple[str, str]]:
    """The settings behind κ by the Boltzmann equation, as conductivity.json records them."""
    section = sources.conductivity.settings if sources.conductivity else {}
    return [(key, _shown(value)) for key, value in section.items() if value is not None]


def provenance(sources: MaterialSources) -> list[tuple[str, str]]:
    """State of the code, versions of packages, seeds of the members, digests."""
    return list(_provenance(sources))


def _provenance(sources: MaterialSources) -> Iterator[tuple[str, str]]:
    record = sources.conductivity or sources.structure
    if record is not None:
        yield "code (git commit)", record.code
        yield "versions", ", ".join(f"{name} {v}" for name, v in record.versions.items())
    structure = sources.structure
    if structure is not None:
        estimate = " (an estimate, relaxed before use)" if structure.estimate else ""
        yield "structure from", structure.source + estimate
        for name in ("sampling", "phonon"):
            matrix = getattr(structure, f"{name}_supercell")
            atoms = structure.atoms.get(name)
            yield f"{name} supercell", f"{atoms} atoms, matrix {matrix or 'of your own cells'}"
        if structure.relaxation:
            change = structure.relaxation
            yield (
                "relaxation",
                f"{change.steps} steps, volume {change.volume_change:+.1%}, largest force left "
                f"{change.force_eV_per_A:.1g} eV/Å",
            )
    if sources.committees:
        members = sources.committees[-1].members
        seeds = ", ".join(f"{member.member}: {member.seed}" for member in members)
        yield "seeds of the members", seeds or "not recorded"
        digests = ", ".join(f"{member.member}: {member.model}" for member in members)
        yield "digests of the models", digests or "not recorded"
    correction = sources.conductivity.non_analytical if sources.conductivity else None
    if correction is not None:
        yield "Born charges", correction.words


def rerun(sources: MaterialSources, campaign: CampaignSources) -> list[tuple[str, str]]:
    """Commands: what they do, and what to type (CONFIG stands for the user's file)."""
    config = "--configfile CONFIG"
    return [
        ("what would run now", f"snakemake -n only_{sources.key} --cores 4 {config}"),
        ("this material alone", f"snakemake only_{sources.key} --cores 4 {config}"),
        ("its figures again", f"snakemake figures --cores 1 {config}"),
        ("this page again", f"umklapp report {campaign.folder}"),
    ]


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {inner}" for key, inner in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
