"""nequix on the processor: one thread, few sizes of graphs, and compiled code that is kept."""

from __future__ import annotations

import os

# before JAX is imported: one thread per process, as everywhere
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault(
    "XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
)

import jax
import jraph
from nequix.calculator import NequixCalculator

LEAST_ATOMS, LEAST_EDGES = 16, 512
"""Smallest graph; smaller ones are filled up to it."""

GROWTH = 1.25
"""Between one size of graphs and the next: compiling takes longer than the atoms that fill up."""


def size(count: int, least: int) -> int:
    """The size of a graph that has room for so many atoms or edges."""
    while least < count:
        least = int(least * GROWTH) + 1
    return least


class PaddedNequix(NequixCalculator):
    """Graphs in few sizes, so that many crystals share compiled code."""

    def _pad_graph_jax(
        self, graph: jraph.GraphsTuple, numbers_changed: bool = False
    ) -> jraph.GraphsTuple:
        atoms, edges = int(graph.n_node[0]), int(graph.n_edge[0])
        return jraph.pad_with_graphs(
            graph, n_node=size(atoms + 1, LEAST_ATOMS), n_edge=size(edges, LEAST_EDGES), n_graph=2
        )


def calculator(path: str, cache: str) -> NequixCalculator:
    """The model of a file of weights (.nqx).

    Args:
        cache: folder where compiled code is kept; later processes load it in a third of the time.
    """
    jax.config.update("jax_compilation_cache_dir", cache)
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    return PaddedNequix(model_path=path, backend="jax", use_kernel=False)
