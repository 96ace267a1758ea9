"""Training of one member by the configured backend, wherever that runs."""

from __future__ import annotations

from collections.abc import Callable

from umklapp import config
from umklapp.config.backends import BACKENDS
from umklapp.potentials.training_records import TrainingResult


def trainer(settings: config.Potential) -> Callable[..., TrainingResult]:
    """What trains the backend: `nequip.training.train`, or `external.training.train` like it."""
    from umklapp.potentials.external import training as external
    from umklapp.potentials.nequip import training as nequip

    inside = BACKENDS[settings.backend].environment is None
    return nequip.train if inside else external.train
