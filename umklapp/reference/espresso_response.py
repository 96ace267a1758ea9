"""Born charges and ε∞ by Quantum ESPRESSO: pw.x, then ph.x in a homogeneous electric field.

Density-functional perturbation theory (Baroni et al., Rev. Mod. Phys. 73, 515 (2001)); for
insulators, with fixed occupations, and functionals that ph.x knows (LDA and GGA).
"""

from __future__ import annotations

import logging
import os
import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.io import write

from umklapp.config import Espresso
from umklapp.crystals import born_charges
from umklapp.crystals.born_charges import BornCharges
from umklapp.errors import CalculationError, InputError
from umklapp.reference import programs
from umklapp.reference.espresso import EspressoEngine, diagnose
from umklapp.reference.programs import Diagnosis, ProgramError, missing_program, run, text_of

VARIABLE = "UMKLAPP_PH_COMMAND"
"""Environment variable with the command line of ph.x."""

THRESHOLD = 1e-14
"""Ry²; `tr2_ph` of ph.x."""

DENSER = (1, 2, 3, 4)
"""The k-mesh of a label of the primitive cell times these, shifted off Γ."""

log = logging.getLogger(__name__)


def command(settings: Espresso) -> list[str]:
    """Command line of ph.x: of the config, else the environment, else that of pw.x renamed."""
    said = settings.ph_command or os.environ.get(VARIABLE)
    if said:
        return shlex.split(said)
    command_line = programs.command(
        settings.command, EspressoEngine.variable, EspressoEngine.program
    )
    return [re.sub(r"pw(\.x)?$", r"ph\1", word) for word in command_line]


def missing(settings: Espresso) -> list[str]:
    """What ph.x needs and is not there, in sentences."""
    problems = []
    if settings.smearing:
        problems.append("smearing: ph.x needs fixed occupations in an electric field; set it to 0")
    name = missing_program(command(settings)) if settings.check_command else None
    if name is not None:
        problems.append(
            f"ph_command: {name} is not found in PATH; install it, set reference.ph_command or "
            f"{VARIABLE}, or give Born charges by phonons.born"
        )
    return problems


def calculate(settings: Espresso, primitive: Atoms, workdir: Path) -> tuple[BornCharges, str]:
    """Born charges and ε∞ of a primitive cell in its axes, and how they were computed, in words.

    The k-mesh is made denser until the charges of the cell add up to zero: they converge later than
    forces do.

    Args:
        settings: of the engine that labels. workdir: an empty folder is made here.

    Raises:
        CalculationError: pw.x or ph.x does not end well, or the charges of the densest mesh do not
            add up to zero; the end of the output, or their sum, is quoted.
        InputError: a metal, or a functional that ph.x does not know.
    """
    for factor in DENSER:
        charges, dielectric = _respond(settings, primitive, Path(workdir) / "response", factor)
        mesh = "×".join(str(factor * n) for n in EspressoEngine(settings).mesh(primitive))
        left = float(np.abs(charges.sum(axis=0)).max())
        source = f"ph.x, {mesh} k-points, sum rule broken by {left:.2f} e before it was imposed"
        log.info(f"Born charges: {source}")
        if left < born_charges.sum_allowed(charges):
            break
    else:
        raise CalculationError(
            f"Born charges of {primitive.symbols} by {source}: raise reference.ecut or "
            "kpoint_density, or give them in a file by phonons.born"
        )
    return born_charges.checked(charges, dielectric, primitive, source), source


def _respond(
    settings: Espresso, primitive: Atoms, folder: Path, factor: int
) -> tuple[np.ndarray, np.ndarray]:
    """Born charges (n, 3, 3) e and ε∞ (3, 3) with a k-mesh that is `factor` times as dense."""
    folder = folder.resolve()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    engine = EspressoEngine(settings)
    _write_scf(engine, settings, primitive, folder / "espresso.pwi", factor)
    (folder / "ph.in").write_text(_input())
    try:
        run([*engine.command(), "-in", "espresso.pwi"], folder, "espresso.pwo", "espresso.err",
            diagnose)  # fmt: skip
        run([*command(settings), "-in", "ph.in"], folder, "ph.out", "ph.err", _diagnose)
    except ProgramError as error:
        raise CalculationError(
            f"Born charges of {primitive.symbols} by ph.x ({folder}): {error}; give them in a file "
            "by phonons.born, or say none there"
        ) from None
    shutil.rmtree(folder / "out", ignore_errors=True)
    return parse(text_of(folder / "ph.out"), len(primitive))


def _write_scf(
    engine: EspressoEngine, settings: Espresso, primitive: Atoms, path: Path, factor: int
) -> None:
    """Input of pw.x as for a label of the primitive cell, with its wave functions on disk."""
    namelists: dict[str, dict[str, Any]] = engine.namelists(len(primitive), 1, symmetric=True)
    namelists["control"] |= {
        "disk_io": "low", "pseudo_dir": str(engine.pseudopotential_folder()),
        "tprnfor": False, "tstress": False,
    }  # fmt: skip
    mesh = [factor * n for n in engine.mesh(primitive)]
    names = {name: settings.pseudopotentials[name] for name in set(primitive.symbols)}
    write(path, primitive, format="espresso-in", input_data=namelists, pseudopotentials=names,
          kpts=mesh, koffset=(1, 1, 1))  # fmt: skip


def _input() -> str:
    lines = ["response", "&inputph", "  prefix = 'umklapp'", "  outdir = './out'"]
    lines += ["  epsil = .true.", "  zeu = .true.", "  trans = .false."]
    lines += [f"  tr2_ph = {THRESHOLD:.1e}".replace("e", "d"), "/", "0.0 0.0 0.0", ""]
    return "\n".join(lines)


def _diagnose(folder: Path) -> Diagnosis:
    text = text_of(Path(folder) / "ph.out")
    error = re.search(r"Error in routine\s+(.+?)\s*\n\s*(.+?)\s*\n", text)
    if error:
        return "crashed", f"ph.x: error in routine {error[1]}: {error[2]}"
    if "No convergence has been achieved" in text:
        return "scf_not_converged", "ph.x: No convergence has been achieved"
    return None if "JOB DONE." in text else ("crashed", "ph.x ended before its last line")


def parse(text: str, n_atoms: int) -> tuple[np.ndarray, np.ndarray]:
    """Born charges (n, 3, 3) e and ε∞ (3, 3) from the output of ph.x.

    The charges before the sum rule is imposed: rows are the field, columns the force.

    Raises:
        InputError: they are not in it.
    """
    dielectric = re.findall(r"Dielectric constant in cartesian axis\s*\n((?:[^\n]*\n){1,4})", text)
    head = r"Effective charges \(d Force / dE\) in cartesian axis[^\n]*\n"  # the first: as computed
    blocks = re.findall(rf"{head}(.*?)(?=Effective charges|\Z)", text, re.DOTALL)
    numbers = [
        [float(x) for x in row.split()]
        for block in blocks[:1]
        for row in re.findall(r"E[xyz]\s*\(([^)]*)\)", block)
    ]
    if not dielectric or len(numbers) < 3 * n_atoms:
        raise InputError(
            "ph.x gives no dielectric constant or no Born charges: is the crystal a metal with "
            "these settings, or the functional none that ph.x knows?"
        )
    rows = [[float(x) for x in row.split()] for row in re.findall(r"\(([^)]*)\)", dielectric[-1])]
    return np.array(numbers[: 3 * n_atoms]).reshape(n_atoms, 3, 3), np.array(rows[:3])
