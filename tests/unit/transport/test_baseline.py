"""κ by a model without labels, and with a few: held against finite displacements and the truth."""

import json
from dataclasses import replace

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.calculator import Calculator, all_changes
from silicon import StillingerWeberSilicon

from umklapp import config
from umklapp.crystals import frames, phonopy_cells
from umklapp.errors import CalculationError
from umklapp.lattice import force_constants
from umklapp.lattice.born_record import BornRecord
from umklapp.potentials.ase import AsePotential
from umklapp.potentials.foundation import FoundationPotential
from umklapp.report import zero_label
from umklapp.transport import baseline, bte, corrected_baseline
from umklapp.transport.baseline_record import Baseline, CorrectedBaseline

SILICON = "silicon:StillingerWeberSilicon"
CONDUCTIVITY = config.Conductivity(mesh=[5, 5, 5])  # on 3×3×3 κ jumps by 2 % with the lattice
NOT_POLAR = BornRecord(polar=False, charges_e=None, dielectric=None, words="not polar")


class Stronger(Calculator):
    """Silicon with all energies a fifth too large; its lattice is the same."""

    implemented_properties = ["energy", "forces", "stress"]  # noqa: RUF012

    def __init__(self):
        super().__init__()
        self.exact = StillingerWeberSilicon()

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        exact = self.atoms.copy()
        exact.calc = self.exact
        self.results = {
            "energy": 1.2 * exact.get_potential_energy(),
            "forces": 1.2 * exact.get_forces(),
            "stress": 1.2 * exact.get_stress(),
        }


class Unrelaxable(Stronger):
    """Says that the cell is under pressure, whatever its volume."""

    def calculate(self, *arguments, **keywords):
        super().calculate(*arguments, **keywords)
        self.results["stress"] = np.array([0.05, 0.05, 0.05, 0, 0, 0]) * (-1) ** self.count
        self.count += 1

    count = 0


def request(calculator=SILICON, **more):
    """What is asked, of a calculator."""
    section = {"model": {"package": "ase", "calculator": calculator, "functional": "SW"}, **more}
    return baseline.Request(
        config.Foundation.model_validate(section), config.Phonons(), CONDUCTIVITY
    )


def cells(lattice=5.431, symbols="Si", structure="diamond", times=2):
    primitive = bulk(symbols, structure, a=lattice)
    return primitive, phonopy_cells.supercell(primitive, (times * np.eye(3, dtype=int)).tolist())


def computed(request, of, folder):
    potential = FoundationPotential(request.foundation.model)
    return baseline.compute("Si-227", potential, of, NOT_POLAR, request, folder)


@pytest.fixture(scope="module")
def strained(tmp_path_factory):
    """The baseline of silicon whose given lattice is 1 % too large."""
    return computed(request(), cells(5.431 * 1.01), tmp_path_factory.mktemp("baseline"))


def by_displacements(of):
    """κ(300 K) of the exact potential from finite displacements, on the same mesh."""
    primitive, perfect = of
    settings = config.Phonons()
    calculation = force_constants.prepare(primitive, perfect, settings, NOT_POLAR)
    force_constants.evaluate(calculation, AsePotential(StillingerWeberSilicon()), settings)
    return bte.solve(calculation, CONDUCTIVITY, CONDUCTIVITY.mesh, -0.05).scalar()[0]


@pytest.fixture(scope="module")
def truth():
    return by_displacements(cells())


def test_kappa_at_both_lattices_is_that_of_finite_displacements(strained, truth):
    own, given = strained.own, strained.given
    assert own.kappa.at_room_temperature == pytest.approx(truth, rel=0.01)
    exact = by_displacements(cells(5.431 * 1.01))
    assert given.kappa.at_room_temperature == pytest.approx(exact, rel=0.01)
    # the longer lattice shows: it is softer by several per cent
    assert given.highest_frequency_THz < 0.98 * own.highest_frequency_THz


def test_the_own_lattice_is_the_published_minimum(strained):
    assert strained.volume_change == pytest.approx(1.01**-3 - 1, abs=5e-4)
    np.testing.assert_allclose(strained.own.lattice_A, 5.431 / np.sqrt(2), rtol=2e-4)
    assert "-3.0 % in volume" in strained.own.lattice
    assert strained.own_missing is None


def test_sigma_and_stability(strained):
    assert strained.own.stable
    assert 0.02 < strained.own.sigma_A < 0.25  # silicon is nearly harmonic at 300 K
    assert 0 < strained.own.sigma_A_error < 0.2 * strained.own.sigma_A
    assert strained.own.highest_frequency_THz == pytest.approx(17.8, abs=0.5)  # SW at Γ


def test_the_record_comes_back_from_its_file(strained, tmp_path):
    strained.write(tmp_path / "baseline.json")
    assert Baseline.read(tmp_path / "baseline.json").own == strained.own


