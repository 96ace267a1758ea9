"""Every reader of files that a user or another program gives, a good file for each, and what a
value must be like to be believed."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from ase import Atoms
from ase.db import connect
from ase.io import write
from conftest import ROOT, labelled_frames, silicon_engine
from perovskite import of_perovskite, perovskite
from umklapp_params import write_params
from vibes_files import dynamics, write_aims, write_nc, write_son

from umklapp import config
from umklapp.crystals import frames, materials, prototypes, symmetry
from umklapp.crystals.formats import born_files, given
from umklapp.learning.assessment import Assessment, Criterion, conclude
from umklapp.reference.ledger import Ledger
from umklapp.transport import user_files

PER_ATOM = 50.0
"""eV by which an energy per atom may differ from those of the good file, and eV/Å of a force: a
label beyond is one that no crystal has."""


@dataclass(frozen=True)
class Reader:
    """`read` takes a path like `sample`; `wrong` says what is wrong with the value it gave."""

    name: str
    sample: Path
    read: Callable[[Path], Any]
    wrong: Callable[[Any], str] = lambda value: ""


def wrong_labels(energy: float) -> Callable[[list[Atoms]], str]:
    """What is wrong with labelled frames, near `energy` in eV per atom in the good file."""

    def wrong(labels: list[Atoms]) -> str:
        for atoms in labels:
            found, forces = atoms.get_potential_energy(), atoms.get_forces()
            arrays = (atoms.positions, atoms.cell.array, forces, np.array(found))
            if not all(np.isfinite(array).all() for array in arrays):
                return "not finite"
            if forces.shape != atoms.positions.shape:
                return "shape of the forces"
            if abs(found / len(atoms) - energy) > PER_ATOM:
                return f"energy {found / len(atoms):g} eV per atom"
            if abs(forces).max() > PER_ATOM:
                return f"force {abs(forces).max():g} eV/Å"
            if not all(atoms.pbc):
                return "not periodic"
        return "" if labels else "no frames"

    return wrong


def wrong_structure(atoms: Atoms) -> str:
    """What is wrong with a structure."""
    if not (np.isfinite(atoms.positions).all() and np.isfinite(atoms.cell.array).all()):
        return "not finite"
    return "" if abs(atoms.cell.volume) > 1e-6 else "no volume"


def wrong_numbers(arrays: Any) -> str:
    """What is wrong with an array of numbers."""
    return "" if np.isfinite(np.asarray(arrays, float)).all() else "not finite"


def _given(folder: Path, shared: Path) -> list[tuple[str, Path]]:
    steps = dynamics(4)
    labels = labelled_frames(4)
    paths = {
        "extxyz": folder / "md.extxyz",
        "traj": folder / "md.traj",
        "db": folder / "md.db",
        "son": write_son(folder / "trajectory.son", steps),
        "nc": write_nc(folder / "trajectory.nc", steps),
        "aims": write_aims(folder / "aims.out", [frame for frame, _ in steps]),
        "phono3py": folder / "phono3py_params.yaml",
        "extxyz.gz": folder / "md.xyz.gz",
    }
    write(paths["extxyz"], labels)
    write(paths["traj"], labels)
    with connect(paths["db"], type="db") as database:
        for frame in labels:
            database.write(frame)
    write_params(paths["phono3py"])
    paths["extxyz.gz"].write_bytes(gzip.compress(paths["extxyz"].read_bytes()))
    vasprun = shared / "cases/03-foreign-outputs/vasprun.xml"
    if vasprun.exists():
        paths["vasprun"] = Path(shutil.copy(vasprun, folder / "vasprun.xml"))
    return list(paths.items())


def _structures(folder: Path) -> list[tuple[str, Path]]:
    paths = {
        "cif": folder / "own.cif",
        "vasp": folder / "POSCAR",
        "geometry": folder / "geometry.in",
    }
    crystal = perovskite()
    write(paths["cif"], crystal)
    write(paths["vasp"], crystal)
    write(paths["geometry"], crystal, format="aims")
    return list(paths.items())


def primitive(path: Path) -> Atoms:
    """The primitive cell of a user's structure."""
    return symmetry.primitive_cell(materials.read_structure(path))


