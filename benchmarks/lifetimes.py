"""Phonon lifetimes from dynamics against perturbation theory, where both must agree.

Lennard-Jones argon at 10 K: a weakly anharmonic crystal, in a cell of n×n×n primitive cells whose
commensurate q-points are phono3py's n×n×n mesh. Dynamics is classical, so phono3py's linewidths are
taken in their classical limit, γ(T) = T lim γ(T')/T'. See benchmarks/README.md.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from ase.build import bulk

from umklapp import config, provenance
from umklapp.crystals import phonopy_cells
from umklapp.files import write_json
from umklapp.lattice import force_constants, harmonic_reference
from umklapp.potentials.heat_transport import LennardJones
from umklapp.report.figures import style
from umklapp.transport import degenerate_modes, lifetimes, nve, qpoint_stars, supercell_modes

EPSILON, SIGMA, CUTOFF, LATTICE = 0.0104, 3.405, 6.5, 5.27
FORCE_CONSTANTS = 5
"""Primitive cells along each vector of the cell of fc3; longer than the potential's range."""

HOT = 2000.0
"""K, where occupations are classical."""

SIGMAS = (0.05, 0.1, 0.2)
"""THz, smearings of energy conservation."""


def argon(number: int) -> LennardJones:
    """The potential, with its sites: number³ primitive cells."""
    primitive = bulk("Ar", "fcc", a=LATTICE)
    sites = phonopy_cells.supercell(primitive, (number * np.eye(3, dtype=int)).tolist())
    return LennardJones(EPSILON, SIGMA, CUTOFF, sites)


def perturbation(number: int, temperature: float) -> tuple[np.ndarray, ...]:
    """Frequencies (n_q, n_b) THz and lifetimes (n_sigma, n_q, n_b) fs on the mesh's points."""
    primitive, source = bulk("Ar", "fcc", a=LATTICE), argon(FORCE_CONSTANTS)
    settings = config.Phonons(displacement=0.02)
    phonon = force_constants.prepare(primitive, source.sites, settings)
    force_constants.evaluate(phonon, source, settings)
    phonon.mesh_numbers = [number] * 3
    phonon.sigmas = list(SIGMAS)
    phonon.init_phph_interaction()
    phonon.run_thermal_conductivity(temperatures=[HOT])
    found = phonon.thermal_conductivity
    gamma = np.array(found.gamma)[:, 0] * temperature / HOT
    with np.errstate(divide="ignore"):
        return np.array(found.frequencies), 1000 / (4 * np.pi * gamma), np.array(found.qpoints)


def main() -> None:
    """Runs (kept), table and figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--temperature", type=float, default=10.0)
    parser.add_argument("--cells", type=int, default=8)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--length", type=float, default=250.0)
    parser.add_argument("--scratch", type=Path, default=Path("results/bench_lifetimes"))
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    options = parser.parse_args()
    primitive = bulk("Ar", "fcc", a=LATTICE)
    source = argon(options.cells)
    sites = source.sites
    settings = config.GreenKubo(
        temperature=options.temperature, timestep=8.0, equilibration=20.0, length=options.length,
        flux_every=5, frames_every=2, friction=0.005,
    )  # fmt: skip
    constants = harmonic_reference.of_potential(source, primitive, sites, 0.01)
    modes = supercell_modes.build_modes(primitive, sites, constants)
    energies, warmth = [], []
    for number in range(options.runs):
        path = options.scratch / f"{options.cells}_{options.temperature:g}_{number}.h5"
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            nve.run(source, sites, settings, number, options.scratch / "work", path)
        run = nve.read(path)
        displacements, velocities = nve.read_frames(path)
        displacements = displacements - displacements.mean(axis=0)
        energies.append(degenerate_modes.mode_energies(displacements, velocities, modes))
        warmth.append(run.temperature.mean())
        print(f"run {number}: {warmth[-1]:.2f} K, drift {run.drift:.1e} eV/atom", flush=True)
    stars = qpoint_stars.find_stars(modes.solution.qpoints, modes.rotations)
    correlation = lifetimes.pooled_correlations(energies, stars)
    times = run.frame_step * np.arange(len(correlation))
    tau = lifetimes.fit_lifetimes(correlation, times)
    tau = qpoint_stars.average_over_stars(tau, stars)
    temperature = float(np.mean(warmth))
    frequencies, wanted, qpoints = perturbation(options.cells, temperature)
    rows = []
    for number, q in enumerate(qpoints):
        if np.allclose(q, 0):
            continue
        place = np.argmin(np.abs((modes.solution.qpoints - q + 0.5) % 1 - 0.5).sum(axis=1))
        mine = tau[place][np.argsort(modes.solution.frequencies[place])]
        order = np.argsort(frequencies[number])
        for band in range(3):
            theory = wanted[:, number, order[band]]
            rows.append([frequencies[number, order[band]], mine[band], *theory])
    table = np.array(rows)
    ratio = np.log(table[:, 1:2] / table[:, 2:])
    record = {
        "temperature_K": temperature,
        "atoms": len(sites),
        "modes": len(table),
        "sigmas_THz": list(SIGMAS),
        "mean_ratio": np.exp(np.nanmean(ratio, axis=0)).tolist(),
        "scatter_factor": np.exp(np.nanstd(ratio, axis=0)).tolist(),
        "rate_ratio_of_sums": (
            (1 / table[:, 1:2]).sum(axis=0) / (1 / table[:, 2:]).sum(axis=0)
        ).tolist(),
    }
    print(record)
    write_json(options.out / "lifetimes.json", provenance.record(**record))
    drawing, axes = style.canvas()
    axes.plot(table[:, 0], table[:, 1] / 1000, "o", color=style.BLUE, ms=4, label="dynamics")
    axes.plot(
        table[:, 0], table[:, 2:].mean(axis=1) / 1000, "D", mfc="none", color=style.ORANGE, ms=4,
        label="three-phonon, classical",
    )  # fmt: skip
    axes.set(
        xlabel="frequency (THz)", ylabel="lifetime (ps)", yscale="log",
        title=f"LJ argon, {temperature:.1f} K, {len(sites)} atoms",
    )  # fmt: skip
    style.decades(axes.yaxis)
    drawing.legend(loc="outside lower center", ncols=2)
    style.save(drawing, [options.out / f"lifetimes.{kind}" for kind in ("png", "pdf")])


if __name__ == "__main__":
    main()
