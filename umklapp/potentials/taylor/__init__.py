"""A Taylor expansion of the energy of one supercell, regressed from forces, and NequIP on it."""