def _flux_table(folder: Path) -> Path:
    path = folder / "flux.csv"
    generator = np.random.default_rng(1)
    rows = [
        f"{5 * n},{x:.6g},{y:.6g},{z:.6g}"
        for n, (x, y, z) in enumerate(generator.normal(size=(400, 3)))
    ]
    path.write_text("\n".join(["time,x,y,z", *rows]) + "\n")
    return path


def _ledger(folder: Path) -> tuple[Path, Callable[[Path], Any]]:
    """The one entry of a ledger; what is read is put in its place first."""
    engine, ledger = silicon_engine(), Ledger(folder / "ledger")
    atoms = labelled_frames(1)[0]
    label = engine.label(frames.strip(atoms), folder, 60.0)
    ledger.record(engine, label)
    entry = next((folder / "ledger").rglob("*.extxyz"))
    good = folder / "entry.extxyz"
    shutil.copy(entry, good)

    def read(path: Path) -> Any:
        shutil.copy(path, entry)
        found = ledger.find(engine, atoms)
        return [found] if isinstance(found, Atoms) else [label]

    return good, read


def _assessment(folder: Path) -> Path:
    path = folder / "assessment.json"
    counts = ("explored", "accepted", "failed", "checks", "stopped", "training_frames")
    record = conclude(
        1, {"force": Criterion(met=True, words="0.02 eV/Å")}, 9, dict.fromkeys(counts, 0)
    )
    path.write_text(
        json.dumps(record.model_dump(mode="json") | {"schema_version": Assessment.VERSION})
    )
    return path


def _born(folder: Path) -> Path:
    path = folder / "born.yaml"
    charges = [charge.tolist() for charge in of_perovskite()]
    entry = {
        "dielectric": np.eye(3).tolist(),
        "charges": dict(zip(("K", "Zn", "F"), charges, strict=False)),
    }
    path.write_text(yaml.safe_dump({"KZnF3-221": entry}))
    return path


def _campaign(folder: Path) -> Path:
    path = folder / "campaign.yaml"
    path.write_text((ROOT / "config/config.yaml").read_text())
    return path


def readers(folder: Path, shared: Path) -> list[Reader]:
    """All readers with their good files in `folder`, which exists."""
    made = []
    for name, path in _given(folder, shared):
        labels = given.inspected(path)[0]
        energy = labels[0].get_potential_energy() / len(labels[0])
        made.append(
            Reader(f"labels {name}", path, lambda p: given.inspected(p)[0], wrong_labels(energy))
        )
    for name, path in _structures(folder):
        made.append(Reader(f"structure {name}", path, primitive, wrong_structure))
    entry, read_entry = _ledger(folder)
    good = frames.read_frames(entry)[0]
    per_atom = good.get_potential_energy() / len(good)
    made += [
        Reader("ledger", entry, read_entry, wrong_labels(per_atom)),
        Reader("assessment", _assessment(folder), Assessment.read),
        Reader(
            "table",
            Path(shutil.copy(ROOT / "config/materials.csv", folder)),
            materials.read_table,
        ),
        Reader("campaign", _campaign(folder), config.load),
        Reader(
            "lattices",
            Path(shutil.copy(ROOT / "config/structures/lattices.yaml", folder)),
            prototypes.read_yaml,
        ),
        Reader(
            "flux table",
            _flux_table(folder),
            lambda path: user_files.conductivity([path], volume=500.0, temperature=300.0),
            lambda text: "not finite" if "nan" in text or "inf " in text else "",
        ),
        Reader(
            "born charges",
            _born(folder),
            lambda path: born_files.read(path, perovskite(), "KZnF3-221")[0].charges,
            wrong_numbers,
        ),
        Reader("vdos", write_nc(folder / "long.nc", dynamics(120)), user_files.vdos),
    ]
    return made
