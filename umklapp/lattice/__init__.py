"""Derivatives of the energy: σᴬ, force constants of second and third order, phonons, elasticity."""
