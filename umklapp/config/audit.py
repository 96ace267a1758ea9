"""Section about the audit: labels in the ensembles that gave κ, which nothing has learned from."""

from __future__ import annotations

from pydantic import Field

from umklapp.config.base import Positive, Section


class Audit(Section):
    """Labels drawn from the ensembles that κ comes from; they gate the result (docs/science.md)."""

    labels: int = Field(
        6,
        ge=0,
        description="number of labels of one audit, distributed over thermal cells, cells "
        "displaced as for fc3, and Green–Kubo trajectories; 0: no audit",
    )
    temperature: Positive = Field(300.0, description="temperature of the thermal cells (K)")
    largest_error: Positive | None = Field(
        None,
        description="largest force error of one atom with which the audit passes (eV/Å); default: "
        "five times `rounds.force_error`",
    )
    anharmonic_error: Positive = Field(
        0.5,
        description="largest error of the anharmonic forces of thermal cells, relative to these "
        "forces, with which the audit passes",
    )
