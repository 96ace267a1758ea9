"""The error budget of one material: what it holds with fresh labels, and what it says without."""

import dataclasses

import numpy as np
import pytest
from ase.build import bulk
from silicon import StillingerWeberSilicon

from umklapp import config
from umklapp.crystals import frames
from umklapp.crystals.phonopy_cells import from_phonopy
from umklapp.lattice import force_constants
from umklapp.potentials.ase import AsePotential
from umklapp.potentials.committee import Committee
from umklapp.potentials.contract import Prediction
from umklapp.transport import bte, kappa_budget
from umklapp.transport.green_kubo_record import GreenKuboRecord, MemberSpread, SizeNumbers
from umklapp.transport.kappa_records import CommitteeKappa
from umklapp.transport.potential_error import ResidualKappa

CONDUCTIVITY = config.Conductivity(mesh=[4, 4, 4], round_mesh=[3, 3, 3])
PHONONS = config.Phonons()


class Share:
    """Stillinger and Weber times a number."""

    def __init__(self, share):
        self.exact, self.share = AsePotential(StillingerWeberSilicon()), share

    def evaluate(self, cells):
        found = self.exact.evaluate(cells)
        forces = [self.share * each for each in found.forces]
        return Prediction(self.share * found.energy, forces, self.share * found.stress)


@pytest.fixture(scope="module")
def setting():
    primitive = bulk("Si", "diamond", a=5.431)
    calculation = force_constants.prepare(primitive, primitive.repeat(2), PHONONS)
    perfect = from_phonopy(calculation.supercell)
    return kappa_budget.Setting(
        calculation, perfect, PHONONS, config.Taylor(noise=1e-5), CONDUCTIVITY
    )


@pytest.fixture(scope="module")
def committee():
    """Two members that are both too soft, and agree on it."""
    return Committee([Share(0.90), Share(0.91)])


@pytest.fixture(scope="module")
def kappa(setting, committee):
    """As the pipeline makes it, and that of the reference."""

    def of(potential):
        force_constants.evaluate(setting.calculation, potential, PHONONS)
        found = bte.solve(setting.calculation, CONDUCTIVITY, CONDUCTIVITY.mesh, PHONONS.imaginary)
        return found.scalar().tolist()

    values = [of(member) for member in committee.members]
    record = CommitteeKappa(
        temperatures_K=[300.0],
        mesh=CONDUCTIVITY.mesh,
        members_W_per_mK=values,
        not_computed=None,
        lowest_frequency_THz=0.0,
        kappa_W_per_mK=np.mean(values, axis=0).tolist(),
        std_W_per_mK=np.std(values, axis=0, ddof=1).tolist(),
    )
    return record, of(Share(1.0))[0]


def labels(perfect, n):
    generator = np.random.default_rng(0)
    cells = []
    for _ in range(n):
        atoms = perfect.copy()
        atoms.positions += 0.03 * generator.normal(size=(len(perfect), 3))
        cells.append(atoms)
    answer = Share(1.0).evaluate(cells)
    return [
        frames.labelled(atoms, float(e), f)
        for atoms, e, f in zip(cells, answer.energy, answer.forces, strict=True)
    ]


def budgets(setting, committee, record, fresh, calibration=None, ran=None):
    return kappa_budget.of_material(
        record, ran, (committee, committee), fresh, calibration, setting,
        np.random.default_rng(0), material="Si-227", audited="not audited",
    )  # fmt: skip


def part(budget, name):
    return next(each for each in budget.parts if each.name == name)


def test_members_that_agree_on_a_wrong_kappa_are_found_out(setting, committee, kappa):
    record, truth = kappa
    found = budgets(setting, committee, record, labels(setting.perfect, 4))
    off = abs(record.kappa_W_per_mK[0] - truth)
    assert part(found.boltzmann, "members").error_W_per_mK[0] < 0.3 * off
    assert part(found.boltzmann, "residual").error_W_per_mK[0] == pytest.approx(off, rel=0.35)
    assert found.moves_W_per_mK == pytest.approx(truth - record.kappa_W_per_mK[0], rel=0.35)
    assert found.boltzmann.total(300.0) > 0.65 * off
    assert found.boltzmann.missing == []
    assert found.green_kubo is None


