"""Cheap surfaces by name, and the tries that show one to be wrong for a crystal."""

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.lj import LennardJones
from conftest import diamond, label, rattled
from silicon import DivergingSilicon, StillingerWeberSilicon, StresslessSilicon

from umklapp import config
from umklapp.errors import InputError
from umklapp.potentials import empirical, surfaces
from umklapp.potentials.ase import AsePotential


def named(calculator, **parameters):
    return surfaces.create(config.CalculatorSurface(calculator=calculator, parameters=parameters))


def test_matscipy_by_name_is_stillinger_and_weber():
    potential = named(
        "umklapp.potentials.empirical:manybody",
        form="stillinger_weber",
        parameters="Stillinger_Weber_PRB_31_5262_Si",
    )
    atoms = rattled(1)
    found = potential.evaluate([atoms])
    assert found.energy[0] == pytest.approx(label(atoms).get_potential_energy(), abs=1e-6)
    assert surfaces.check(potential, diamond(), stress=True) == []


@pytest.mark.parametrize(
    ("parameters", "crystal", "energy"),
    [
        ("Tersoff_PRB_39_5566_Si_C", bulk("C", a=3.566, cubic=True), -7.37),
        ("Erhart_PRB_71_035211_SiC", bulk("SiC", "zincblende", a=4.359, cubic=True), -6.34),
    ],
)
def test_bond_order_potentials(parameters, crystal, energy):
    """Cohesive energies of the publications (eV per atom)."""
    calculator = empirical.manybody("tersoff_brenner", parameters)
    potential = AsePotential(calculator)
    found = potential.evaluate([crystal]).energy[0] / len(crystal)
    assert found == pytest.approx(energy, abs=0.05)
    surfaces.check(potential, crystal, stress=True)


def test_unknown_parameters_are_named():
    with pytest.raises(InputError, match="matscipy's forms are stillinger_weber"):
        named("umklapp.potentials.empirical:manybody", form="reax", parameters="x")
    with pytest.raises(InputError, match="Stillinger_Weber_PRB_31_5262_Si"):
        empirical.manybody("stillinger_weber", "Vashishta")


@pytest.mark.parametrize(
    ("calculator", "parameters", "words"),
    [
        ("no.such:Class", {}, "surface.calculator: 'no.such:Class' cannot be imported"),
        ("ase.calculators.emt:NoSuch", {}, "cannot be imported"),
        ("silicon:StillingerWeberSilicon", {"nonsense": 1}, "cannot be made: TypeError"),
    ],
)
def test_calculators_that_do_not_exist(calculator, parameters, words):
    with pytest.raises(InputError, match=words):
        named(calculator, **parameters)


def test_missing_species_is_told():
    emt = named("ase.calculators.emt:EMT")
    assert surfaces.check(emt, bulk("Cu", cubic=True), stress=True) == []
    with pytest.raises(InputError, match=r"cannot evaluate Si8: .*another surface"):
        surfaces.check(emt, diamond(), stress=False)


def test_no_interaction_is_told():
    """Atoms beyond the cutoff of a pair potential feel nothing of each other."""
    short = LennardJones(sigma=0.5, epsilon=0.01, rc=1.0)
    with pytest.raises(InputError, match="feel no force"):
        surfaces.check(AsePotential(short), diamond(), stress=False)


def test_species_without_parameters_are_told():
    silicon = empirical.manybody("stillinger_weber", "Stillinger_Weber_PRB_31_5262_Si")
    copper = diamond()
    copper.symbols[:] = "Cu"
    with pytest.raises(InputError, match="Stillinger_Weber_PRB_31_5262_Si has no Cu"):
        surfaces.check(AsePotential(silicon), copper, stress=False)


def test_numbers_that_are_not_finite_are_told():
    with pytest.raises(InputError, match="not finite: are the parameters"):
        surfaces.check(AsePotential(DivergingSilicon()), diamond(), stress=False)


class Hartree(StillingerWeberSilicon):
    """Energies in Hartree, forces in eV/Å."""

    def calculate(self, *arguments, **keywords):
        super().calculate(*arguments, **keywords)
        self.results["energy"] /= 27.2114


def test_wrong_units_are_told():
    with pytest.raises(InputError, match="energy in eV and forces in eV/Å are needed"):
        surfaces.check(AsePotential(Hartree()), diamond(), stress=False)


def test_stress_is_only_needed_by_npt():
    potential = AsePotential(StresslessSilicon())
    assert surfaces.check(potential, diamond(), stress=False) == []
    with pytest.raises(InputError, match="set ensemble to 'nvt'"):
        surfaces.check(potential, diamond(), stress=True)


def test_strange_density_is_noted():
    argon = LennardJones(sigma=3.4, epsilon=0.0104, rc=10.0)
    notes = surfaces.check(AsePotential(argon), bulk("Ar", a=4.2, cubic=True), stress=False)
    assert "GPa in the perfect crystal" in notes[0]
    assert np.isfinite(float(notes[0].split(" GPa")[0].split()[-1]))
