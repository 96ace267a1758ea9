"""One request after the other until the worker's input is closed."""

from __future__ import annotations

import sys
import traceback
from typing import Any, BinaryIO, Protocol

from .messages import Arrays, receive, send

Answer = tuple[dict[str, Any], Arrays]


class Service(Protocol):
    """Models by number, and a method for each kind of request: `(header, arrays) -> Answer`."""

    models: dict[int, Any]


def serve(service: Service, requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer requests; an error in one is its answer, and stands in the log (standard error)."""
    while (message := receive(requests)) is not None:
        header, arrays = message
        for model_number in header.pop("forget"):
            service.models.pop(model_number, None)
        try:
            answer = getattr(service, header["request"])(header, arrays)
        except Exception as error:  # whatever a package raises is told to who asked
            traceback.print_exc(file=sys.stderr)
            sys.stderr.flush()
            text = f"{type(error).__name__}: {error}".splitlines()[0]
            answer = {"error": text}, {}
        send(answers, *answer)
