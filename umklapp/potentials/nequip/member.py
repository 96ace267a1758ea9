"""The network of a NequIP checkpoint in training, and the way back into a checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from hydra.utils import get_class
from nequip.model.utils import override_model_compile_mode
from nequip.nn import GraphModel
from nequip.train.ema import EMALightningModule, EMAWeights
from nequip.utils.global_state import set_global_state

from umklapp.errors import InputError
from umklapp.logs import without_warnings
from umklapp.potentials import checkpoints
from umklapp.potentials.nequip import checkpoint_file


class Member:
    """The network of a NequIP checkpoint in training, and the way back into a checkpoint.

    Whatever the builder, the graph model must take `hvp_vector` and give `hvp`.
    """

    def __init__(self, checkpoint: dict[str, Any], module: EMALightningModule) -> None:
        self.checkpoint, self.module = checkpoint, module
        self.network: GraphModel = next(iter(module.evaluation_model.values()))  # averaged weights
        self.weights = list(module.model.parameters())
        for weight in self.weights:
            weight.requires_grad_(True)

    @classmethod
    def load(cls, path: Path, compiled: bool = False) -> Member:
        """The member of a checkpoint, starting from its averaged weights.

        Raises:
            InputError: the file is no NequIP checkpoint with averaged weights.
        """
        set_global_state()
        checkpoint = checkpoint_file.read(path)
        try:
            with without_warnings():
                information = checkpoint["hyper_parameters"]["info_dict"]
                kind = get_class(information["training_module"]["_target_"])
                with override_model_compile_mode("compile" if compiled else "eager"):
                    module = kind.load_from_checkpoint(path, map_location="cpu", weights_only=False)
        except Exception as error:  # torch, lightning and hydra have no common error
            raise InputError(f"{path}: cannot be loaded as a NequIP checkpoint: {error}") from None
        if not isinstance(module, EMALightningModule):
            raise InputError(f"{path}: the checkpoint has no averaged weights to fine-tune")
        return cls(checkpoint, module)

    def write(self, path: Path, weights: Sequence[torch.Tensor], decay: float) -> None:
        """Write the checkpoint with these weights, as its own and as its average, atomically.

        Args:
            decay: of the average, for a training that goes on from here.
        """
        with torch.no_grad():
            for parameter, weight in zip(self.weights, weights, strict=True):
                parameter.copy_(weight)
        self.module.ema = EMAWeights(self.module.model, decay)
        self.module.ema.update_parameters(self.module.model)
        state = {key: _on_cpu(value) for key, value in self.module.state_dict().items()}
        fresh = {"state_dict": state, "optimizer_states": [], "lr_schedulers": []}
        checkpoints.write(path, {**self.checkpoint, **fresh})


def _on_cpu(value: Any) -> Any:
    return value.cpu() if isinstance(value, torch.Tensor) else value
