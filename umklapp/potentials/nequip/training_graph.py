"""Whether a training runs on NequIP's compiled training graph, or on its eager modules.

The Snakefile says in `$UMKLAPP_COMPILE` (`campaign.devices`) what `potential.compile` asks for: how
fast a training is makes it no other training. Both ways give the same loss and gradients up to
rounding. See `benchmarks/training_speed.py`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch._dynamo.exc
import torch._inductor.exc
from ase import Atoms
from nequip.model.utils import override_model_compile_mode

from umklapp import config
from umklapp.potentials.nequip.graph_cache import compiler

VARIABLE = "UMKLAPP_COMPILE"

ERRORS = (
    torch._dynamo.exc.TorchDynamoException,
    torch._inductor.exc.InductorError,
    torch._inductor.exc.CppCompileError,
    AssertionError,
)
"""Where a graph cannot be compiled, or NequIP finds that it gives other numbers."""

PAYS = 2_000_000
"""Atoms in all epochs together from which `auto` compiles: about twice as many as pay for compiling
on one core (docs/training.md)."""


def asked(training: Sequence[Atoms], settings: config.Potential) -> bool:
    """Whether a training is to be compiled.

    With `auto` where its epochs hold so many atoms that it pays, and where batches have more than
    one frame: NequIP runs a batch of one frame on its eager modules.

    Args:
        training: frames that train. settings: of this training; `epochs` is its largest number.
    """
    wanted = os.environ.get(VARIABLE, "auto")
    options = settings.training
    if wanted != "auto" or options.batch_size == 1:
        return wanted == "always" and options.batch_size > 1
    return options.epochs * sum(map(len, training)) >= PAYS and compiler() is not None


@contextmanager
def graphs(compiled: bool) -> Iterator[None]:
    """Modules that are built in this context train on the compiled graph, or on eager modules."""
    with override_model_compile_mode("compile" if compiled else "eager"):
        yield
