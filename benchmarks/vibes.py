"""Reading a long FHI-vibes trajectory: throughput and peak memory against reading it at once.

The real MgO trajectory of ../shared/data/vibes (64 atoms, 31 steps) is repeated until the file has
the wanted size, as `.son` and as `.nc` (atomic stresses included in every fifth step, as there).
Every way of reading runs in a process of its own, whose peak memory is that of the kernel.

Plain ways: all documents through `json` into a list, then arrays (what FHI-vibes' `son.load` does);
all variables of the `.nc` into memory, as an xarray data set is when it is used. Ours: labelled
frames one after the other, none kept (`stream`), kept (`keep`), every tenth kept (`thin`).
"""

from __future__ import annotations

import argparse
import json
import platform
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from ase import Atoms, units
from ase.calculators.singlepoint import SinglePointCalculator

from umklapp import provenance
from umklapp.crystals.formats import given, vibes
from umklapp.files import write_json

HERE = Path(__file__).resolve().parent
SOURCE = HERE.parents[1] / "shared/data/vibes/mgo_aimd.son"
WAYS = {
    "son": ("count", "stream", "keep", "thin", "plain json"),
    "nc": ("count", "stream", "keep", "thin", "plain h5py"),
}


def grow_son(path: Path, megabytes: float) -> int:
    """Repeat the steps of the source; number of steps."""
    text = SOURCE.read_text()
    head, steps = re.split(r"\n===\n", text, maxsplit=1)
    blocks = [block for block in re.split(r"\n---\n?", steps) if block.strip()]
    times = max(1, round(megabytes * 1e6 / len(text)))
    with path.open("w") as file:
        file.write(head + "\n===\n")
        for _ in range(times):
            for block in blocks:
                file.write(block.rstrip("\n") + "\n---\n")
    return times * len(blocks)


def grow_nc(path: Path, times: int) -> None:
    """The same steps as the netCDF file of `vibes output md`."""
    steps = list(vibes.read(SOURCE, atomic_stresses=True))
    none = np.full((3, 3), np.nan)
    columns = {
        "positions": [step.positions for step in steps],
        "velocities": [step.velocities / units.fs for step in steps],
        "forces": [step.forces for step in steps],
        "energy_potential": [step.energy for step in steps],
        "cell": [step.cell for step in steps],
        "stress_potential": [none if s.stress is None else s.stress for s in steps],
        "stresses_potential": [
            np.full((64, 3, 3), np.nan) if s.stresses is None else s.stresses for s in steps
        ],
    }
    with h5py.File(path, "w") as file:
        for name, values in columns.items():
            data = np.array(values)
            made = file.create_dataset(
                name, (times * len(data), *data.shape[1:]), "f8", chunks=(1, *data.shape[1:])
            )
            for number in range(times):
                made[number * len(data) : (number + 1) * len(data)] = data
        file["time"] = 4.0 * np.arange(times * len(steps))
        file.attrs["symbols"] = steps[0].symbols
        file.attrs["masses"] = steps[0].masses


def plain_json(path: Path) -> int:
    """Everything at once, through json."""
    head, steps = re.split(r"\n===\n", path.read_text(), maxsplit=1)
    documents = [json.loads(text) for text in re.split(r"\n---\n?", steps) if text.strip()]
    symbols = json.loads(head)["atoms"]["symbols"]
    found = []
    for each in documents:
        atoms = Atoms(symbols, positions=each["atoms"]["positions"], pbc=True)
        results = each["calculator"]
        atoms.calc = SinglePointCalculator(
            atoms, energy=results["energy"], forces=np.array(results["forces"])
        )
        found.append(atoms)
    return len(found)


def plain_h5py(path: Path) -> int:
    """Every variable in memory."""
    with h5py.File(path) as file:
        data = {name: file[name][()] for name in file}
    return len(data["positions"])


def peak_memory() -> float:
    """Largest resident memory of this process (MB); ru_maxrss would hold the parent's as well."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return round(int(found[1]) * 1.024e-3, 1) if found else float("nan")


def one(path: Path, way: str) -> dict[str, Any]:
    """One way of reading, in this process."""
    before = peak_memory()
    begin = time.perf_counter()
    if way == "count":
        frames = given.count(path)
    elif way == "stream":
        frames = sum(1 for _ in given.read(path))
    elif way == "keep":
        frames = len(list(given.read(path)))
    elif way == "thin":
        frames = len(list(given.read(path, every=10)))
    else:
        frames = plain_json(path) if way == "plain json" else plain_h5py(path)
    seconds = time.perf_counter() - begin
    peak = peak_memory()
    return {
        "frames": frames,
        "seconds": round(seconds, 3),
        "MB_per_s": round(path.stat().st_size / 1e6 / seconds, 1),
        "peak_MB": peak,
        "peak_before_MB": before,
    }


def main() -> None:
    """Make the files, read them in every way, write the numbers."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megabytes", type=float, default=750.0, help="of the .son file")
    parser.add_argument("--out", type=Path, default=HERE / "results/vibes.json")
    parser.add_argument("--one", nargs=2, metavar=("FILE", "WAY"), help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.one:
        print(json.dumps(one(Path(chosen.one[0]), chosen.one[1])))
        return
    rows: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        files = {kind: Path(folder) / f"trajectory.{kind}" for kind in WAYS}
        steps = grow_son(files["son"], chosen.megabytes)
        grow_nc(files["nc"], steps // 31)
        for kind, path in files.items():
            rows[kind] = {"file_MB": round(path.stat().st_size / 1e6, 1), "ways": {}}
            with path.open("rb") as file:  # every way finds the file in the page cache
                while file.read(1 << 22):
                    pass
            for way in WAYS[kind]:
                command = [sys.executable, __file__, "--one", str(path), way]
                done = subprocess.run(command, capture_output=True, text=True, check=True)
                rows[kind]["ways"][way] = json.loads(done.stdout.splitlines()[-1])
                print(kind, way, rows[kind]["ways"][way], flush=True)
    record = provenance.record(
        machine=platform.processor() or platform.machine(), source=SOURCE.name
    )
    write_json(chosen.out, {**rows, **record})


if __name__ == "__main__":
    main()