def test_an_unstable_crystal_says_so(tmp_path):
    record = computed(
        request("ase.calculators.emt:EMT", own_lattice=False), cells(2.8, "Cu", "bcc", 3), tmp_path
    )
    assert not record.given.stable
    assert record.given.sigma_A is None
    assert "not dynamically stable" in record.given.words
    assert record.own is None
    rows = zero_label.rows(record, None)
    assert len(rows) == 0
    assert "not dynamically stable" in zero_label.problems(record, None)[0]


def test_a_fit_that_is_too_large_cuts_its_range_and_gives_up_below_a_bond():
    whole = request().fit(cells()[1])
    assert whole.pair_cutoff is None
    plain = request()
    short = replace(plain, phonons=plain.phonons.model_copy(update={"pair_cutoff": 3.0}))
    assert short.fit(cells()[1]) == whole  # it would end the fit there, and save no label
    cut = request(unknowns=40).fit(cells()[1])
    assert 2.0 < cut.pair_cutoff < 6.0
    assert cut.random_displacements <= whole.random_displacements
    with pytest.raises(CalculationError, match="more than 2 free numbers"):
        request(unknowns=2).fit(cells()[1])


def test_a_supercell_without_third_order_is_too_small(tmp_path):
    with pytest.raises(CalculationError, match="take a larger supercell"):
        computed(request("ase.calculators.emt:EMT"), cells(2.8, "Cu", "bcc"), tmp_path)


def test_a_relaxation_that_fails_leaves_the_given_lattice(tmp_path):
    model = request("test_baseline:Unrelaxable")
    record = computed(model, cells(), tmp_path)
    assert record.given.kappa.at_room_temperature > 0
    assert record.own is None
    assert "own lattice: not relaxed after" in record.own_missing
    assert record.own_missing in zero_label.problems(record, None)[0]


@pytest.fixture(scope="module")
def labels():
    """Exact forces of two random displacements of the supercell."""
    generator, (_, perfect) = np.random.default_rng(3), cells()
    found = []
    for _ in range(2):
        atoms = perfect.copy()
        atoms.positions += generator.normal(scale=0.03, size=atoms.positions.shape)
        answer = AsePotential(StillingerWeberSilicon()).evaluate([atoms])
        found.append(frames.labelled(atoms, answer.energy[0], answer.forces[0]))
    return found


@pytest.fixture(scope="module")
def corrected(labels):
    asked = request("test_baseline:Stronger")
    potential = FoundationPotential(asked.foundation.model)
    return corrected_baseline.compute(
        *("Si-227", potential, labels, cells(), NOT_POLAR, asked, config.Taylor(noise=1e-5))
    )


def test_two_labels_take_most_of_the_error_of_kappa(corrected, truth):
    kappa, error = corrected.at_room_temperature
    before = corrected.model_W_per_mK[0]
    assert abs(before / truth - 1) > 0.08
    assert abs(kappa / truth - 1) < 0.3 * abs(before / truth - 1)
    assert abs(kappa - truth) < 2 * error
    assert error >= abs(kappa - corrected.fixed_widths_W_per_mK[0])
    assert corrected.learned.residual_after_eV_per_A < corrected.learned.residual_before_eV_per_A
    assert len(zero_label.rows(None, corrected)) == 1


def test_without_a_label_in_the_supercell_there_is_no_correction(labels, tmp_path):
    asked = request()
    potential = FoundationPotential(asked.foundation.model)
    other = [label for label in labels if len(label) == 1]
    record = corrected_baseline.compute(
        *("Si-227", potential, other, cells(), NOT_POLAR, asked, config.Taylor())
    )
    assert record.kappa_W_per_mK is None
    assert "no label in the phonon supercell" in zero_label.problems(None, record)[0]
    record.write(tmp_path / "corrected.json")
    assert CorrectedBaseline.read(tmp_path / "corrected.json").not_computed == record.not_computed


@pytest.mark.parametrize("version", [1, 2])
def test_a_corrected_baseline_of_an_earlier_version_is_not_believed(corrected, version, tmp_path):
    """Its widths by evidence were others; version 2 had κ with fixed widths in the first place."""
    data = json.loads(corrected.model_dump_json()) | {"schema_version": version}
    fixed = data.pop("fixed_widths_W_per_mK")
    if version == 2:
        data |= {"by_evidence_W_per_mK": data["kappa_W_per_mK"], "kappa_W_per_mK": fixed}
    (tmp_path / "corrected.json").write_text(json.dumps(data))
    old = CorrectedBaseline.read(tmp_path / "corrected.json")
    assert old.at_room_temperature is None
    assert old.fixed_widths_W_per_mK == (fixed if version == 2 else None)
    assert "run again" in zero_label.problems(None, old)[0]
    assert not len(zero_label.rows(None, old))
