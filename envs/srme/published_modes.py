"""Modes of kappa as the published benchmark (phononDB-PBE, noNAC) has them, by phono3py 3.30.0.

    .venv-srme/bin/python envs/srme/published_modes.py PARAMS.yaml.xz OUT.hdf5 19 19 19

PARAMS: force sets of fc2 and fc3, for example conductivity/member_0.params.yaml.xz of a campaign.
RTA with the Wigner term (MS-SMM19), isotopes and boundaries of 1e6 micrometre, tetrahedra, 300 K.
The coherence of two bands is split between them in proportion to their heat capacities.
"""

import argparse
import sys

import h5py
import numpy as np
import phono3py

VERSION = "3.30.0"


def shared(pairs, capacity):
    """Coherence of pairs (q, s, s', 6) as one of bands (q, s, 6); capacity: (q, s)."""
    mine, other = capacity[:, :, None], capacity[:, None, :]
    total = mine + other
    share = np.divide(2 * mine, total, out=np.ones_like(total), where=total > 0)
    return (share[..., None] * pairs).sum(axis=2)


def main():
    """Compute and write; the layout is that of umklapp.transport.modes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("params")
    parser.add_argument("out")
    parser.add_argument("mesh", type=int, nargs=3)
    parser.add_argument("--temperature", type=float, default=300.0)
    options = parser.parse_args()
    if phono3py.__version__ != VERSION:
        sys.exit(
            f"phono3py is {phono3py.__version__}, the benchmark's is {VERSION}: use .venv-srme"
        )
    phonon = phono3py.load(options.params, is_nac=False, symmetrize_fc=True, log_level=0)
    phonon.mesh_numbers = options.mesh
    phonon.init_phph_interaction(symmetrize_fc3q=False)
    phonon.run_thermal_conductivity(
        temperatures=[options.temperature],
        is_isotope=True,
        boundary_mfp=1e6,
        transport_type="MS-SMM19",
    )
    found = phonon.thermal_conductivity
    parts = found.get_extra_kappa_output()
    population = np.array(parts["mode_kappa_P_RTA"])[0, 0]
    capacity = np.array(found.mode_heat_capacities)[0]
    coherence = shared(np.array(parts["mode_kappa_C"])[0, 0], capacity)
    weights = np.array(found.grid_weights)
    with h5py.File(options.out, "w") as file:
        file["version"] = VERSION
        file["mesh"] = np.array(options.mesh)
        file["temperature"] = np.array([options.temperature])
        file["qpoint"], file["weight"] = np.array(found.qpoints), weights
        file["frequency"] = np.array(found.frequencies)
        file["gamma_isotope"] = np.array(found.gamma_isotope)
        file["boundary_mfp"] = 1e6
        file["mode_kappa"] = population[None]
        file["mode_kappa_inter"] = coherence[None]
        file["kappa_intra"] = population.sum(axis=(0, 1))[None] / weights.sum()
        file["kappa_inter"] = coherence.sum(axis=(0, 1))[None] / weights.sum()
        total = np.array(parts["kappa_TOT_RTA"])[0]
        file["kappa"] = total
        print("kappa (xx yy zz yz xz xy):", total[0])


if __name__ == "__main__":
    main()
