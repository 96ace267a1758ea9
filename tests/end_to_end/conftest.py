"""Campaigns whose jobs share their imports."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import forked_jobs
import pytest


@pytest.fixture(scope="session", autouse=True)
def forks() -> Iterator[None]:
    """The server that forks jobs; test_campaign.environment says who uses it."""
    with (
        tempfile.TemporaryDirectory() as folder,
        forked_jobs.server(Path(folder) / "socket") as socket,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv(forked_jobs.VARIABLE, str(socket))
        yield
