"""Potentials that live in a Python environment of their own, behind a worker process there."""
