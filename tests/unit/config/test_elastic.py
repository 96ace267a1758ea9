"""The section `elastic`: what is refused."""

import pytest

from umklapp import config
from umklapp.errors import InputError


def test_settings_that_cannot_be():
    for bad in ([0.1], [0.002, 0.002], []):
        with pytest.raises(ValueError, match=r"amplitudes|at least 1"):
            config.Elastic(amplitudes=bad)
    assert config.Elastic(amplitudes=[0.004, 0.002]).amplitudes == [0.002, 0.004]


def test_campaign_that_cannot_have_them(plain):
    plain["elastic"] = {"reference": True}
    assert config.validate(plain).elastic.reference
    lookup = plain | {
        "reference": {"engine": "lookup", "path": "table.extxyz"},
        "seeds": [{"kind": "frames", "path": "table.extxyz"}],
        "exploration": {"kind": "pool"},
        "materials": plain["materials"] | {"relax": False},
    }
    with pytest.raises(InputError, match=r"elastic.reference needs an engine that calculates"):
        config.validate(lookup)
    plain["potential"] = {"baseline": "taylor", "training": {"stress_weight": 0}}
    plain["materials"]["phonon_supercell"] = plain["materials"]["sampling_supercell"]
    with pytest.raises(InputError, match=r"elastic: .* Taylor baseline has no stress"):
        config.validate(plain)
