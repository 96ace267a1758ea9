"""A misspelled calculator or parameter is an error before the first job."""

import pytest

from umklapp.errors import InputError
from umklapp.reference import calculators


def check(path, **parameters):
    calculators.check(path, parameters, "reference")


def test_calculators_that_can_be_made():
    check("ase.calculators.emt:EMT")
    check("ase.calculators.emt:EMT", asap_cutoff=True)
    check("ase.calculators.lj:LennardJones", epsilon=0.0103, sigma=3.4, rc=8.0)
    check("silicon:StillingerWeberSilicon")
    check("umklapp.testbed:DoubleWellCrystal")
    check("ase.calculators.vasp:Vasp", any_tag_of_the_program=3)  # not made: no program here


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("ase.calculators.emtt:EMT", "No module named"),
        ("ase.calculators.emt:ETM", "has no 'ETM'; did you mean 'EMT'"),
        ("ase.calculators.emt", "has no 'class'"),
    ],
)
def test_a_misspelled_calculator(path, message):
    with pytest.raises(InputError, match=rf"reference\.calculator: .*imported: .*{message}"):
        check(path)


def test_a_misspelled_parameter_is_named_with_the_nearest():
    """ASE's base class takes it in silence, and labels would be those of the defaults."""
    with pytest.raises(InputError, match=r"no parameter 'epsilom'; did you mean 'epsilon'"):
        check("ase.calculators.lj:LennardJones", epsilom=0.0103)
    with pytest.raises(InputError, match=r"no parameter 'softnes'"):
        check("silicon:StillingerWeberSilicon", softnes=1)


def test_a_value_that_the_calculator_refuses():
    with pytest.raises(InputError, match=r"reference\.parameters: .*FileNotFoundError"):
        check("ase.calculators.eam:EAM", potential="gone.eam.alloy")
