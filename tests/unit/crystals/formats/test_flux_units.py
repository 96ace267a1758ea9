"""The unit of FHI-vibes' heat flux, by version and by the stresses of the same file."""

import json

import h5py
import numpy as np
import pytest
from vibes_files import dynamics, write_nc, write_son

from umklapp.crystals.formats import flux_units, given, vibes
from umklapp.errors import InputError
from umklapp.transport import vibes as analysis

GENERATOR = np.random.default_rng(0)
FLUX = GENERATOR.normal(size=(20, 3)) * 1e-7


@pytest.mark.parametrize(
    ("version", "factor"),
    [
        ("0.3.1.dev1", 1e-3),
        ("1.0.0a2", 1e-3),
        ("1.0.4", 1e-3),
        ("1.1.0", 1.0),
        ("1.1.0rc1", 1.0),
        ("2.0", 1.0),
    ],
)
def test_version_and_stresses_agree_or_are_refused(version, factor):
    stored = FLUX / factor
    for computed in (FLUX, None, FLUX * np.nan):
        assert flux_units.unit(stored, computed, version, "here") == factor
    assert flux_units.unit(stored, FLUX + 1e-9, None, "here") == factor
    other = FLUX if factor < 1 else FLUX * 1e3
    with pytest.raises(InputError, match="stresses and velocities of the same file say"):
        flux_units.unit(other, FLUX, version, "here")
    with pytest.raises(InputError, match="neither per fs nor per ps"):
        flux_units.unit(FLUX * 30, FLUX, version, "here")


def test_a_file_that_does_not_say_is_refused():
    for version in (None, "", "unknown"):
        with pytest.raises(InputError, match="here: the unit of the heat flux is not known"):
            flux_units.unit(FLUX, None, version, "here")


@pytest.mark.parametrize(
    "text", [b'{"vibes": {"version": "1.1.0"}}', {"vibes": {"version": "1.1.0"}}]
)
def test_version_in_the_metadata(text):
    assert flux_units.version_of(text) == "1.1.0"
    for broken in (b"{", None, {}, {"vibes": 3}, 5):
        assert flux_units.version_of(broken) is None


def with_flux(path, factor, version):
    """A .son with atomic stresses and the flux Σσv, divided by a factor."""
    steps = dynamics(5)
    write_son(path, steps)
    head, *documents = path.read_text().replace("\n===\n", "\n---\n").split("\n---\n")
    head = json.loads(head)
    head["vibes"]["version"] = version
    made, expected = [], []
    for document, (_, velocities) in zip(map(json.loads, documents), steps, strict=True):
        stresses = np.array(document["calculator"]["stresses"])
        stresses *= np.linspace(0.5, 1.5, len(stresses))[:, None, None]  # equal ones cancel
        stresses *= np.array(document["calculator"]["stress"])[0, 0] / stresses.sum(axis=0)[0, 0]
        document["calculator"]["stresses"] = stresses.tolist()
        flux = np.einsum("iab,ib->a", stresses, velocities)
        document["calculator"]["heat_flux"] = (flux / factor).tolist()
        made.append(json.dumps(document))
        expected.append(flux)
    path.write_text(json.dumps(head) + "\n===\n" + "\n---\n".join(made))
    return np.array(expected)


@pytest.mark.parametrize(("factor", "version"), [(1.0, "1.1.0"), (1e-3, "1.0.2")])
def test_both_units_of_a_son_are_the_same_flux(tmp_path, factor, version):
    path = tmp_path / "t.son"
    expected = with_flux(path, factor, version)
    found = np.array([s.heat_flux for s in vibes.read(path, atomic_stresses=True)])
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_a_version_that_the_numbers_contradict_is_refused(tmp_path):
    path = tmp_path / "t.son"
    with_flux(path, 1e-3, "1.1.0")
    with pytest.raises(InputError, match=r"t\.son: FHI-vibes 1\.1\.0 writes"):
        list(vibes.read(path, atomic_stresses=True))


def test_real_argon_in_the_older_unit_has_the_same_conductivity(shared, tmp_path):
    """The real file of version 1.1.0, rewritten as an older version would have written it."""
    source = shared / "data/vibes/argon_green_kubo.nc"
    old = tmp_path / "old.nc"
    old.write_bytes(source.read_bytes())
    with h5py.File(old, "r+") as file:
        file["heat_flux"][...] = file["heat_flux"][()] * 1e3
        text = file.attrs["raw_metadata"]
        text = text.decode() if isinstance(text, bytes) else str(text)
        file.attrs["raw_metadata"] = text.replace('"version": "1.1.0"', '"version": "1.0.5"')
    expected, found = (analysis.analyse(path, finite=False) for path in (source, old))
    assert found["kappa_mean_W_per_mK"] == pytest.approx(expected["kappa_mean_W_per_mK"], rel=1e-9)
    with h5py.File(old, "r+") as file:
        file.attrs["raw_metadata"] = text
    with pytest.raises(InputError, match="κ would be wrong"):
        analysis.analyse(old, finite=False)


def break_flux(file):
    file.attrs["symbols"] = ["Xx"] * 8


def break_shape(file):
    forces = file["forces"][()][:, :5]
    del file["forces"]
    file["forces"] = forces


def break_volume(file):
    file["volume"] = np.full(6, 3.0)


def break_temperature(file):
    file["temperature"] = np.full(6, 5000.0)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (break_flux, "are the species known"),
        (break_shape, r"forces has the shape \(6, 5, 3\)"),
        (break_volume, "step 0: volume of 3 Å³"),
        (break_temperature, "temperature of 5000 K"),
    ],
)
def test_what_a_nc_says_twice_must_agree(tmp_path, damage, message):
    path = write_nc(tmp_path / "t.nc", dynamics())
    with h5py.File(path, "r+") as file:
        damage(file)
    with pytest.raises(InputError, match=message):
        list(given.read(path))


@pytest.mark.parametrize("seed", range(12))
def test_damaged_nc_files_end_in_sentences(tmp_path, seed):
    path = write_nc(tmp_path / "t.nc", dynamics())
    content = bytearray(path.read_bytes())
    generator = np.random.default_rng(seed)
    for place in generator.integers(0, len(content), 40):
        content[place] = generator.integers(0, 256)
    path.write_bytes(bytes(content[: len(content) - int(generator.integers(0, 3000))]))
    message = str(path)
    try:
        given.inspected(path)
    except InputError as error:
        message = str(error)
    assert str(path) in message
    assert len(message) < 1000


def test_a_cut_step_is_not_counted_and_one_without_positions_refused(tmp_path):
    path = write_son(tmp_path / "t.son", dynamics(4))
    path.write_text(path.read_text()[:-300])
    assert given.count(path) == len(list(given.read(path))) == 3
    text = path.read_text()
    path.write_text(text[: text.rindex('"positions"')].replace('"positions"', '"places"'))
    with pytest.raises(InputError):
        list(given.read(path))


def test_single_points_have_no_times(tmp_path):
    path = write_son(tmp_path / "t.son", dynamics(4))
    head, rest = path.read_text().split("\n===\n")
    metadata = json.loads(head)
    del metadata["MD"]
    path.write_text(json.dumps(metadata) + "\n===\n" + rest)
    assert [step.time for step in vibes.read(path)] == [None] * 4
