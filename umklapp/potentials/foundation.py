"""Foundation models behind the potential contract, each in one calculator per process."""

from __future__ import annotations

import logging
import weakref
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from ase import Atoms

from umklapp.config.foundation import CalculatorModel, FoundationModel, NequixModel
from umklapp.errors import CalculationError, InputError
from umklapp.potentials.ase import AsePotential
from umklapp.potentials.calculator import PotentialCalculator
from umklapp.potentials.contract import Potential, Prediction
from umklapp.potentials.external import bridge
from umklapp.potentials.external.potential import packed
from umklapp.reference import calculators, foundation_weights
from umklapp.reference.foundation_weights import ModelIdentity

log = logging.getLogger(__name__)

COMPILED = Path("~/.cache/umklapp/nequix")
"""Compiled code of nequix, for later processes of this machine."""

LARGEST_MEAN_FORCE = 0.02
"""eV/Å; a mean force above that is no rounding: the model does not know that space is uniform."""

TARGET = "foundation-env"


def interpreter(model: FoundationModel) -> Path | None:
    """Python of a model's environment; None where it runs in this process.

    Raises:
        InputError: there is none, and how to make it.
    """
    if model.environment is None:
        return None
    user, target = (
        (model.calculator, None) if isinstance(model, CalculatorModel) else ("nequix", TARGET)
    )
    return bridge.python_of(model.environment, "model.environment", user, target)


class FoundationPotential:
    """A foundation model; the mean force of every frame is subtracted, and its size kept.

    Args:
        model: section of the configuration.

    Raises:
        InputError: environment, weights or calculator are missing or not what they should be.
        CalculationError: the worker of its environment fails.
    """

    def __init__(self, model: FoundationModel) -> None:
        self.identity: ModelIdentity = foundation_weights.identify(model)
        self.largest_mean_force = 0.0
        """eV/Å, over all frames so far."""
        python = interpreter(model)
        self._potential: Potential = (
            _in_process(model) if python is None else WorkerCalculator(model, python)
        )

    def evaluate(self, frames: Sequence[Atoms]) -> Prediction:
        """Energies, forces without their mean, and stresses of all frames.

        Raises:
            InputError: an element that the model does not know.
            CalculationError: the model fails, gives numbers that are not finite, or a mean force
                above `LARGEST_MEAN_FORCE`.
        """
        foundation_weights.check_elements(
            self.identity, {symbol for frame in frames for symbol in frame.symbols}
        )
        raw = self._potential.evaluate(frames)
        forces = []
        for frame, force in zip(frames, raw.forces, strict=True):
            if not np.isfinite(force).all():
                raise CalculationError(f"{self.identity.words}: forces of {frame.symbols} are nan")
            mean = force.mean(axis=0)
            self._notice(float(np.linalg.norm(mean)))
            forces.append(force - mean)
        return Prediction(raw.energy, forces, raw.stress)

    def _notice(self, size: float) -> None:
        if size > LARGEST_MEAN_FORCE:
            raise CalculationError(
                f"{self.identity.words}: the forces of a frame have the mean {size:.3g} eV/Å per "
                f"atom (at most {LARGEST_MEAN_FORCE} is subtracted): the energy of this model "
                "changes when the crystal is shifted; choose another model"
            )
        self.largest_mean_force = max(self.largest_mean_force, size)


class WorkerCalculator:
    """An ASE calculator in the worker of its environment, which all models there share."""

    def __init__(self, model: FoundationModel, python: Path) -> None:
        self.worker = bridge.shared("foundation", python)
        if isinstance(model, NequixModel):
            COMPILED.expanduser().mkdir(parents=True, exist_ok=True)
            answer, _ = self.worker.ask(
                "load",
                path=str(foundation_weights.weights(model).resolve()),
                cache=str(COMPILED.expanduser()),
            )
        else:
            answer, _ = self.worker.ask(
                "load", calculator=model.calculator, parameters=model.parameters
            )
        self.number: int = answer["model"]
        weakref.finalize(self, self.worker.unused.append, self.number)

    def evaluate(self, frames: Sequence[Atoms]) -> Prediction:
        """Energies, forces and stresses of all frames.

        Raises:
            CalculationError: of the worker.
        """
        if not frames:
            return Prediction(np.empty(0), [], np.empty((0, 6)))
        _, results = self.worker.ask("evaluate", packed(frames), model=self.number)
        parts = np.cumsum([len(frame) for frame in frames])[:-1]
        return Prediction(results["energy"], np.split(results["forces"], parts), results["stress"])


def _in_process(model: FoundationModel) -> AsePotential:
    assert isinstance(model, CalculatorModel)
    named = calculators.calculator_class(model.calculator, "model.calculator")
    return AsePotential(named(**model.parameters))


def calculator(model: FoundationModel) -> PotentialCalculator:
    """The model as an ASE calculator, for relaxation, dynamics and labels."""
    return PotentialCalculator(FoundationPotential(model))


def check(model: FoundationModel, species: Iterable[str], prefix: str) -> ModelIdentity:
    """What can be known of a model before the first job.

    Args:
        species: chemical symbols of all materials. prefix: of the key `model`, for messages:
            `foundation.` in a configuration, `--` on the command line.

    Raises:
        InputError: naming key and remedy: no environment, no weights and no network, another hash,
            another architecture, unknown elements; a calculator that cannot be imported or made.
    """
    try:
        identity = foundation_weights.identify(model)
        python = interpreter(model)
        foundation_weights.check_elements(identity, species)
        if python is None and isinstance(model, CalculatorModel):
            calculators.check(model.calculator, model.parameters, "model")
    except InputError as error:
        raise InputError(f"{prefix}{error}") from None
    return identity


def try_out(model: FoundationModel, primitives: Mapping[str, Atoms], prefix: str) -> list[str]:
    """What a calculator cannot do: one frame of every crystal, forces finite, and their sum 0.

    The forces of nequix are derivatives of an energy that knows no origin, and its weights name
    their elements: it is not started, which takes a minute.

    Args:
        primitives: by material. prefix: as for `check`.

    Returns:
        Sentences that name key, material and reason.
    """
    if isinstance(model, NequixModel):
        return []
    try:
        potential = FoundationPotential(model)
    except Exception as error:  # its environment cannot import it, or anything it raises itself
        return [f"{prefix}model: {model.calculator} cannot be made: {error}"]
    problems = []
    for material, primitive in primitives.items():
        frame = primitive.copy()
        frame.positions += np.random.default_rng(0).normal(scale=0.05, size=frame.positions.shape)
        try:
            potential.evaluate([frame])
        except Exception as error:  # calculators raise anything for an element that they lack
            problems.append(f"{prefix}model: cannot evaluate {material}: {error}")
    return problems
