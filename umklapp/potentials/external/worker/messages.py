"""Messages between umklapp and a worker: a json header and arrays, nothing pickled.

8 bytes with the length of the header, the header (its key `arrays` lists name, type and shape),
then the arrays one after the other.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping
from typing import IO, Any

import numpy as np

Arrays = dict[str, np.ndarray]
LENGTH = struct.Struct(">Q")


def send(stream: IO[bytes], header: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
    """Write one message; raises OSError where nobody reads any more."""
    plain = {name: np.ascontiguousarray(value) for name, value in arrays.items()}
    listed = [[name, value.dtype.str, list(value.shape)] for name, value in plain.items()]
    text = json.dumps({**header, "arrays": listed}).encode()
    stream.write(LENGTH.pack(len(text)))
    stream.write(text)
    for value in plain.values():
        stream.write(value.tobytes())
    stream.flush()


def receive(stream: IO[bytes]) -> tuple[dict[str, Any], Arrays] | None:
    """Read one message; None where the other side has closed its end.

    Raises:
        EOFError: it was closed within a message.
    """
    first = stream.read(LENGTH.size)
    if not first:
        return None
    header = json.loads(_exactly(stream, LENGTH.unpack(first)[0]))
    arrays = {}
    for name, kind, shape in header.pop("arrays"):
        dtype = np.dtype(kind)
        content = _exactly(stream, dtype.itemsize * math.prod(shape))
        arrays[name] = np.frombuffer(content, dtype).reshape(shape)
    return header, arrays


def _exactly(stream: IO[bytes], count: int) -> bytes:
    content = stream.read(count)
    if len(content) < count:
        raise EOFError("the message ends early")
    return content
