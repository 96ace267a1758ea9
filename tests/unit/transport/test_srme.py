"""κ_SRME: identities that hold for any numbers, and what must not be compared."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from models import silicon_phonons

from umklapp import config
from umklapp.errors import CalculationError, InputError
from umklapp.transport import bte, modes
from umklapp.transport.srme import WORST, imaginary, srme

MESH, GATE = [5, 5, 5], -0.05


def conductivity(path, scale=1.0, mesh=MESH, **settings):
    """File of silicon with its third order scaled."""
    phonon = silicon_phonons()
    phonon.fc3 = scale * phonon.fc3
    settings = config.Conductivity(temperatures=[300.0, 600.0], **settings)
    return bte.solve(phonon, settings, mesh, GATE, modes_to=path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("srme")
    conductivity(out / "silicon.hdf5")
    conductivity(out / "strong.hdf5", scale=2.0)
    conductivity(out / "wigner.hdf5", interband=True)
    conductivity(out / "direct.hdf5", method="lbte")
    conductivity(out / "direct_wigner.hdf5", method="lbte", interband=True)
    return out


@pytest.fixture
def changed(folder, tmp_path):
    """The file of silicon with some of its data replaced; None takes a data set away."""

    def make(name="silicon.hdf5", **data):
        path = tmp_path / f"changed_{len(list(tmp_path.iterdir()))}.hdf5"
        path.write_bytes((folder / name).read_bytes())
        with h5py.File(path, "a") as file:
            for key, value in data.items():
                if key in file:
                    del file[key]
                if value is not None:
                    file[key] = value
        return path

    return make


@pytest.mark.parametrize("part", ["rta", "total"])
@pytest.mark.parametrize(
    "name", ["silicon.hdf5", "wigner.hdf5", "direct.hdf5", "direct_wigner.hdf5"]
)
def test_equal_modes_have_no_error(folder, name, part):
    found = srme(folder / name, folder / name, part=part)
    assert found.value == found.error == 0
    assert found.kappa == found.reference > 300
    assert found.words == []


def test_one_factor_on_all_modes(folder):
    """κ/4 in every mode: SRME = 2 |1 − 1/4| / (1 + 1/4), and all of it shows in the sum too."""
    found = srme(folder / "strong.hdf5", folder / "silicon.hdf5")
    assert found.value == pytest.approx(1.2, rel=1e-9)
    assert found.error == pytest.approx(-1.2, rel=1e-9)
    back = srme(folder / "silicon.hdf5", folder / "strong.hdf5")
    assert back.value == pytest.approx(found.value)
    assert back.error == pytest.approx(-found.error)


def test_errors_that_cancel_in_kappa_are_seen(folder, changed):
    """A share of all heat moved from the branch that carries most of it to another one."""
    with h5py.File(folder / "silicon.hdf5") as file:
        tensor = file["mode_kappa"][()]
        kappa, weights = file["kappa"][0, :3].mean(), file["weight"][()].sum()
    moved = 0.1 * tensor[:, :, 0]
    tensor[:, :, 0] -= moved
    tensor[:, :, 5] += moved
    found = srme(changed(mode_kappa=tensor), folder / "silicon.hdf5")
    assert found.error == pytest.approx(0, abs=1e-9)
    share = moved[0, ..., :3].mean(axis=-1).sum() / weights / kappa
    assert found.value == pytest.approx(2 * share)  # it is missing once and too much once


def test_modes_that_nobody_shares_are_the_worst(folder, changed):
    with h5py.File(folder / "silicon.hdf5") as file:
        tensor, kappa = file["mode_kappa"][()], file["kappa"][()]
    low, high = tensor.copy(), tensor.copy()
    low[:, :, 3:], high[:, :, :3] = 0, 0
    weights = 125
    pair = [changed(mode_kappa=each, kappa=each.sum(axis=(1, 2)) / weights) for each in (low, high)]
    assert srme(*pair).value == pytest.approx(WORST)
    assert kappa[0, 0] == pytest.approx(srme(*pair).kappa + srme(*pair).reference)


def test_another_temperature(folder):
    at = {t: srme(folder / "silicon.hdf5", folder / "silicon.hdf5", t) for t in (300.0, 600.0)}
    assert at[300.0].kappa > 1.5 * at[600.0].kappa
    with pytest.raises(InputError, match=r"no 450 K, the file has \[300.0, 600.0\] K"):
        srme(folder / "silicon.hdf5", folder / "silicon.hdf5", 450.0)


def test_the_rta_part_of_every_method_is_the_same(folder):
    for name in ("wigner.hdf5", "direct.hdf5", "direct_wigner.hdf5"):
        assert srme(folder / name, folder / "silicon.hdf5").value == pytest.approx(0, abs=1e-9)


def test_the_total_has_the_interband_term_and_the_direct_solution(folder):
    wigner = srme(folder / "wigner.hdf5", folder / "silicon.hdf5", part="total")
    assert 0 < wigner.value < 0.05
    assert wigner.value == pytest.approx(wigner.error)  # nowhere less than without the term
    direct = srme(folder / "direct.hdf5", folder / "silicon.hdf5", part="total")
    assert direct.value > abs(direct.error) > 0.1


def test_pairs_are_split_by_heat_capacity():
    generator = np.random.default_rng(0)
    pairs = generator.normal(size=(2, 3, 4, 4, 6))
    pairs = pairs + pairs.transpose(0, 1, 3, 2, 4)
    capacity = generator.uniform(0.1, 1.0, (2, 3, 4))
    capacity[0, 0, :2] = 0  # acoustic modes at Γ
    found = modes.split_pairs(pairs, capacity)
    np.testing.assert_allclose(found.sum(axis=2), pairs.sum(axis=(2, 3)))
    two = modes.split_pairs(np.ones((1, 1, 2, 2, 6)), np.array([[[1.0, 3.0]]]))
    np.testing.assert_allclose(two[0, 0, :, 0], [1 + 0.5, 1 + 1.5])


# what counts as a failure


def test_no_file_is_the_worst(folder, tmp_path):
    assert srme(None, folder / "silicon.hdf5").value == WORST
    found = srme(tmp_path / "none.hdf5", folder / "silicon.hdf5")
    assert found.value == WORST
    assert "no such file" in found.words[0]
    assert np.isnan(found.kappa)
    assert found.reference > 300


def test_an_unstable_crystal_is_the_worst_and_says_why(folder, tmp_path):
    phonon = silicon_phonons()
    phonon.fc2 = -phonon.fc2
    out = tmp_path / "new" / "unstable.hdf5"
    settings = config.Conductivity(temperatures=[300.0])
    kappa = bte.solve(phonon, settings, MESH, GATE, modes_to=out)
    found = srme(out, folder / "silicon.hdf5")
    assert found.value == WORST
    assert found.words == [kappa.reason]
    with pytest.raises(InputError, match=r"unstable\.hdf5: a reference needs a κ: not dynamically"):
        srme(folder / "silicon.hdf5", out)


def test_imaginary_modes_in_the_file_are_the_worst(folder, changed):
    with h5py.File(folder / "silicon.hdf5") as file:
        frequency, qpoints = file["frequency"][()], file["qpoint"][()]
    assert np.abs(qpoints[0]).max() == 0
    for number, branch, value, bad in (
        (0, 1, -0.009, False),
        (0, 1, -0.011, True),
        (0, 5, -3.0, True),
        (3, 0, -0.001, True),
    ):
        frequencies = frequency.copy()
        frequencies[number, branch] = value
        found = srme(changed(frequency=frequencies), folder / "silicon.hdf5")
        assert found.value == (WORST if bad else 0)
        if bad:
            assert f"imaginary: {value:.3f} THz at q = (" in found.words[0]
    assert imaginary(modes.read(folder / "silicon.hdf5", 300.0)) is None


def test_a_kappa_that_is_not_finite_is_the_worst(folder, changed):
    with h5py.File(folder / "silicon.hdf5") as file:
        nothing = np.full_like(file["mode_kappa"][()], np.nan)
        kappa = np.full_like(file["kappa"][()], np.nan)
    found = srme(changed(mode_kappa=nothing, kappa=kappa), folder / "silicon.hdf5")
    assert found.value == WORST
    assert found.words == ["κ is not finite"]


# what must not be compared


def test_other_meshes_are_refused(folder, tmp_path):
    conductivity(tmp_path / "fine.hdf5", mesh=[7, 7, 7])
    with pytest.raises(InputError, match=r"meshes \[7, 7, 7\] and \[5, 5, 5\]"):
        srme(tmp_path / "fine.hdf5", folder / "silicon.hdf5")


def test_other_qpoints_branches_and_versions_are_refused(folder, changed):
    with h5py.File(folder / "silicon.hdf5") as file:
        qpoints, tensor = file["qpoint"][()], file["mode_kappa"][()]
        frequency, version = file["frequency"][()], file["version"][()].decode()
    reference = folder / "silicon.hdf5"
    with pytest.raises(InputError, match="other irreducible q-points"):
        srme(changed(qpoint=qpoints[:, ::-1]), reference)
    twice = {
        "frequency": np.tile(frequency, 2),
        "mode_kappa": np.concatenate([tensor, 0 * tensor], axis=2),
    }
    with pytest.raises(InputError, match="12 and 6 branches"):
        srme(changed(**twice), reference)
    with pytest.raises(InputError, match=rf"phono3py 3\.30\.0 and {version}"):
        srme(changed(version=np.bytes_("3.30.0")), reference)
    foreign = srme(changed(version=None), reference)
    assert foreign.value == 0
    assert "version of phono3py unknown" in foreign.words[0]


def test_other_scattering_is_refused(folder, tmp_path):
    conductivity(tmp_path / "natural.hdf5", isotopes=True)
    with pytest.raises(InputError, match="scattering by isotopes and by phonons only"):
        srme(tmp_path / "natural.hdf5", folder / "silicon.hdf5")
    conductivity(tmp_path / "grain.hdf5", boundary_mfp=1.0)
    with pytest.raises(InputError, match="by boundaries 1 µm and by"):
        srme(tmp_path / "grain.hdf5", folder / "silicon.hdf5")


def test_modes_that_do_not_add_up_are_refused(folder, changed):
    with h5py.File(folder / "silicon.hdf5") as file:
        tensor = 1.00001 * file["mode_kappa"][()]
    with pytest.raises(CalculationError, match="the modes add up to"):
        srme(changed(mode_kappa=tensor), folder / "silicon.hdf5")


def test_files_without_modes_are_named(folder, changed, tmp_path):
    with pytest.raises(InputError, match=r"no data set \['mode_kappa'\]"):
        srme(changed(mode_kappa=None), folder / "silicon.hdf5")
    with pytest.raises(InputError, match=r"no data set \['mode_kappa_inter'\]"):
        srme(changed("wigner.hdf5", mode_kappa_inter=None), folder / "wigner.hdf5", part="total")
    (tmp_path / "text.hdf5").write_text("nothing")
    with pytest.raises(InputError, match=r"text\.hdf5: cannot be read as hdf5"):
        srme(tmp_path / "text.hdf5", folder / "silicon.hdf5")


PUBLISHED = Path(__file__).resolve().parents[3] / "envs/srme/published_modes.py"


def test_the_published_number_is_made_by_its_own_phono3py_only(tmp_path):
    result = subprocess.run(
        [sys.executable, str(PUBLISHED), "none.yaml", str(tmp_path / "x.hdf5"), "5", "5", "5"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 1
    assert "use .venv-srme" in result.stderr
    assert not (tmp_path / "x.hdf5").exists()


def test_the_published_coherence_is_shared_like_ours():
    specification = importlib.util.spec_from_file_location("published_modes", PUBLISHED)
    published = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(published)
    generator = np.random.default_rng(0)
    pairs = generator.random((3, 4, 4, 6))
    pairs = pairs + pairs.transpose(0, 2, 1, 3)
    capacity = generator.random((3, 4))
    ours = modes.split_pairs(pairs[None], capacity[None])[0]
    np.testing.assert_allclose(published.shared(pairs, capacity), ours, rtol=1e-12)
    np.testing.assert_allclose(ours.sum(axis=1), pairs.sum(axis=(1, 2)), rtol=1e-12)
