"""Where Born charges come from; a crystal with tensors per site through κ, and its words."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT
from phono3py import Phono3py

from umklapp import config
from umklapp.crystals import frame_info
from umklapp.crystals.phonopy_cells import to_phonopy
from umklapp.errors import InputError
from umklapp.lattice import born, force_constants, phonons
from umklapp.potentials.ase import AsePotential
from umklapp.report import comparison
from umklapp.transport import bte, committee
from umklapp.transport.error_budget import KappaErrors
from umklapp.transport.kappa_records import MemberConductivity

KEY = "AuCu3-221"
ASE = config.AseCalculator(calculator="ase.calculators.emt:EMT")
ESPRESSO = config.Espresso(
    pseudopotentials={"Na": "Na.UPF", "Cl": "Cl.UPF"}, ecut=300, command="no-such-program/pw.x"
)
BY_SPECIES = "charges: {Au: 3.0, Cu: [[-0.5, 0, 0], [0, -0.5, 0], [0, 0, -2.0]]}, dielectric: 4.0"


def alloy():
    """AuCu3: copper on the faces of a cube, as the anions of a perovskite."""
    sites = [[0, 0, 0], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]]
    atoms = Atoms("AuCu3", cell=[3.745] * 3, scaled_positions=sites, pbc=True)
    frame_info.mark(atoms, material=KEY)
    return atoms


def source(said="auto", reference=ASE, folder=Path("nowhere"), material=KEY, **more):
    settings = config.Phonons(born=said, **more)
    atoms = bulk("Si", a=5.43) if material == "Si-227" else alloy()
    return born.source(settings, reference, folder, None, material, atoms)


def record(text, folder):
    path = folder / "born.yaml"
    path.write_text(f"{KEY}: {{{text}}}\n")
    return born.make(source(path), alloy(), KEY, ASE, folder)


def test_auto_finds_the_table_or_says_that_there_is_none(tmp_path):
    found = source(folder=tmp_path)
    assert found.kind == "none"
    assert "born.yaml has no AuCu3-221, and the engine ase computes no Born charges" in found.reason
    (tmp_path / "born.yaml").write_text(f"{KEY}: {{{BY_SPECIES}}}\n")
    assert source(folder=tmp_path).path == tmp_path / "born.yaml"


def test_an_engine_that_can_is_asked_and_its_program_looked_for():
    with pytest.raises(InputError, match=r"ph_command: no-such-program/ph\.x is not found in PATH"):
        source(reference=ESPRESSO)
    elsewhere = ESPRESSO.model_copy(update={"check_command": False})
    assert source(reference=elsewhere).kind == "engine"
    assert source("none", reference=elsewhere).kind == "none"
    with pytest.raises(InputError, match="the engine ase computes no Born charges"):
        source("reference")
    with pytest.raises(InputError, match=r"smearing: ph\.x needs fixed occupations"):
        source(reference=elsewhere.model_copy(update={"smearing": 0.1}))


def test_a_params_file_is_taken_before_the_engine(shared):
    path = shared / "data/dft/NaCl-225_phono3py_params.yaml.xz"
    found = source(reference=ESPRESSO, force_constants=path, material="NaCl-225")
    assert (found.kind, found.path) == ("file", path)


def test_a_crystal_that_cannot_be_polar_needs_none(tmp_path):
    missing = source(tmp_path / "{material}" / "BORN", material="Si-227")
    found = born.make(missing, bulk("Si", a=5.43), "Si-227", ASE, tmp_path)
    said = found.non_analytical()
    assert (said.needed, said.lacking, found.charges) == (False, False, None)


def test_no_word_is_no_answer():
    with pytest.raises(ValueError, match="write none"):
        config.Phonons(born=None)


@pytest.fixture(scope="module")
def calculations(tmp_path_factory):
    """κ by the Boltzmann equation with tensors per site, with their mean, and without."""
    folder = tmp_path_factory.mktemp("born")
    records = {
        "sites": record(BY_SPECIES, folder),
        "mean": record("charges: {Au: 3.0, Cu: -1.0}, dielectric: 4.0", folder),
        "none": born.make(source("none"), alloy(), KEY, ASE, folder),
    }
    settings = config.Phonons(pair_cutoff=3.0, imaginary=-50)
    perfect = alloy().repeat(2)
    found, first = {}, None
    for name, one in records.items():
        phonon = force_constants.prepare(alloy(), perfect, settings, one)
        if first is None:
            force_constants.evaluate(phonon, AsePotential(EMT()), settings)
            first = phonon
        phonon.fc2, phonon.fc3 = first.fc2, first.fc3
        found[name] = (one, phonon)
    return found


def longitudinal(phonon):
    """The two highest frequencies (THz) at Γ, in the direction x."""
    model = phonons.harmonic(phonon)
    model.run_qpoints([[1e-4, 0, 0]])
    return model.qpoints.frequencies[0][[-4, -1]]


def test_tensors_per_site_give_other_splittings_than_their_mean(calculations):
    """Against phonopy with the tensors written out atom by atom (shared/cases/04-born-sites)."""
    sites, mean, none = (longitudinal(calculations[name][1]) for name in ("sites", "mean", "none"))
    assert sites.max() - mean.max() < -0.3
    assert none.max() < sites.max()


def member(name, calculations, path):
    one, phonon = calculations[name]
    kappa = bte.solve(phonon, config.Conductivity(), [3, 3, 3], -50)
    written = MemberConductivity(
        **dict(kappa.numbers()),
        mesh=[3, 3, 3],
        acoustic_sum_residual_eV_per_A2=0.0,
        non_analytical=one.non_analytical(),
    )
    written.write(path)
    return written


def test_every_kappa_says_which_born_charges_it_has(calculations, tmp_path):
    one, _ = calculations["sites"]
    assert one.charges is not None
    with_charges = member("sites", calculations, tmp_path / "0.json")
    without = member("none", calculations, tmp_path / "1.json")
    kappas = with_charges.at_room_temperature, without.at_room_temperature
    assert None not in kappas
    assert abs(kappas[0] / kappas[1] - 1) > 0.005
    budget = KappaErrors(
        material=KEY, audited="not audited", moves_W_per_mK=None, boltzmann=None, green_kubo=None
    )
    lines = {}
    for number in (0, 1):
        record = committee.combine([tmp_path / f"{number}.json"])
        assert record.non_analytical is not None
        problems = comparison.missing(record, None, None, budget)
        table = pd.DataFrame(columns=comparison.COLUMNS)
        page = comparison.page(
            KEY, table, {}, "", problems, comparison.AuditSays(), record.non_analytical
        )
        lines[number] = page
    assert "Non-analytical correction: Born charges and ε∞: " in lines[0]
    assert "lack the splitting" not in lines[0]
    assert "no non-analytical correction (phonons.born: none)" in lines[1]
    assert "its optical branches lack the splitting at Γ" in lines[1]


def test_charges_are_laid_on_the_cell_of_a_params_file(tmp_path):
    """Its primitive cell may have other axes and another order: here copper comes first."""
    order = [3, 1, 0, 2]
    writer = Phono3py(to_phonopy(alloy()[order]), supercell_matrix=np.eye(3), primitive_matrix="P")
    writer.generate_displacements(distance=0.03, is_plusminus=True)
    cells = len(writer.supercells_with_displacements)
    writer.forces = np.random.default_rng(1).normal(scale=0.01, size=(cells, 4, 3))
    path = tmp_path / "params.yaml"
    writer.save(path)
    given = record(BY_SPECIES, tmp_path)
    settings = config.Phonons(force_constants=path)
    phonon = force_constants.prepare(alloy(), alloy(), settings, given)
    np.testing.assert_allclose(
        phonon.nac_params["born"], given.charges.charges[order], rtol=0, atol=1e-9
    )
    none = given.model_copy(update={"charges_e": None})
    assert force_constants.prepare(alloy(), alloy(), settings, none).nac_params is None
