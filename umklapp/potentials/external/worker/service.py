"""What the worker of a backend answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch

from . import architectures, loop
from .frames import frames_of
from .messages import Arrays, send
from .model import Model, chunks
from .serving import Answer


class Service:
    """Models of one backend, by number."""

    def __init__(self, backend: str, answers: BinaryIO) -> None:
        torch.set_num_threads(1)
        self.backend, self.answers = backend, answers
        self.models: dict[int, Model] = {}
        self.count = 0

    def hello(self, header: dict[str, Any], arrays: Arrays) -> Answer:
        """Versions of what runs here."""
        return {"versions": architectures.versions(self.backend)}, {}

    def load(self, header: dict[str, Any], arrays: Arrays) -> Answer:
        """Take the model of a file (`potential.write`): two lines of text, then the weights."""
        self.count += 1
        with Path(header["path"]).open("rb") as file:
            file.readline()
            model = Model(self.backend, json.loads(file.readline())["options"])
            model.restore(file)
        model.network.eval()
        for parameter in model.network.parameters():
            parameter.requires_grad_(False)
        self.models[self.count] = model
        return {"model": self.count}, {}

    def evaluate(self, header: dict[str, Any], arrays: Arrays) -> Answer:
        """Energies (K, n), forces (K, ΣN, 3), stresses (K, n, 6) by K models of one shape."""
        models = [self.models[model_number] for model_number in header["models"]]
        rows: list[list[Arrays]] = [[] for _ in models]
        for group in chunks(frames_of(arrays)):
            batch = models[0].batch(group)
            for row, model in zip(rows, models, strict=True):
                row.append(model.predict(batch))
        names = ("energy", "forces", "stress")
        return {}, {
            name: np.stack(
                [np.concatenate([prediction[name] for prediction in row]) for row in rows]
            )
            for name in names
        }

    def features(self, header: dict[str, Any], arrays: Arrays) -> Answer:
        """Invariant features (ΣN, K d) by K models of one shape."""
        models = [self.models[model_number] for model_number in header["models"]]
        rows = []
        for group in chunks(frames_of(arrays)):
            batch = models[0].batch(group)
            rows.append(np.concatenate([model.features(batch) for model in models], axis=1))
        return {}, {"features": np.concatenate(rows)}

    def hessian_vector_product(self, header: dict[str, Any], arrays: Arrays) -> Answer:
        """∂²E/∂R∂R · vector of one frame by one model."""
        frame, model = frames_of(arrays)[0], self.models[header["model"]]
        return {}, {"product": model.hessian_vector_product(frame, arrays["vector"])}

    def train(self, header: dict[str, Any], arrays: Arrays) -> Answer:
        """Train a model; messages about epochs come before the answer."""
        settings, seed = header["settings"], header["seed"]
        training, validation = (
            loop.labels_of(arrays, prefix, settings["cutoff"])
            for prefix in ("training_", "validation_")
        )
        if header["parent"] is None:
            options = {
                "settings": settings,
                "species": header["species"],
                "seed": seed,
                **training.statistics(),
            }
            model = Model(self.backend, options)
        else:
            with Path(header["parent"]).open("rb") as file:
                file.readline()
                options = json.loads(file.readline())["options"]
                model = Model(self.backend, options)
                model.restore(file)

        def progress(event: dict[str, Any]) -> None:
            send(self.answers, {"event": event}, {})

        scratch = Path(header["scratch"])
        rows = loop.run(model, training, validation, settings, seed, scratch, progress)
        return {"rows": rows, "options": options}, {}
