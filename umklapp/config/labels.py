"""Names under which a file of the user has its labels."""

from __future__ import annotations

from pydantic import Field, model_validator

from umklapp.config.base import Section


class LabelKeys(Section):
    """Names in an extxyz file, where they are not ASE's; energies eV, forces eV/Å, stress eV/Å³."""

    energy: str | None = Field(
        None, description="key of the comment line; default: `free_energy`, else `energy`"
    )
    forces: str | None = Field(None, description="column of the atoms; default: `forces`")
    stress: str | None = Field(
        None,
        description="key of the comment line with ASE's sign; default: `stress`; `none`: the "
        "stresses of the file are not read",
    )
    virial: str | None = Field(
        None, description="key with −V σ (eV) in place of a stress; default: `virial`, `virials`"
    )

    @model_validator(mode="after")
    def _one_stress(self) -> LabelKeys:
        if self.stress is not None and self.virial is not None:
            raise ValueError("stress and virial are the same label: name one of them")
        return self
