"""Campaigns whose jobs share their imports."""

import pytest


@pytest.fixture(scope="session", autouse=True)
def shared_imports(forks):
    """The server is there; test_campaign.environment says who uses it."""
