"""Section about elastic constants."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from umklapp.config.base import Positive, Section

LARGEST = 0.05


class Elastic(Section):
    """Elastic constants by finite strain, the ions relaxed at every strain (docs/elastic.md)."""

    amplitudes: list[Positive] = Field(
        [0.0025, 0.005],
        min_length=1,
        description="norms of the Lagrangian strains ±η that stresses are fitted to, below 0.05",
    )
    cell: Literal["primitive", "sampling"] = Field(
        "primitive",
        description="which cell is strained; `sampling` has the k-points of the labels, and costs "
        "more",
    )
    relax: bool = Field(
        True,
        description="relax every member to its own lattice constants (with its space group); "
        "otherwise all members are strained at the reference's lattice, and their "
        "residual stress is reported",
    )
    fmax: Positive = Field(1e-4, description="members: relaxations end below this force (eV/Å)")
    smax: Positive = Field(
        1e-5, description="members: relaxations of the lattice end below this stress (eV/Å³)"
    )
    reference: bool = Field(
        False,
        description="compute the constants of the reference engine, too; every strained cell is a "
        "label",
    )
    reference_fmax: Positive = Field(
        1e-3, description="reference: relaxations of the ions end below this force (eV/Å)"
    )

    @field_validator("amplitudes")
    @classmethod
    def _small(cls, value: list[float]) -> list[float]:
        if max(value) >= LARGEST or len(set(value)) < len(value):
            raise ValueError(
                f"amplitudes {value} must be different and below {LARGEST}: elastic constants are "
                "the slope at zero strain"
            )
        return sorted(value)
