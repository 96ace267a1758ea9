"""Sections of `potential` that one backend alone knows."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from umklapp.config.base import Section


class Allegro(Section):
    """`potential.backend: allegro`, besides the common keys.

    `radial_width` is the width of the two-body network; `l_max` and `layers` as for NequIP.
    """

    scalar_features: int = Field(32, ge=2, description="scalars of an edge; even", multiple_of=2)
    tensor_features: int = Field(8, ge=1, description="tensors of an edge")
    latent_width: int = Field(32, ge=4, description="of the networks between layers")
    readout_width: int = Field(16, ge=4, description="of the network that gives the energy")


class So3krates(Section):
    """`potential.backend: so3krates`, besides the common keys.

    Degrees are 1 … `l_max`, `layers` the Euclidean transformers.
    """

    features: int = Field(32, ge=4, description="invariant features of an atom")
    heads: int = Field(4, ge=1, description="of the attention; divides features")
    energy_width: int = Field(32, ge=4, description="of the network that gives the energy")
    radial_basis: Literal["bernstein", "gaussian", "bessel"] = Field(
        "bernstein", description="kind of the radial functions"
    )
    cutoff_function: Literal["phys", "polynomial", "exponential", "cosine"] = Field(
        "phys", description="`phys` has two continuous derivatives; `cosine` only one"
    )

    @model_validator(mode="after")
    def _consistent(self) -> So3krates:
        if self.features % self.heads:
            raise ValueError(f"features is {self.features}, no multiple of heads {self.heads}")
        return self


class Mace(Section):
    """`potential.backend: mace`, besides the common keys.

    `layers` are the interactions, `l_max` is max_ell, `radial_width` the width of the radial
    network (two layers).
    """

    channels: int = Field(16, ge=1, description="of the hidden features")
    hidden_l: int = Field(1, ge=0, le=3, description="largest l of the hidden features")
    correlation: int = Field(2, ge=1, le=4, description="order of the many-body expansion")
    readout_width: int = Field(16, ge=1, description="of the network that gives the energy")
