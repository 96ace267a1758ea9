"""What every potential backend can do, and where it runs: data alone, read before a run starts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Backend = Literal["nequip", "allegro", "so3krates", "mace"]
Ability = Literal[
    "energy", "forces", "stress", "features", "hessian", "curvature", "flux", "compiled",
    "warm_start", "taylor",
]  # fmt: skip
"""energy, forces, stress: predicted and trained on. features: invariant numbers of every atom.
hessian: products ∂²E/∂R∂R · v. curvature: trained on such products (`finetune`). flux: heat flux of
a trajectory. compiled: one compiled graph for all members. warm_start: training that goes on from a
parent. taylor: residual of a Taylor expansion (`potential.baseline`)."""


@dataclass(frozen=True)
class Facts:
    """About one backend.

    package: that holds the architecture; environment: folder of its own interpreter, None where it
    runs in ours; target: of make, which fills that folder; abilities; keys: of `potential` that the
    architecture has, besides `backend`, `baseline`, `training` and `environment`; learning_rate:
    where the configuration gives none.
    """

    package: str
    environment: str | None
    target: str
    abilities: frozenset[Ability]
    keys: frozenset[str]
    learning_rate: float

    def missing(self, *wanted: Ability) -> list[Ability]:
        """Those of some abilities that the backend lacks."""
        return [ability for ability in wanted if ability not in self.abilities]


_BASIC: frozenset[Ability] = frozenset(
    {"energy", "forces", "stress", "features", "hessian", "warm_start"}
)
_COMMON = frozenset({"cutoff", "layers", "l_max", "bessel", "dtype"})

BACKENDS: dict[Backend, Facts] = {
    "nequip": Facts(
        "nequip",
        None,
        "env",
        _BASIC | {"curvature", "compiled", "flux", "taylor"},
        _COMMON | {"parity", "features", "radial_width", "compile", "taylor", "start"},
        0.02,
    ),
    "allegro": Facts(
        "nequip-allegro",
        None,
        "env",
        _BASIC | {"curvature", "compiled", "flux"},
        _COMMON | {"parity", "radial_width", "compile", "allegro", "start"},
        0.01,
    ),
    "so3krates": Facts(
        "so3krates-torch",
        ".venv-so3krates",
        "so3krates-env",
        _BASIC,
        _COMMON | {"so3krates"},
        0.005,
    ),
    "mace": Facts(
        "mace-torch",
        ".venv-mace",
        "mace-env",
        _BASIC,
        _COMMON | {"radial_width", "mace"},
        0.01,
    ),
}

TRAINING = frozenset(
    {
        "epochs",
        "learning_rate",
        "batch_size",
        "patience",
        "left",
        "repeats",
        "ema_decay",
        "energy_weight",
        "force_weight",
        "quiet_frames",
        "stress_weight",
        "warm_start",
    }
)
"""Keys of `potential.training` that backends in an environment of their own know."""
