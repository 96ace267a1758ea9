"""A trained potential of a backend in an environment of its own, and many of them as one."""

from __future__ import annotations

import json
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols

from umklapp import provenance
from umklapp.errors import CalculationError, InputError
from umklapp.files import replacing
from umklapp.potentials.contract import CommitteePrediction, Prediction, spread_of_forces
from umklapp.potentials.external import bridge

FIRST_LINE = "umklapp potential 1"


def write(path: Path, backend: str, options: dict[str, Any], weights: bytes, **more: Any) -> None:
    """Write a model, atomically: a line that says what it is, one of json, the weights.

    Args:
        options: of the architecture (`worker.architectures.build`).
        more: facts for the record.
    """
    header = provenance.record(backend=backend, options=options, **more)
    with replacing(path) as part:
        part.write_bytes(f"{FIRST_LINE}\n{json.dumps(header)}\n".encode() + weights)


def read(path: Path) -> dict[str, Any] | None:
    """Header of a model; None if the file is none of this kind.

    Raises:
        InputError: it is, but its header is broken.
    """
    try:
        with Path(path).open("rb") as file:
            if file.readline(64) != f"{FIRST_LINE}\n".encode():
                return None
            return json.loads(file.readline())
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error}") from None
    except ValueError as error:
        raise InputError(f"{path}: not a whole model: {error}") from None


class ExternalPotential:
    """A trained model, evaluated by the worker of its backend.

    Args:
        path: written by `write`. worker: by default the one that all models of the backend share.

    Raises:
        InputError: not such a file, or its environment is missing.
        CalculationError: the worker cannot load it.
    """

    def __init__(self, path: Path, worker: bridge.Worker | None = None) -> None:
        header = read(path)
        if header is None:
            raise InputError(f"{path}: not a model of a backend with its own environment")
        self.backend, options = header["backend"], header["options"]
        if worker is None:
            python = bridge.interpreter(self.backend, header.get("environment"))
            worker = bridge.shared(self.backend, python)
        self.worker, self.species = worker, options["species"]
        self.cutoff = float(options["settings"]["cutoff"])
        self.shape = (self.cutoff, tuple(self.species), options["settings"]["dtype"])
        answer, _ = worker.ask("load", path=str(Path(path).resolve()))
        self.model_number: int = answer["model"]
        weakref.finalize(self, worker.unused.append, self.model_number)

    def evaluate(self, frames: Sequence[Atoms]) -> Prediction:
        """Energies, forces and stresses of all frames.

        Raises:
            CalculationError: a frame has a species that the model was not trained on; the worker
                has failed.
        """
        return ExternalMembers([self]).evaluate(frames).mean

    def hessian_vector_product(self, atoms: Atoms, vector: np.ndarray) -> np.ndarray:
        """∂²E/∂R∂R · vector; vector and result: (n_atoms, 3)."""
        self.check([atoms])
        arrays = {**packed([atoms]), "vector": np.array(vector, float)}
        _, answer = self.worker.ask("hessian_vector_product", arrays, model=self.model_number)
        return answer["product"]

    def features(self, frames: Sequence[Atoms]) -> list[np.ndarray]:
        """Invariant features: n_frames arrays (n_atoms, d)."""
        return ExternalMembers([self]).features(frames)

    def check(self, frames: Sequence[Atoms]) -> None:
        """Raise `CalculationError` for a species that the model does not know."""
        for frame in frames:
            if unknown := set(frame.numbers.tolist()) - set(self.species):
                species = sorted(chemical_symbols[n] for n in self.species)
                names = sorted(chemical_symbols[n] for n in unknown)
                raise CalculationError(f"the model knows {species}, the frame has {names}")


class ExternalMembers:
    """Members of one architecture in one worker: every frame goes there once for all of them.

    Raises:
        InputError: the members are of different backends or architectures.
    """

    def __init__(self, members: Sequence[ExternalPotential]) -> None:
        self.members = list(members)
        first = self.members[0]
        if any(
            member.worker is not first.worker or member.shape != first.shape for member in members
        ):
            raise InputError("the members are of different backends or architectures")
        self.worker = first.worker

    def neighbours(self, frames: Sequence[Atoms], skin: float) -> None:
        """None: the worker finds its own."""

    def evaluate(
        self,
        frames: Sequence[Atoms],
        neighbours: object = None,
        members: Sequence[int] | None = None,
        stress: bool = True,
    ) -> CommitteePrediction:
        """Energies, forces and stresses of all frames by each of the members (default: all).

        Args:
            neighbours, stress: not used; the worker finds its own, and always gives stresses.
        """
        chosen = self.members if members is None else [self.members[n] for n in members]
        if not frames:
            nothing = np.empty((len(chosen), 0))
            return CommitteePrediction(nothing, [], np.empty((len(chosen), 0, 6)), [])
        chosen[0].check(frames)
        numbers = [member.model_number for member in chosen]
        _, answer = self.worker.ask("evaluate", packed(frames), models=numbers)
        parts = np.cumsum([len(frame) for frame in frames])[:-1]
        return CommitteePrediction(
            answer["energy"],
            np.split(answer["forces"], parts, axis=1),
            answer["stress"],
            np.split(spread_of_forces(answer["forces"]), parts),
        )

    def features(self, frames: Sequence[Atoms]) -> list[np.ndarray]:
        """Invariant features by all members, n arrays (n_atoms, K d)."""
        if not frames:
            return []
        self.members[0].check(frames)
        numbers = [member.model_number for member in self.members]
        _, answer = self.worker.ask("features", packed(frames), models=numbers)
        return np.split(answer["features"], np.cumsum([len(frame) for frame in frames])[:-1])


def packed(frames: Sequence[Atoms]) -> dict[str, np.ndarray]:
    """Frames as a worker takes them."""
    return {
        "sizes": np.array([len(frame) for frame in frames]),
        "numbers": np.concatenate([frame.numbers for frame in frames]).astype(np.int64),
        "positions": np.concatenate([frame.positions for frame in frames]),
        "cells": np.array([frame.cell.array for frame in frames]),
    }
