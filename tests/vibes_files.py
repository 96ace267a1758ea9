"""Small files in the formats of FHI-vibes and FHI-aims, written by hand from silicon's dynamics."""

import json

import h5py
import numpy as np
from ase import units
from ase.md.verlet import VelocityVerlet
from conftest import diamond, label, rattled
from silicon import StillingerWeberSilicon

FS = units.fs


def dynamics(count=6):
    """Labelled frames 2 fs apart, with velocities in Å/fs and times in fs."""
    atoms = rattled(4, atoms=diamond())
    atoms.calc = StillingerWeberSilicon()
    md = VelocityVerlet(atoms, 2 * FS)
    found = []
    for number in range(count):
        frame = label(atoms)
        frame.info["time"] = 2.0 * number
        found.append((frame, atoms.get_velocities() * FS))
        md.run(1)
    return found


def full(stress):
    xx, yy, zz, yz, xz, xy = stress
    return [[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]]


def write_son(path, steps, lean=False, without_stress=(), extensive=False, tail=""):
    """A trajectory.son; `lean` leaves species, masses and cell to the metadata."""
    first = steps[0][0]
    n = len(first)
    fixed = {
        "pbc": [True] * 3,
        "cell": first.cell.array.tolist(),
        "symbols": [[n, "Si"]] if lean else ["Si"] * n,
        "masses": [[n, 28.085]] if lean else [28.085] * n,
    }
    head = {
        "MD": {"type": "molecular-dynamics", "timestep": 2 * FS, "dt": 2 * FS, "fs": FS},
        "calculator": {"calculator": "Aims", "calculator_parameters": {"xc": "pbesol"}},
        "atoms": {**fixed, "positions": first.positions.tolist(), "info": {}},
        "vibes": {"version": "1.0.0"},
    }
    documents = []
    for number, (frame, velocities) in enumerate(steps):
        atoms = {
            **({} if lean else fixed),
            "info": {"nsteps": number, "dt": 2 * FS},
            "positions": frame.positions.tolist(),
            "velocities": (velocities / FS).tolist(),
        }
        stress = np.array(full(frame.get_stress()))
        results = {
            "energy": frame.get_potential_energy(),
            "forces": frame.get_forces().tolist(),
            "stress": stress.tolist(),
        }
        if number in without_stress:
            results["stress"] = np.zeros((3, 3)).tolist()
        else:
            atomic = np.repeat(stress[None] / n, n, axis=0)
            scale = frame.cell.volume if extensive else 1
            results["stresses"] = (atomic * scale).tolist()
        documents.append(json.dumps({"atoms": atoms, "calculator": results}, indent=1))
    path.write_text(json.dumps(head) + "\n===\n" + "\n---\n".join(documents) + tail)
    return path


def write_nc(path, steps, without_stress=()):
    """The .nc of the same steps; `stress` has a kinetic part that labels must not have."""
    frames_, velocities = zip(*steps, strict=True)
    stress = np.array([full(frame.get_stress()) for frame in frames_])
    stress[list(without_stress)] = np.nan
    with h5py.File(path, "w") as file:
        file["time"] = [frame.info["time"] for frame in frames_]
        file["positions"] = [frame.positions for frame in frames_]
        file["velocities"] = np.array(velocities) / FS
        file["forces"] = [frame.get_forces() for frame in frames_]
        file["energy_potential"] = [frame.get_potential_energy() for frame in frames_]
        file["cell"] = [frame.cell.array for frame in frames_]
        file["stress_potential"] = stress
        file["stress"] = stress - [
            np.einsum("i,ia,ib->ab", frame.get_masses(), v / FS, v / FS) / frame.cell.volume
            for frame, v in steps
        ]
        file.attrs["symbols"] = frames_[0].get_chemical_symbols()
        file.attrs["masses"] = frames_[0].get_masses()
    return path


def _e(number):
    return f"{number:.15E}"


def _results(frame, stress=True, smeared=0.0):
    lines = ["          Self-consistency cycle converged.", ""]
    if stress:
        lines += [
            "  |              Analytical stress tensor - Symmetrized               |",
            "  |                  Cartesian components [eV/A**3]                   |",
            "  |                x                y                z                |",
            "  |                                                                   |",
        ]
        lines += [
            f"  |  {axis}     " + " ".join(f"{value:16.8f}" for value in row) + "           |"
            for axis, row in zip("xyz", full(frame.get_stress()), strict=True)
        ]
    extrapolated = frame.get_potential_energy() + smeared
    lines += [
        "  Energy and forces in a compact form:",
        f"  | Total energy uncorrected      :         {_e(frame.get_potential_energy() + 1)} eV",
        f"  | Total energy corrected        :         {_e(extrapolated)} eV  <-- x",
        f"  | Electronic free energy        :         {_e(frame.get_potential_energy())} eV",
        "  Total atomic forces (unitary forces cleaned) [eV/Ang]:",
    ]
    lines += [
        f"  | {n + 1:4d} " + " ".join(_e(value) for value in row)
        for n, row in enumerate(frame.get_forces())
    ]
    return lines


def _structure(frame):
    lines = ["                         x [A]             y [A]             z [A]"]
    lines += [
        "  lattice_vector " + " ".join(f"{value:.8f}" for value in row) for row in frame.cell.array
    ]
    lines += [""]
    return lines + [
        "            atom " + " ".join(f"{value:.8f}" for value in row) + "  Si"
        for row in frame.positions
    ]


def write_aims(path, frames_, mode="wrapper", cut=0, unconverged=(), smeared=0.0):
    """An aims.out of a `wrapper` run, a `relaxation`, or `single` points."""
    first = frames_[0]
    lines = ["          Invoking FHI-aims ...", f"  | Number of atoms : {len(first)}"]
    lines += ["  Input geometry:", "  | Unit cell:"]
    lines += ["  | " + " ".join(f"{value:.8f}" for value in row) for row in first.cell.array]
    lines += ["  | Atomic structure:", "  |       Atom                x [A]  y [A]  z [A]"]
    start = frames_[0] if mode != "wrapper" else diamond()  # the wrapper ignores geometry.in
    lines += [
        f"  | {n + 1:4d}: Species Si " + " ".join(f"{value:.8f}" for value in row)
        for n, row in enumerate(start.positions)
    ]
    for number, frame in enumerate(frames_):
        if mode == "relaxation" and number:
            lines += ["  Updated atomic structure:", *_structure(frame)]
        lines += ["          Begin self-consistency loop: Initialization."]
        if number in unconverged:
            lines += ["  * WARNING! SELF-CONSISTENCY CYCLE DID NOT CONVERGE"]
        lines += _results(frame, smeared=smeared)
        if mode == "wrapper":
            lines += [" Atomic structure that was used in the preceding time step of the wrapper"]
            lines += _structure(frame)
    lines += ["          Have a nice day."]
    path.write_text("\n".join(lines[: len(lines) - cut]) + "\n")
    return path
