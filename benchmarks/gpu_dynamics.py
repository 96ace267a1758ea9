"""Dynamics of a committee of five: atom-steps per second on the card of this machine, and beside it
on one core, in one run.

    make bench-gpu
    python benchmarks/gpu_dynamics.py MODEL.ckpt     a trained member of Na and Cl, also by NequIP

Every step evaluates all members and their spread u_I. The ways: our own loop, our torch-sim
adapter, and torch-sim with NequIP's own calculator of a model by `nequip-compile`, called once per
member; its neighbours are searched once and then given to it for nothing. All members have the
weights of the one model, so that all ways move the same atoms.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
import torch_sim
from ase import Atoms, units
from gpu import displaced, graph, memory, network
from nequip.data import AtomicDataDict
from nequip.data.transforms import NeighborListTransform
from torch_sim.models.interface import ModelInterface

from umklapp import config, provenance
from umklapp.files import write_json
from umklapp.learning.sampling import dynamics, health, recording, torchsim
from umklapp.potentials import edge_sums
from umklapp.potentials.committee import Committee
from umklapp.potentials.nequip.inference import NequipPotential

MEMBERS = 5
TEMPERATURE, TIMESTEP, FRICTION = 300.0, 2.0, 0.02
LOOSE = health.Limits(temperature=1e6, distance=0.1, force=1e6)
SIZES = {
    "cuda": [(2, 1), (2, 16), (2, 64), (4, 1), (4, 8), (4, 32)],
    "cpu": [(2, 1), (2, 4), (4, 1)],
}
"""Cubes along an edge and replicas: 64 and 512 atoms."""

Row = dict[str, Any]


class KeptNeighbours(torch.nn.Module):
    """NequIP's transform that finds neighbours, asked once."""

    def __init__(self, transform: torch.nn.Module) -> None:
        super().__init__()
        self.transform = transform
        self.edges: dict[str, torch.Tensor] = {}

    def forward(self, data: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """The data with the edges of the first call."""
        if self.edges:
            return data | self.edges
        data = self.transform(data)
        names = (AtomicDataDict.EDGE_INDEX_KEY, AtomicDataDict.EDGE_CELL_SHIFT_KEY)
        self.edges = {name: data[name] for name in names}
        return data


class OfficialMean(ModelInterface):
    """The mean of K calls of NequIP's torch-sim calculator, with u_I of every atom."""

    def __init__(self, calculator: ModelInterface, members: int) -> None:
        super().__init__()
        self.calculator, self.members = calculator, members
        self._device, self._dtype = calculator.device, calculator.dtype
        self._compute_stress, self._compute_forces = False, True
        self.spread = torch.empty(0)

    def forward(self, state: torch_sim.SimState, **_: object) -> dict[str, torch.Tensor]:
        """Mean energies (n,) eV and forces (N, 3) eV/Å."""
        answers = [self.calculator(state) for _ in range(self.members)]
        forces = torch.stack([answer["forces"] for answer in answers])
        self.spread = edge_sums.spread(forces)
        energy = torch.stack([answer["energy"] for answer in answers]).mean(dim=0)
        return {"energy": energy, "forces": forces.mean(dim=0)}


def committee(checkpoint: Path | None, device: str) -> Committee:
    """Five members of the same weights on their compiled graph; untrained without a checkpoint."""
    settings = config.Potential()
    members = [
        NequipPotential.load(checkpoint, device)
        if checkpoint
        else NequipPotential(network(settings, 0).model, device)
        for _ in range(MEMBERS)
    ]
    found = Committee(members)
    found.batched = graph(members)
    return found


def rate(run: Callable[[int], Any], atoms: int, device: str, least: float = 2.0) -> float:
    """Atom-steps per second of `run(steps)`: what more steps cost more, so that starts do not
    count. Wall time on a card, CPU time on a processor."""

    def spent(steps: int) -> float:
        clock = time.perf_counter if device != "cpu" else time.process_time
        began = clock()
        run(steps)
        if device != "cpu":
            torch.cuda.synchronize()
        return clock() - began

    few = 5
    spent(few)
    short, many = spent(few), 20
    while (longer := spent(many)) < least + short and many < 2000:
        many *= 2
    return atoms * (many - few) / (longer - short)


def own(
    models: Committee, starts: Sequence[Atoms], module: Any, every: int = 1000
) -> Callable[[int], Any]:
    """`module.run` of all replicas, the spread at every step."""

    def run(steps: int) -> None:
        module.run(
            models,
            starts,
            [TEMPERATURE] * len(starts),
            recording.Recorder(np.zeros(len(models))),
            np.random.default_rng(0),
            dynamics.Scheme(TIMESTEP, FRICTION, steps, every),
            lambda target: LOOSE,
        )

    return run


def official(calculator: ModelInterface, starts: Sequence[Atoms]) -> Callable[[int], Any]:
    """torch-sim's Langevin dynamics by five calls of NequIP's calculator."""
    model = OfficialMean(calculator, MEMBERS)

    scheme = dynamics.Scheme(TIMESTEP, FRICTION, 0, 1)
    heat = torch.full((len(starts),), TEMPERATURE * units.kB, dtype=torch.float64).to(model.device)
    begin, advance = torchsim.integrator(model, scheme, heat, 0)

    def run(steps: int) -> None:
        for transform in calculator.transforms:
            if isinstance(transform, KeptNeighbours):
                transform.edges = {}
        state = begin(torch_sim.io.atoms_to_state(list(starts), model.device, model.dtype))
        for _ in range(steps):
            state = advance(state, kT=heat)
            model.spread.max().item()  # what a monitor asks for

    return run


def compiled(checkpoint: Path, folder: Path, device: str, modifier: str | None) -> Path:
    """`nequip-compile` for batches, with one of NequIP's modifiers."""
    out, data = folder / f"{modifier or 'plain'}.nequip.pt2", folder / f"{modifier}.data"
    if not out.exists():
        stock, example = NequipPotential.load(checkpoint, device), torch.nn.Module()
        for name, value in stock._data(displaced(2, 1)).items():
            example.register_buffer(name, value)
        torch.jit.script(example).save(data)
        command = ["nequip-compile", str(checkpoint), str(out), "--device", device]
        command += ["--mode", "aotinductor", "--target", "batch", "--data-path", str(data)]
        subprocess.run(command + (["--modifiers", modifier] if modifier else []), check=True)
    return out


def calculator(
    checkpoint: Path, folder: Path, device: str, modifier: str | None = None
) -> ModelInterface:
    """NequIP's torch-sim calculator of the model."""
    from nequip.integrations.torchsim import NequIPTorchSimCalc

    found = NequIPTorchSimCalc.from_compiled_model(
        compiled(checkpoint, folder, device, modifier),
        device,
        chemical_species_to_atom_type_map=True,
        neighborlist_backend="matscipy",
    )
    found.transforms = [
        KeptNeighbours(each) if isinstance(each, NeighborListTransform) else each
        for each in found.transforms
    ]
    return found


def foreign(checkpoint: Path, folder: Path, device: str) -> dict[str, ModelInterface]:
    """NequIP's calculators by the names of their ways: as it is, and with what is installed."""
    ways: dict[str, str | None] = {"torch-sim + nequip-compile": None}
    if device != "cpu" and importlib.util.find_spec("openequivariance"):
        ways["torch-sim + nequip-compile + OpenEquivariance"] = "enable_OpenEquivariance"
    found = {}
    for way, modifier in ways.items():
        try:
            found[way] = calculator(checkpoint, folder, device, modifier)
        except (subprocess.CalledProcessError, RuntimeError, ImportError) as error:
            print(f"{way}: {error}")
    return found


def rows(checkpoint: Path | None, folder: Path, device: str, least: float) -> Iterator[Row]:
    """All ways on one device."""
    models = committee(checkpoint, device)
    others = foreign(checkpoint, folder, device) if checkpoint else {}
    for repeat, replicas in SIZES[device]:
        starts, atoms = displaced(replicas, repeat), 8 * repeat**3 * replicas
        ways = {
            "own loop": own(models, starts, dynamics),
            "torch-sim adapter": own(models, starts, torchsim),
        }
        ways |= {way: official(other, starts) for way, other in others.items()}
        for way, run in ways.items():
            found = rate(run, atoms, device, least)
            facts = {"device": device, "atoms": atoms // replicas, "replicas": replicas}
            yield {**facts, "way": way, "atom_steps_per_s": found}


def main(arguments: Sequence[str] | None = None) -> pd.DataFrame:
    """Print the table, and write it with versions."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path, nargs="?", help="a NequIP checkpoint of Na and Cl")
    parser.add_argument("--packages", type=Path, help="folder of what nequip-compile has made")
    parser.add_argument("--seconds", type=float, default=2.0, help="of every measurement")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    found = []
    with tempfile.TemporaryDirectory() as name:
        folder = options.packages or Path(name)
        for device in ["cuda", "cpu"] if torch.cuda.is_available() else ["cpu"]:
            for row in rows(options.checkpoint, folder, device, options.seconds):
                found.append(row)
                print(row, flush=True)
    table = pd.DataFrame(found)
    alone = (table["device"] == "cpu") & (table["replicas"] == 1) & (table["way"] == "own loop")
    core = table[alone].set_index("atoms")["atom_steps_per_s"]
    table["times_one_core"] = table["atom_steps_per_s"] / table["atoms"].map(core)
    print(table.round(2).to_string(index=False))
    options.out.mkdir(parents=True, exist_ok=True)
    table.to_csv(options.out / "gpu_dynamics.csv", index=False)
    card = torch.cuda.get_device_name() if torch.cuda.is_available() else "none"
    versions = {name: importlib.metadata.version(name) for name in ("torch", "nequip", "e3nn")}
    facts = {"device": card, **versions, "members": MEMBERS}
    if card != "none":
        facts["memory_GB"] = memory("cuda")
    write_json(options.out / "gpu_dynamics.json", {**facts, **provenance.record()})
    return table


if __name__ == "__main__":
    main()
