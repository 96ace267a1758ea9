"""Small potentials of every backend, and which backends this machine has."""

import importlib.util

import pytest

from umklapp import config
from umklapp.config.backends import BACKENDS
from umklapp.errors import InputError
from umklapp.potentials.external import bridge

TRAINING_OPTIONS = {"epochs": 8, "batch_size": 2, "patience": 50, "ema_decay": 0.5}


def small(backend, **more):
    """The smallest architecture of a backend that still has two layers, in double precision."""
    options = {
        "nequip": {"features": [8, 4], "radial_width": 8},
        "allegro": {
            "radial_width": 8,
            "allegro": {
                "scalar_features": 8,
                "tensor_features": 4,
                "latent_width": 8,
                "readout_width": 8,
            },
        },
        "so3krates": {"so3krates": {"features": 16, "heads": 2, "energy_width": 16}},
        "mace": {"radial_width": 8, "mace": {"channels": 4, "readout_width": 4}},
    }[backend]
    plain = {
        "backend": backend,
        "l_max": 1,
        "bessel": 6,
        "dtype": "float64",
        "training": TRAINING_OPTIONS,
        **options,
        **more,
    }
    return config.Potential.model_validate(plain)


def installed(backend):
    """Whether the environment of a backend is there."""
    if BACKENDS[backend].environment is None:
        return backend != "allegro" or importlib.util.find_spec("allegro") is not None
    try:
        return bool(bridge.interpreter(backend))
    except InputError:
        return False


def needs(backend):
    return pytest.mark.skipif(
        not installed(backend),
        reason=f"{backend} is not installed here: make {BACKENDS[backend].target}",
    )
