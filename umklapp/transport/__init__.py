"""Thermal conductivity: the Boltzmann equation, Green–Kubo, lifetimes."""
