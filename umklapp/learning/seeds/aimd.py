"""A short ab initio MD run whose every step is a label; killed at any step, it goes on there."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
from ase import Atoms, units
from ase.calculators.calculator import PropertyNotImplementedError
from ase.constraints import FixCom
from ase.md.langevin import Langevin
from ase.md.velocitydistribution import Stationary, thermalize_momenta

from umklapp import provenance
from umklapp.config import AimdSeed
from umklapp.crystals import frames
from umklapp.crystals.frame_info import FrameInfo, Origin
from umklapp.files import read_json, write_json
from umklapp.reference.contract import Engine
from umklapp.reference.ledger import Ledger

log = logging.getLogger(__name__)


def run(
    supercell: Atoms,
    engine: Engine,
    settings: AimdSeed,
    seed: int,
    ledger: Ledger,
    workdir: Path,
    origin: Origin,
) -> list[Atoms]:
    """Langevin MD from the perfect crystal with one calculator, so that densities are re-used.

    Positions, velocities and the random state are kept in `workdir` after every step, and every
    kept frame in the ledger: a restart continues the same trajectory (to SCF accuracy, as the
    density of the lost step cannot be re-used). Another crystal, engine, seed or setting than
    `steps` is another run with its own checkpoint.

    Args:
        supercell: perfect crystal to start from, with velocities of twice the temperature (half
            of it goes into potential energy).
        settings: temperature, timestep, friction, number of steps, stride.
        origin: written to the frames.

    Returns:
        Every `settings.every`-th frame with its label, in time order.
    """
    generator = np.random.default_rng(seed)
    atoms = frames.strip(supercell)
    thermalize_momenta(atoms, temperature_K=2 * settings.temperature, rng=generator)
    Stationary(atoms)
    run_is = [settings.model_dump(mode="json", exclude={"steps"}), seed, engine.settings_hash]
    identity = provenance.digest([frames.frame_id(supercell), *run_is])
    checkpoint = workdir / f"checkpoint-{identity}.json"
    begun = _restore(checkpoint, atoms, generator)
    kept = _kept(ledger, engine, checkpoint)
    if begun:
        log.info(f"continuing at step {begun}")
    atoms.calc = engine.calculator(atoms, workdir)
    atoms.set_constraint(FixCom())
    dynamics = Langevin(
        atoms,
        settings.timestep * units.fs,
        temperature_K=settings.temperature,
        friction=settings.friction / units.fs,
        rng=generator,
        fixcm=False,
    )
    for step in range(begun + 1, settings.steps + 1):
        dynamics.run(1)
        if step % settings.every == 0:
            label = frames.labelled(
                atoms,
                atoms.get_potential_energy(),
                atoms.get_forces(apply_constraint=False),
                _stress(atoms),
                engine=engine.name,
                settings_hash=engine.settings_hash,
                program=engine.made_by(atoms.calc),
                origin=origin,
                time=step * settings.timestep,
            )
            ledger.record(engine, label)
            kept.append(label)
        _keep(checkpoint, step, atoms, generator, kept)
        if step % max(1, settings.steps // 10) == 0:
            log.info(f"aiMD step {step}/{settings.steps}: T = {atoms.get_temperature():.0f} K")
    return kept[: settings.steps // settings.every]


def _stress(atoms: Atoms) -> np.ndarray | None:
    try:
        return np.asarray(atoms.get_stress(apply_constraint=False))
    except PropertyNotImplementedError:
        return None


def _keep(
    path: Path, step: int, atoms: Atoms, generator: np.random.Generator, kept: list[Atoms]
) -> None:
    state = {
        "step": step,
        "positions": atoms.positions,
        "momenta": atoms.get_momenta(),
        "random": generator.bit_generator.state,
        "kept": [FrameInfo.of(frame).entries() for frame in kept],
    }
    write_json(path, state)


def _restore(path: Path, atoms: Atoms, generator: np.random.Generator) -> int:
    if not path.exists():
        return 0
    state = read_json(path)
    atoms.positions = np.array(state["positions"])
    atoms.set_momenta(np.array(state["momenta"]))
    generator.bit_generator.state = state["random"]
    return int(state["step"])


def _kept(ledger: Ledger, engine: Engine, path: Path) -> list[Atoms]:
    if not path.exists():
        return []
    labels = []
    for entries in read_json(path)["kept"]:
        label = ledger.label(engine, entries["frame_id"])
        FrameInfo.of_entries(entries).put(label)
        labels.append(label)
    return labels
