"""Numbers that cannot be meant are refused with what they imply."""

from copy import deepcopy

import numpy as np
import pytest
from test_config import change

from umklapp import config
from umklapp.errors import InputError

MESH = [10**6, 10**6, 10**6]


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("exploration", {"kind": "md", "replicas": 10**9}, "exploration.replicas: 1e+09 replicas"),
        ("exploration", {"kind": "md", "steps": 10**15}, "exploration.steps: 1e+15"),
        (
            "exploration",
            {"kind": "md", "steps": 10**8, "replicas": 1000},
            "exploration.steps × replicas: 1e+11 steps of dynamics",
        ),
        ("conductivity", {"mesh": MESH}, "conductivity.mesh: 1e+18 points of a mesh"),
        ("conductivity", {"round_mesh": [1000, 1000, 2]}, "conductivity.round_mesh: 2e+06 points"),
        ("phonons", {"mesh": MESH}, "phonons.mesh: 1e+18 points"),
        ("seeds.0.count", 10**7, "seeds.0.count: 1e+07 labels must be"),
        ("committee", {"seeds": 1000}, "committee: 2e+03 members"),
        ("resources", {"label_chunks": 10**6}, "resources.label_chunks: 1e+06 jobs of a stage"),
        ("rounds.check_labels", 10**400, "rounds.check_labels: a finite number"),
        ("green_kubo", {"length": 1e9}, "green_kubo.length × trajectories: 4e+12 steps"),
        ("green_kubo", {"flux_every": 10**400}, "green_kubo.flux_every: a finite number"),
        ("audit", {"temperature": 1e9}, "audit.temperature: 1e+09 K must be"),
        ("exploration", {"kind": "md", "temperatures": [300, 1e8]}, "temperatures.1: 1e+08 K"),
        ("exploration", {"kind": "md", "timestep": 1e4}, "exploration.timestep: 1e+04 fs"),
        ("exploration", {"kind": "md", "max_force": 1e15}, "exploration.max_force: 1e+15"),
        ("potential", {"backend": []}, "potential.backend"),
        ("potential", {"backend": {}}, "potential.backend"),
        ("potential.features", [0, 0, 0], "potential.features: [0, 0, 0]: l = 0 needs a channel"),
        ("potential.features", [8, -1, 4], "potential.features: [8, -1, 4]"),
        ("materials.phonon_supercell", {"atoms": 10**9}, "less than or equal to 5000"),
        ("materials.phonon_supercell", np.diag([40, 40, 40]).tolist(), "6.4e+04 primitive cells"),
        ("exploration", {"kind": "md", "every": 501}, "every: 501 keeps no frame of 500 steps"),
        ("seeds", [{"kind": "aimd", "steps": 20, "every": 50}], "seeds.0.every: 50 keeps no frame"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_sizes_that_cannot_be_meant(plain, key, value, words):
    change(plain, key, value)
    with pytest.raises(InputError) as caught:
        config.validate(plain)
    assert words in str(caught.value)


def leaves(value, key=()):
    """Every single value of a configuration, by its place."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves(inner, (*key, name))
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for number, inner in enumerate(value):
            yield from leaves(inner, (*key, number))
    else:
        yield key


@pytest.mark.parametrize(
    "bad", [float("nan"), float("inf"), 10**400, "x\0", [], {}], ids=lambda value: repr(value)[:9]
)
def test_no_value_of_any_key_ends_in_a_traceback(plain, bad):
    """nan, infinity and NUL are nowhere accepted."""
    whole = config.validate({**plain, "green_kubo": {}, "elastic": {}}).model_dump(mode="json")
    for key in leaves(whole):
        changed = deepcopy(whole)
        inner = changed
        for name in key[:-1]:
            inner = inner[name]
        inner[key[-1]] = bad
        try:
            config.validate(changed)
        except InputError:
            continue
        assert bad in ([], {}), key
