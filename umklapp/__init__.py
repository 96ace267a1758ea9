"""Umklapp: from a table of crystals to trusted thermal conductivities.

Units everywhere: eV, Å, fs, K, eV/Å, eV/Å³, THz, W/(m K); stress has ASE's sign and Voigt order.
"""

from umklapp import processes

__version__ = "0.1.0"

processes.begin_process()
