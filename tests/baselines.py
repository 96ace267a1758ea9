"""Records of a foundation model, as a campaign has them before its first label."""

from umklapp.transport.baseline_record import Baseline, BaselineAtLattice
from umklapp.transport.kappa_records import KappaNumbers

MODEL = {
    "name": "nequix-oam-1-pft", "package": "nequix", "sha256": "4ce6" * 16, "functional": "PBE",
    "licence": "MIT", "source": "atomicarchitects/nequix",
}  # fmt: skip


def at(lattice, kappa, reason=None):
    numbers = KappaNumbers(
        temperatures_K=[200.0, 300.0],
        kappa_W_per_mK=None if kappa is None else [2 * kappa, kappa],
        kappa_tensor_W_per_mK=None,
        not_computed=reason,
        lowest_frequency_THz=-1.0 if reason else 0.0,
    )
    return BaselineAtLattice(
        lattice=lattice, lattice_A=[4.0] * 3, volume_A3_per_atom=22.0, stable=reason is None,
        lowest_frequency_THz=0.0, highest_frequency_THz=7.6, kappa=numbers,
        sigma_A=0.2, sigma_A_error=0.01, supercell_atoms=64, frames=16, pair_cutoff_A=None,
        seconds=60.0,
    )  # fmt: skip


def baseline(given, own):
    return Baseline(
        material="NaCl-225", model=MODEL, mesh=[11] * 3, given=given, own=own, own_missing=None,
        volume_change=0.03, non_analytical=None, largest_mean_force_eV_per_A=0.0,
    )  # fmt: skip
