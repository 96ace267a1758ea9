"""Cepstral analysis by SporTran, for tests/unit/transport/test_cepstral.py. Writes cepstral.json.

    pip install --no-deps --target /tmp/sportran sportran==1.0.0rc4
    PYTHONPATH=/tmp/sportran:tests/unit/transport:tests python tests/oracles/sportran_cepstral.py

SporTran (Ercole, Bertossa, Bisacchi, Baroni, Comput. Phys. Commun. 280, 108470 (2022)) is not in
the environment: its packages are old and it is asked for a few numbers only. Its units are LAMMPS'
`metal`: currents in eV Å/ps.
"""

import json
import sys
import types
from pathlib import Path

import numpy as np

vars(np).update(NaN=np.nan, trapz=np.trapezoid)  # removed in numpy 2
styles = types.ModuleType("pkg_resources")  # removed from setuptools
styles.resource_filename = lambda package, name: name
sys.modules.setdefault("pkg_resources", styles)

import sportran  # noqa: E402
from test_green_kubo import STEP, TEMPERATURE, VOLUME, ornstein_uhlenbeck  # noqa: E402

CASES = ((0, 1), (1, 2), (2, 4))
"""Seed and number of trajectories."""

KEPT = 20
"""Coefficients P*."""


def case(seed: int, members: int) -> dict:
    """What SporTran finds for one set of fluxes: with `KEPT` coefficients, and its own choice."""
    fluxes = ornstein_uhlenbeck(seed, members)
    components = fluxes.transpose(1, 0, 2).reshape(fluxes.shape[1], -1)
    current = sportran.HeatCurrent(
        components * VOLUME * 1000,
        DT_FS=STEP,
        UNITS="metal",
        TEMPERATURE=TEMPERATURE,
        VOLUME=VOLUME,
    )
    current.cepstral_analysis(manual_cutoffK=KEPT - 1)
    found = {"seed": seed, "members": members, "kept": KEPT}
    found["kappa_W_per_mK"] = float(current.kappa)
    found["error_W_per_mK"] = float(current.kappa_std)
    current.cepstral_analysis()
    return {**found, "akaike": int(current.cepf.aic_Kmin) + 1}


if __name__ == "__main__":
    out = Path(__file__).with_name("cepstral.json")
    record = {"made_by": "sportran 1.0.0rc4", "cases": [case(*each) for each in CASES]}
    out.write_text(json.dumps(record, indent=1) + "\n")
