"""The compiled graph against NequIP itself, on the card of this machine or on one core, in one run.

    make bench-gpu                                    in less than ten minutes
    python benchmarks/gpu.py --official MODEL.ckpt    also NequIP's own compiled ASE calculator

All ways have the same models and frames. Seconds are the least of some repeats: wall time on a
card, CPU time on a processor, so that other work on the machine does not enter.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import platform
import resource
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from ase import Atoms
from ase.build import bulk
from nequip.data import AtomicDataDict
from nequip.integrations.ase import NequIPCalculator

from umklapp import config, provenance
from umklapp.crystals import phonopy_cells
from umklapp.files import write_json
from umklapp.lattice import force_constants
from umklapp.learning.sampling import uncertainty
from umklapp.potentials.committee import Committee
from umklapp.potentials.contract import CommitteePrediction
from umklapp.potentials.neighbours import Neighbours
from umklapp.potentials.nequip import engine, graph_cache, model
from umklapp.potentials.nequip.batched import BatchedMembers
from umklapp.potentials.nequip.flux import FluxMembers
from umklapp.potentials.nequip.flux_network import FluxNetwork
from umklapp.potentials.nequip.inference import NequipPotential
from umklapp.potentials.nequip.slot_network import SlotNetwork

LATTICE = 5.64
"""Å; rock salt."""

CUBE = np.array([[-1, 1, 1], [1, -1, 1], [1, 1, -1]])
"""The cube of 8 atoms in primitive vectors."""

SPECIES = ("Cl", "Na")
MEMBERS = 4
TINY = config.Potential(cutoff=4.0, l_max=1, features=[8, 4], radial_width=16)


Row = tuple[str, str, float, float]
"""What was done, by which way, in how many seconds, how many times as long as ours."""


def network(settings: config.Potential, seed: int) -> NequipPotential:
    """An untrained network with forces of a realistic size."""
    return NequipPotential(model.build(model.options(settings, seed, SPECIES, 12.0, 1.5, -3.0)))


def doubled(settings: config.Potential, stock: NequipPotential) -> NequipPotential:
    """The same weights in double precision."""
    exact = network(settings.model_copy(update={"dtype": "float64"}), 0)
    exact.model.load_state_dict(stock.model.state_dict())
    return exact


def displaced(count: int, repeat: int) -> list[Atoms]:
    """Cells of 8 repeat³ atoms at 300 K or so."""
    cube = bulk("NaCl", "rocksalt", a=LATTICE, cubic=True).repeat(repeat)
    cells = [cube.copy() for _ in range(count)]
    for number, cell in enumerate(cells):
        cell.rattle(0.1, seed=number)
    return cells


def seconds(call: Callable[[], Any], repeats: int, device: str) -> float:
    """Least time of a call; the first one, which allocates, does not count."""
    found = []
    for _ in range(repeats + 1):
        if device != "cpu":
            torch.cuda.synchronize()
        began = time.perf_counter() if device != "cpu" else time.process_time()
        call()
        if device != "cpu":
            torch.cuda.synchronize()
        ended = time.perf_counter() if device != "cpu" else time.process_time()
        found.append(ended - began)
    return min(found[1:])


def step(stock: NequipPotential, frames: Sequence[Atoms]) -> Callable[[], None]:
    """Forces of a batch and their derivatives by the weights: an ordinary training step."""
    data = stock._data(frames)
    weights = [each.requires_grad_(True) for each in stock.model.parameters()]
    stock.model.train()

    def run() -> None:
        out = stock.model(dict(data))
        loss = out[AtomicDataDict.FORCE_KEY].square().mean()
        torch.autograd.grad(loss, weights, allow_unused=True)

    return run


def memory(device: str) -> float:
    """Most memory so far (GB): of the card, or of the process."""
    if device != "cpu":
        return torch.cuda.max_memory_allocated() / 1e9
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def graph(members: Sequence[NequipPotential]) -> BatchedMembers:
    """The members on their compiled graph, from the cache or compiled now."""
    device, networks = members[0].device, [SlotNetwork(each.model) for each in members]
    package, _ = graph_cache.obtain(networks[0], len(members[0].types), device)
    return BatchedMembers(
        engine.Engine.of_package(package, networks, members[0].types, device), members
    )


def forces_of_cells(members: Sequence[NequipPotential], size: int, repeats: int) -> list[Row]:
    """16 displaced cells, as κ needs them; and a frame by a committee with its uncertainty."""
    device, fast = members[0].device, graph(members)
    cells, zero = displaced(16, size), np.zeros(len(members))
    slow = Committee(members)
    ours = Committee(members)
    ours.batched = fast
    one, two = members[0].evaluate(cells), fast.evaluate(cells, None, [0]).mean
    error = max(np.abs(a - b).max() for a, b in zip(one.forces, two.forces, strict=True))
    print(f"largest difference of a force: {error:.1e} eV/Å")

    def judged(committee: Committee) -> Callable[[], Any]:
        return lambda: uncertainty.measure(committee.evaluate_members(cells[:1]), zero)

    eager = seconds(lambda: members[0].evaluate(cells), repeats, device)
    batch = seconds(lambda: fast.evaluate(cells, None, [0]), repeats, device)
    plain = seconds(judged(slow), repeats, device)
    quick = seconds(judged(ours), repeats, device)
    what = f"a member, 16 cells of {len(cells[0])} atoms"
    committee = f"{len(members)} members with U, a frame"
    return [
        (what, "NequIP, eager", eager, eager / batch),
        (what, "compiled graph", batch, 1.0),
        (committee, "NequIP, eager", plain, plain / quick),
        (committee, "compiled graph", quick, 1.0),
    ]


def flux(settings: config.Potential, size: int, repeats: int, folder: Path) -> list[Row]:
    """A frame with its heat flux against the same frame without."""
    stock = network(settings, 0)
    engine.prepare(settings, 2, "compiled", folder, network=FluxNetwork)
    fast, source = graph([stock]), FluxMembers(folder, [stock])
    frame = displaced(1, size)[0]
    still, near = np.zeros((len(frame), 3)), Neighbours(stock.cutoff, [len(frame)], 0.3)
    with_flux = seconds(
        lambda: source.flux([frame], [still], frame.positions, 0, [near]), repeats, stock.device
    )
    force = seconds(lambda: fast.evaluate([frame], near), repeats, stock.device)
    return [("heat flux and forces, a frame", "in force calls", with_flux, with_flux / force)]


def third_order(settings: config.Potential, size: int) -> list[str]:
    """What single precision leaves of force constants: eager and graph against double precision."""
    stock, primitive = network(settings, 0), bulk("NaCl", "rocksalt", a=LATTICE)
    exact = doubled(settings, stock)
    perfect = phonopy_cells.supercell(primitive, (size * CUBE).tolist())
    options = config.Phonons(pair_cutoff=4.0)
    found = {}
    for name, potential in (("double", exact), ("eager", stock), ("graph", graph([stock]))):
        phonon = force_constants.prepare(primitive, perfect, options)
        cells = force_constants.displaced_cells(phonon, options)
        answer = potential.evaluate(cells)
        forces = answer.mean.forces if isinstance(answer, CommitteePrediction) else answer.forces
        force_constants.fill(phonon, forces, options)
        found[name] = (phonon.fc2, phonon.fc3)
    return [
        f"fc{order} by single precision, {name}: "
        f"{np.abs(found[name][order - 2] - found['double'][order - 2]).max():.1e} of "
        f"{np.abs(found['double'][order - 2]).max():.3g} eV/Å^{order}"
        for name in ("eager", "graph")
        for order in (2, 3)
    ]


def compiled_by_nequip(checkpoint: Path, frame: Atoms, out: Path) -> None:
    """`nequip-compile` for ASE, with a frame as example: the data of the training may be gone."""
    stock, example = NequipPotential.load(checkpoint), torch.nn.Module()
    for name, value in stock._data([frame]).items():
        example.register_buffer(name, value)
    torch.jit.script(example).save(out.with_suffix(".data"))
    command = ["nequip-compile", str(checkpoint), str(out), "--device", stock.device]
    command += ["--mode", "aotinductor", "--target", "ase"]
    subprocess.run([*command, "--data-path", str(out.with_suffix(".data"))], check=True)


def official(checkpoint: Path, size: int, repeats: int, package: Path) -> list[Row]:
    """NequIP's own compiled calculator against our graph, both with a trained member.

    Args:
        package: of `nequip-compile`; made where it is not there (minutes).
    """
    stock, frame = NequipPotential.load(checkpoint), displaced(1, size)[0]
    if not package.exists():
        compiled_by_nequip(checkpoint, frame, package)
    calculator = NequIPCalculator.from_compiled_model(
        package, device=stock.device, chemical_species_to_atom_type_map=True
    )
    fast, near = graph([stock]), Neighbours(stock.cutoff, [len(frame)], 0.3)
    atoms = frame.copy()
    slow = seconds(lambda: calculator.calculate(atoms, ["forces"]), repeats, stock.device)
    quick = seconds(lambda: fast.evaluate([frame], near), repeats, stock.device)
    error = np.abs(calculator.results["forces"] - fast.evaluate([frame]).forces[0][0]).max()
    print(f"largest difference of a force from nequip-compile: {error:.1e} eV/Å")
    what = f"a member, a frame of {len(frame)} atoms"
    return [
        (what, "nequip-compile + ASE", slow, slow / quick),
        (what, "compiled graph", quick, 1.0),
    ]


def main(arguments: Sequence[str] | None = None) -> pd.DataFrame:
    """Print the table, and write it with versions."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--tiny", action="store_true", help="a network and cells of no use, in seconds"
    )
    parser.add_argument("--official", type=Path, help="a NequIP checkpoint of Na and Cl")
    parser.add_argument("--package", type=Path, help="what nequip-compile has made of it before")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    settings, size = (TINY, 1) if options.tiny else (config.Potential(), 2)
    members = [network(settings, seed) for seed in range(MEMBERS)]
    device = members[0].device
    card = torch.cuda.get_device_name() if device != "cpu" else f"{platform.machine()}, one core"
    versions = {
        name: importlib.metadata.version(name) for name in ("torch", "nequip", "e3nn", "ase")
    }
    print(f"{card}: {versions}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = forces_of_cells(members, size, options.repeats)
        if options.official:
            package = options.package or folder / "official.nequip.pt2"
            rows += official(options.official, size, options.repeats, package)
        rows += flux(settings, size, options.repeats, folder / "flux")
        for line in third_order(settings, size):
            print(line)
        what = f"training step, 4 cells of {8 * size**3} atoms"
        training = seconds(step(network(settings, 0), displaced(4, size)), options.repeats, device)
        rows.append((what, "NequIP, eager", training, np.nan))
    table = pd.DataFrame(rows, columns=["what", "way", "seconds", "ratio"])
    print(table.round(4).to_string(index=False))
    print(f"most memory: {memory(device):.2f} GB")
    options.out.mkdir(parents=True, exist_ok=True)
    table.to_csv(options.out / "gpu.csv", index=False)
    write_json(options.out / "gpu.json", {"device": card, **versions, **provenance.record()})
    return table


if __name__ == "__main__":
    main()
