"""Born charges by ph.x: the parser on its output, and ph.x itself on AlAs where it is installed."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk

from umklapp import config
from umklapp.errors import CalculationError, InputError
from umklapp.reference import espresso_response

PSEUDO = Path("/usr/share/espresso/pseudo")
FILES = {"Al": "Al.pz-vbc.UPF", "As": "As.pz-bhs.UPF"}

OUTPUT = """
          Dielectric constant in cartesian axis

          (       9.183785231       0.100000000       0.000000000 )
          (       0.000000000       9.183785231       0.000000000 )
          (       0.000000000       0.000000000       9.183785231 )

          Effective charges (d Force / dE) in cartesian axis

           atom      1   Al
      Ex  (        2.16544        0.20000       -0.00000 )
      Ey  (        0.00000        2.16544       -0.00000 )
      Ez  (       -0.00000       -0.00000        2.16544 )
           atom      2   As
      Ex  (       -2.14409        0.00000        0.00000 )
      Ey  (        0.00000       -2.14409        0.00000 )
      Ez  (        0.00000        0.00000       -2.14409 )

          Effective charges (d Force / dE) in cartesian axis with asr applied:
           atom      1   Al
      Ex  (        1.00000        0.00000       -0.00000 )
"""


def settings(**more):
    return config.Espresso(
        **{"pseudo_dir": str(PSEUDO), "pseudopotentials": FILES, "ecut": 160.0} | more
    )


def test_the_charges_before_the_sum_rule_are_read_field_along_the_rows():
    charges, dielectric = espresso_response.parse(OUTPUT, 2)
    np.testing.assert_allclose(charges[0][0], [2.16544, 0.2, 0])
    np.testing.assert_allclose(charges[1], -2.14409 * np.eye(3))
    np.testing.assert_allclose(dielectric[0], [9.183785231, 0.1, 0])


def test_an_output_without_charges_is_named():
    with pytest.raises(InputError, match="is the crystal a metal"):
        espresso_response.parse("JOB DONE.", 2)


@pytest.mark.parametrize(
    ("more", "command"),
    [
        ({}, ["ph.x"]),
        ({"command": "mpirun -np 4 /opt/qe/bin/pw.x -nk 2"},
         ["mpirun", "-np", "4", "/opt/qe/bin/ph.x", "-nk", "2"]),
        ({"ph_command": "srun ph.x"}, ["srun", "ph.x"]),
    ],
)  # fmt: skip
def test_command_is_that_of_pw_with_another_name(more, command, monkeypatch):
    monkeypatch.delenv("UMKLAPP_ESPRESSO_COMMAND", raising=False)
    monkeypatch.delenv("UMKLAPP_PH_COMMAND", raising=False)
    assert espresso_response.command(settings(**more)) == command


def test_a_program_that_fails_is_quoted(tmp_path):
    with pytest.raises(CalculationError, match=r"Born charges of AlAs by ph\.x .*pw\.x ended"):
        espresso_response.calculate(
            settings(command="true"), bulk("AlAs", "zincblende", a=5.6), tmp_path
        )


@pytest.mark.slow
def test_aluminium_arsenide(tmp_path):
    """Z* 2.17, ε∞ 9.2 in the LDA (Giannozzi et al., Phys. Rev. B 43, 7231 (1991))."""
    if shutil.which("ph.x") is None or not all(
        (PSEUDO / name).is_file() for name in FILES.values()
    ):
        pytest.skip("ph.x or its pseudopotentials are not installed (Debian: quantum-espresso)")
    atoms = bulk("AlAs", "zincblende", a=5.6)
    found, words = espresso_response.calculate(settings(), atoms, tmp_path)
    assert found.charges[0, 0, 0] == pytest.approx(2.17, abs=0.05)
    assert found.dielectric[0, 0] == pytest.approx(9.2, abs=0.3)
    np.testing.assert_allclose(found.charges.sum(axis=0), 0, atol=1e-12)
    assert words.startswith("ph.x, 4×4×4 k-points, sum rule broken by 0.02 e")