def test_without_labels_the_residual_is_named_and_the_spread_is_widened(setting, committee, kappa):
    record, _ = kappa
    plain = budgets(setting, committee, record, [])
    wide = budgets(setting, committee, record, [], calibration=4.0)
    assert plain.moves_W_per_mK is None
    assert plain.boltzmann.missing == [f"residual: {kappa_budget.NO_LABELS}"]
    spread = part(plain.boltzmann, "members")
    assert "not calibrated" in spread.text
    widened = part(wide.boltzmann, "members").error_W_per_mK
    np.testing.assert_allclose(widened, 4 * np.array(spread.error_W_per_mK))


def test_the_spread_of_members_that_are_left_out_is_no_error(setting, committee, kappa):
    """Their κ is one: that of the expansion of the same labels."""
    record = kappa[0].model_copy(update={"left_out_members": [0, 1]})
    assert len(record.members_W_per_mK) == 2
    alone = budgets(setting, committee, record, labels(setting.perfect, 4)).boltzmann
    assert alone.missing == ["members: κ is without members"]
    assert part(alone, "residual").error_W_per_mK is not None
    one = kappa[0].model_copy(update={"left_out_members": [0]})
    assert budgets(setting, committee, one, labels(setting.perfect, 4)).boltzmann.missing == []


def test_a_crystal_without_kappa_has_no_budget(setting, committee, kappa):
    unstable = kappa[0].model_copy(
        update={"kappa_W_per_mK": None, "std_W_per_mK": None, "not_computed": "imaginary"}
    )
    assert budgets(setting, committee, unstable, labels(setting.perfect, 1)).boltzmann is None


def green_kubo(**changes):
    numbers = {
        "kappa_W_per_mK": 5.0, "temperature_K": 302.0, "error_W_per_mK": 0.3,
        "trajectories_W_per_mK": [4.5, 5.5], "committee": MemberSpread(model_W_per_mK=0.2),
        "corrected_W_per_mK": 5.6,
    }  # fmt: skip
    return GreenKuboRecord(**(numbers | changes))


def test_green_kubo_has_statistics_size_and_the_residual_as_a_relative_error():
    moved = ResidualKappa(np.array([8.0]), np.array([10.0]), np.array([[10.0], [10.0]]))
    found = kappa_budget.green_kubo(green_kubo(), moved, 9.0, [300.0])
    assert found.temperatures_K == [302.0]
    assert part(found, "residual").error_W_per_mK == pytest.approx([1.25])  # a quarter of 5
    assert part(found, "members").error_W_per_mK == pytest.approx([0.2])  # as it is
    assert found.total(302.0) == pytest.approx(np.sqrt(1.25**2 + 0.6**2 + 0.3**2))


def test_green_kubo_names_what_it_does_not_know():
    bare = green_kubo(
        error_W_per_mK=None, committee=MemberSpread(model_W_per_mK=0.2), corrected_W_per_mK=None,
        size=SizeNumbers(not_computed="too short"),
    )  # fmt: skip
    found = kappa_budget.green_kubo(bare, kappa_budget.NO_LABELS, 2.0, [300.0])
    assert found.missing == [
        "statistics: one trajectory has no scatter", f"residual: {kappa_budget.NO_LABELS}",
        "size: too short",
    ]  # fmt: skip
    assert found.total(302.0) == pytest.approx(0.4)
    failed = GreenKuboRecord(kappa_W_per_mK=None, not_computed="because")
    assert kappa_budget.green_kubo(failed, "", None, [300.0]) is None


@pytest.mark.parametrize(
    ("coarse", "fine", "meshes"),
    [
        ([7, 7, 7], [11, 11, 11], [[7, 7, 7], [9, 9, 9], [11, 11, 11]]),
        ([9, 9, 9], [15, 15, 15], [[9, 9, 9], [13, 13, 13], [15, 15, 15]]),
        ([4, 4, 2], [8, 8, 4], [[4, 4, 2], [6, 6, 4], [8, 8, 4]]),
        ([3, 3, 3], [4, 4, 4], [[3, 3, 3], [4, 4, 4]]),
        ([11, 11, 11], [11, 11, 11], [[7, 7, 7], [9, 9, 9], [11, 11, 11]]),
    ],
)
def test_a_mesh_between_the_coarse_one_and_that_of_kappa(setting, coarse, fine, meshes):
    asked = config.Conductivity(mesh=fine, round_mesh=coarse)
    assert dataclasses.replace(setting, conductivity=asked).meshes == meshes
