"""ASE calculators of foundation models in the worker: one per model, asked many times."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any, BinaryIO

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator, PropertyNotImplementedError

from .frames import Frame, frames_of
from .messages import Arrays
from .serving import Answer

PACKAGES = ("nequix", "jax", "sevenn", "mace-torch", "chgnet", "torch", "ase", "numpy")
"""Whose versions are told, where they are installed."""


class Calculators:
    """Foundation models of one process, by number."""

    def __init__(self, environment: str, answers: BinaryIO) -> None:
        self.models: dict[int, Calculator] = {}
        self.count = 0

    def hello(self, header: dict[str, Any], arrays: Arrays) -> Answer:
        """Versions of what runs here."""
        return {"versions": versions()}, {}

    def load(self, header: dict[str, Any], arrays: Arrays) -> Answer:
        """Make a calculator: by `path` the weights of nequix, else `calculator` by import path."""
        self.count += 1
        if "path" in header:
            from .nequix_model import calculator

            self.models[self.count] = calculator(header["path"], header["cache"])
        else:
            self.models[self.count] = named(header["calculator"], header["parameters"])
        return {"model": self.count}, {}

    def evaluate(self, header: dict[str, Any], arrays: Arrays) -> Answer:
        """Energies (n,) eV, forces (ΣN, 3) eV/Å, stresses (n, 6) eV/Å³ of one model."""
        calculator = self.models[header["model"]]
        results = [predict(calculator, frame) for frame in frames_of(arrays)]
        energy, forces, stress = zip(*results, strict=True)
        return {}, {
            "energy": np.array(energy, float),
            "forces": np.concatenate(forces).astype(float),
            "stress": np.array(stress, float),
        }


def versions() -> dict[str, str]:
    """Of the packages that a model may come from."""
    installed = {}
    for package in PACKAGES:
        try:
            installed[package] = version(package)
        except PackageNotFoundError:
            continue
    return installed


def named(path: str, parameters: Mapping[str, Any]) -> Calculator:
    """The calculator that `module:Class` (or a function) gives."""
    module, _, name = path.partition(":")
    return getattr(import_module(module), name)(**parameters)


def predict(calculator: Calculator, frame: Frame) -> tuple[float, np.ndarray, np.ndarray]:
    """Energy eV, forces (N, 3) eV/Å, stress (6,) eV/Å³, NaN where the model has none."""
    atoms = Atoms(frame.numbers, positions=frame.positions, cell=frame.cell, pbc=True)
    atoms.calc = calculator
    energy, forces = atoms.get_potential_energy(), atoms.get_forces()
    try:
        stress = atoms.get_stress()
    except PropertyNotImplementedError:
        stress = np.full(6, np.nan)
    return float(energy), np.array(forces), np.array(stress)
