"""Compiled graphs and the cache in which all campaigns on a machine share them.

Compiling takes as long as a round's training, so it is done once per architecture, version of
torch, processor and device.
"""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from nequip.utils.fx import _nequip_make_fx
from torch.utils.cpp_extension import CUDA_HOME

from umklapp.errors import CalculationError
from umklapp.files import replacing
from umklapp.potentials.nequip import convolution
from umklapp.potentials.nequip.slot_network import SlotNetwork

log = logging.getLogger(__name__)


EXAMPLE = (11, 7)
"""Atoms and slots of the example that is traced: sizes that no weight has."""


def example(network: SlotNetwork, device: str, types: int) -> list[torch.Tensor]:
    """Inputs to trace with."""
    generator = np.random.default_rng(0)
    n_atoms, width = EXAMPLE
    arrays = (
        generator.normal(size=(n_atoms, width, 3)),
        generator.integers(n_atoms, size=(n_atoms, width)),
        generator.integers(types, size=n_atoms),
        generator.integers(convolution.INTERVALS, size=(n_atoms, width)),
        generator.random((n_atoms, width)),
        *(generator.normal(size=(n_atoms, *shape)) for shape in network.EXTRA),
    )
    return [torch.from_numpy(array).to(device) for array in arrays]


def compile_graph(network: SlotNetwork, types: int, device: str, out: Path) -> float:
    """Compile to `out`, atomically; returns the seconds it took."""
    began = time.monotonic()
    network = network.to(device)
    weights = [value.to(device) for value in network.weights]
    inputs = example(network, device, types)
    inputs[4] = inputs[4].to(torch.float64 if weights[0].dtype == torch.float64 else torch.float32)
    traced = _nequip_make_fx(network, [*inputs, *weights])
    atoms, slots = torch.export.Dim("atoms", min=2), torch.export.Dim("slots", min=2)
    edge = {0: atoms, 1: slots}
    extra = ({0: atoms} for _ in network.EXTRA)
    shapes = (edge, edge, {0: atoms}, edge, edge, *extra, *({} for _ in weights))
    program = torch.export.export(traced, (*inputs, *weights), dynamic_shapes=shapes)
    with replacing(out) as part:
        torch._inductor.aoti_compile_and_package(program, package_path=str(part))
    return time.monotonic() - began


def compiler() -> str | None:
    """The C++ compiler: `$CXX`, else g++ or clang++; None where there is none."""
    name = os.environ.get("CXX") or next(filter(shutil.which, ("g++", "clang++")), None)
    return name if name and shutil.which(name) else None


def cache_folder() -> Path:
    """`$UMKLAPP_CACHE`, else `umklapp` in the user's cache folder."""
    chosen = os.environ.get("UMKLAPP_CACHE")
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(chosen) if chosen else Path(base) / "umklapp"


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # released with the file, also by a crash
        yield


def obtain(network: SlotNetwork, types: int, device: str) -> tuple[Path, float]:
    """The compiled graph from the cache, compiled if it is not there; and the seconds that took.

    Two jobs that want the same graph at once compile it once.

    Raises:
        CalculationError: there is no C++ compiler or CUDA toolkit, or compiling failed.
    """
    folder = cache_folder() / "engines"
    folder.mkdir(parents=True, exist_ok=True)
    key = network.key(device)
    package = folder / f"{key}.pt2"
    with _locked(folder / f"{key}.lock"):
        if package.exists():
            return package, 0.0
        if (with_compiler := compiler()) is None:
            wanted = os.environ.get("CXX") or "g++ or clang++"
            raise CalculationError(f"no C++ compiler ({wanted}); set CXX")
        if device.startswith("cuda") and CUDA_HOME is None:
            raise CalculationError(
                "no CUDA toolkit: a graph for a GPU is compiled with it; load the module, or set "
                "CUDA_HOME to the folder with bin/nvcc"
            )
        log.info(
            f"compiling the architecture with {with_compiler} (one to four minutes, once per "
            "machine)"
        )
        try:
            seconds = compile_graph(network, types, device, package)
        except Exception as error:  # torch, inductor and the compiler have no common error
            raise CalculationError(f"the architecture cannot be compiled: {error}") from error
        log.info(f"compiled in {seconds:.0f} s: {package}")
        return package, seconds
