"""Potentials behind one contract: NequIP, any ASE calculator, a harmonic baseline, committees."""
