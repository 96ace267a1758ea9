"""FHI-vibes trajectories: our own small files with every trap, and the real ones."""

import bz2
import gzip
import re

import h5py
import numpy as np
import pytest
from ase import units
from hypothesis import given as drawn
from hypothesis import strategies as st
from logged import logged
from vibes_files import dynamics, write_nc, write_son

from umklapp.crystals import frames
from umklapp.crystals.formats import given, vibes, vibes_netcdf
from umklapp.errors import InputError


@pytest.fixture(scope="module")
def steps():
    return dynamics()


@pytest.fixture
def small(tmp_path, steps):
    return write_son(tmp_path / "trajectory.son", steps, without_stress=(1, 4))


def same(found, steps, chosen=None):
    wanted = steps if chosen is None else [steps[n] for n in chosen]
    assert len(found) == len(wanted)
    for step, (frame, velocities) in zip(found, wanted, strict=True):
        assert step.symbols == frame.get_chemical_symbols()
        np.testing.assert_allclose(step.cell, frame.cell.array, atol=1e-12)
        np.testing.assert_allclose(step.positions, frame.positions, atol=1e-12)
        np.testing.assert_allclose(step.forces, frame.get_forces(), atol=1e-12)
        np.testing.assert_allclose(step.velocities, velocities, atol=1e-12)
        assert step.energy == pytest.approx(frame.get_potential_energy())
        assert step.time == pytest.approx(frame.info["time"])


def test_steps_of_a_son_file_are_those_that_were_written(small, steps):
    same(list(vibes.read(small)), steps)
    assert vibes.count(small) == len(steps)


def test_species_in_runs_and_cells_in_the_metadata(tmp_path, steps):
    path = write_son(tmp_path / "lean.son", steps, lean=True)
    assert '"symbols": [[8, "Si"]]' in path.read_text()
    found = list(vibes.read(path))
    same(found, steps)
    assert found[0].masses.tolist() == [28.085] * 8


def test_displaced_cells_of_a_phonopy_run_have_no_time(small, steps):
    text = small.read_text().replace('"MD"', '"Phonopy"')
    small.write_text(re.sub(r'"info": \{[^}]*\}', '"info": {"nsteps": 3}', text))
    found = list(vibes.read(small))
    assert [step.time for step in found] == [None] * len(steps)
    assert "time" not in found[0].frame("here").info
    np.testing.assert_allclose(found[2].forces, steps[2][0].get_forces(), atol=1e-12)


def test_a_stress_of_zeros_is_missing(small, steps):
    for number, step in enumerate(vibes.read(small)):
        frame = step.frame("here")
        assert frames.has_stress(frame) == (number not in (1, 4))
        if number not in (1, 4):
            np.testing.assert_allclose(frame.get_stress(), steps[number][0].get_stress())


@pytest.mark.parametrize("extensive", [False, True])
def test_atomic_stresses_add_up_to_the_stress(tmp_path, steps, extensive):
    path = write_son(tmp_path / "t.son", steps, extensive=extensive)
    for step in vibes.read(path, atomic_stresses=True):
        np.testing.assert_allclose(step.stresses.sum(axis=0), step.stress, atol=1e-12)
    assert next(vibes.read(path)).stresses is None


def test_velocities_and_masses_give_the_kinetic_energy(small, steps):
    """The total energy is conserved only with velocities in the right unit."""
    total = []
    for step in vibes.read(small):
        kinetic = 0.5 * (step.masses[:, None] * (step.velocities / units.fs) ** 2).sum()
        total.append(step.energy + kinetic)
    exchanged = np.ptp([step.energy for step in vibes.read(small)])
    assert np.ptp(total) < 0.02 * exchanged


@drawn(every=st.integers(1, 8), skip=st.integers(0, 8), chunk=st.integers(1, 5000))
def test_thinning_and_chunks_change_nothing_else(tmp_path_factory, steps, every, skip, chunk):
    path = tmp_path_factory.mktemp("son") / "t.son"
    write_son(path, steps)
    before, vibes.CHUNK = vibes.CHUNK, chunk
    try:
        same(list(vibes.read(path, every, skip)), steps, range(skip, len(steps), every))
    finally:
        vibes.CHUNK = before


def test_a_last_step_that_is_cut_is_left_out_and_told(small, steps):
    small.write_text(small.read_text()[:-300])
    with logged() as messages:
        same(list(vibes.read(small)), steps[:-1])
    assert messages == [f"{small} step 5: the last step is cut; it is left out"]


def test_a_trailing_separator_is_no_step(tmp_path, steps):
    path = write_son(tmp_path / "t.son", steps, tail="\n---\n")
    assert vibes.count(path) == len(list(vibes.read(path))) == len(steps)


def test_damage_in_the_middle_is_named(small):
    text = small.read_text()
    small.write_text(text.replace('"forces"', '"for', 1))
    with pytest.raises(InputError, match=r"trajectory.son step 0: cannot be read"):
        list(vibes.read(small))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"symbols": ["Si", ', '"symbols": [', "7 species, positions of shape"),
        ('"energy"', '"enthalpy"', "no energy label"),
        ('"forces"', '"gradient"', "no force labels"),
    ],
)
def test_what_does_not_fit_is_named(small, old, new, message):
    head, rest = small.read_text().split("===\n")
    if old == '"symbols": ["Si", ':
        old, new = '"symbols": [\n   "Si",', '"symbols": ['
    assert old in rest
    small.write_text(head + "===\n" + rest.replace(old, new, 1))
    with pytest.raises(InputError, match=rf"(step|frame) 0: .*{message}"):
        [step.frame(f"{small} frame {n}") for n, step in enumerate(vibes.read(small))]


@pytest.mark.parametrize("text", ["", "{}", '{"a": 1}\n===\n', "no\n===\n{}"])
def test_other_files_are_named(tmp_path, text):
    path = tmp_path / "other.son"
    path.write_text(text)
    with pytest.raises(InputError, match=r"other\.son: (no line '==='|the first document)"):
        list(vibes.read(path))


def test_packed_files(small, steps):
    for ending, pack in ((".gz", gzip.compress), (".bz2", bz2.compress)):
        path = small.with_name(small.name + ending)
        path.write_bytes(pack(small.read_bytes()))
        same(list(vibes.read(path)), steps)


@pytest.mark.parametrize(("every", "skip"), [(1, 0), (2, 1), (4, 0), (1, 9)])
def test_netcdf_gives_the_same_steps(tmp_path, steps, every, skip):
    path = write_nc(tmp_path / "t.nc", steps, without_stress=(2,))
    chosen = range(skip, len(steps), every)
    found = list(vibes_netcdf.read(path, every, skip))
    same(found, steps, chosen)
    for number, step in zip(chosen, found, strict=True):
        assert (step.stress is None) == (number == 2)
        if step.stress is not None:  # the one without the motion of the atoms
            frame = step.frame("here")
            np.testing.assert_allclose(frame.get_stress(), steps[number][0].get_stress())


def test_blocks_of_netcdf_do_not_matter(tmp_path, steps, monkeypatch):
    path = write_nc(tmp_path / "t.nc", steps)
    monkeypatch.setattr(vibes_netcdf, "BLOCK", 2)
    same(list(vibes_netcdf.read(path, 2, 1)), steps, range(1, len(steps), 2))


@pytest.mark.parametrize("name", ["positions", "forces", "energy_potential", "time", "cell"])
def test_missing_variable_of_netcdf_is_named(tmp_path, steps, name):
    path = write_nc(tmp_path / "t.nc", steps)
    with h5py.File(path, "r+") as file:
        del file[name]
    with pytest.raises(InputError, match=rf"t\.nc: {name} is missing"):
        list(vibes_netcdf.read(path))


def test_netcdf_3_is_named(tmp_path):
    path = tmp_path / "old.nc"
    path.write_bytes(b"CDF\x01" + bytes(100))
    with pytest.raises(InputError, match=r"old\.nc: netCDF-3.*nccopy"):
        list(vibes_netcdf.read(path))


# the real files


def test_real_mgo_trajectory(shared):
    """64 atoms, plain lists, atomic stresses in every fifth step only."""
    found = list(vibes.read(shared / "data/vibes/mgo_aimd.son", atomic_stresses=True))
    assert len(found) == 31
    assert found[0].symbols == ["Mg"] * 32 + ["O"] * 32
    assert [n for n, step in enumerate(found) if step.stress is not None] == [*range(0, 31, 5)]
    np.testing.assert_allclose([s.time for s in found], 4.0 * np.arange(1, 32), rtol=1e-12)
    kinetic = [0.5 * (s.masses[:, None] * (s.velocities / units.fs) ** 2).sum() for s in found]
    total = np.array(kinetic) + [s.energy for s in found]
    assert np.ptp(kinetic) > 1  # an NVE run: energy moves between the two, the sum stays
    assert np.ptp(total) < 0.05 * np.ptp(kinetic)
    for step in found[::5]:  # stored multiplied by the volume
        np.testing.assert_allclose(step.stresses.sum(axis=0), step.stress, atol=1e-9)


def test_real_aims_md(shared):
    found = list(vibes.read(shared / "data/vibes/aims_md.son", atomic_stresses=True))
    assert [step.stress is None for step in found] == [False, True, False, True]
    assert [step.time for step in found] == pytest.approx([0, 1, 2, 3])
    assert found[0].symbols == ["Si", "Si"]
    for step in found[::2]:
        np.testing.assert_allclose(step.stresses.sum(axis=0), step.stress, atol=1e-9)


def test_real_small_trajectory_is_the_same_in_both_formats(shared):
    folder = shared / "data/vibes"
    ours = list(vibes.read(folder / "small_trajectory.son"))
    theirs = list(vibes_netcdf.read(folder / "small_trajectory.nc"))
    assert len(ours) == len(theirs) == 2
    for one, two in zip(ours, theirs, strict=True):
        assert one.symbols == two.symbols == ["O", "H", "H"]
        assert (one.stress, two.stress, one.pbc, two.pbc) == (None, None, False, False)
        assert (one.time, one.energy) == pytest.approx((two.time, two.energy))
        for name in ("positions", "velocities", "forces"):
            np.testing.assert_allclose(getattr(one, name), getattr(two, name), atol=1e-12)
    with pytest.raises(InputError, match="the cell has no volume"):
        list(given.read(folder / "small_trajectory.son"))


def test_real_argon(shared):
    path = shared / "data/vibes/argon_green_kubo.nc"
    found = list(vibes_netcdf.read(path))
    with h5py.File(path) as file:
        flux, pressure = file["heat_flux"][()], file["pressure_potential"][()]
        temperature = file["temperature"][()]
    for step, j, p, t in zip(found, flux, pressure, temperature, strict=True):
        if step.stress is not None:
            assert np.trace(step.stress) / 3 == pytest.approx(-p)
        if not np.isnan(j).any():  # eV/(Å² fs): σ_I v_I without the mean of σ_I has the same size
            np.testing.assert_allclose(step.heat_flux, j)
        square = (step.masses[:, None] * (step.velocities / units.fs) ** 2).sum()
        assert square / (3 * len(step.symbols) * units.kB) == pytest.approx(t, rel=0.02)


def changed_nc(path, steps, change):
    """A .nc of the steps in which something was changed."""
    write_nc(path, steps)
    with h5py.File(path, "r+") as file:
        change(file)
    return path


def times(name, factor):
    """A change of a variable by a factor."""

    def change(file):
        file[name][...] = file[name][()] * factor

    return change


def attribute(name, value):
    """A change of an attribute of the file."""
    return lambda file: file.attrs.__setitem__(name, value)


def replaced(name, value):
    """A variable with other content."""

    def change(file):
        if name in file:
            del file[name]
        file[name] = value

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (times("stress_potential", -1.0), "is not the part of the atoms' motion"),
        (times("stress_potential", 160.2), "is not the part of the atoms' motion"),
        (attribute("time_unit", "ps"), "FHI-vibes writes fs"),
        (attribute("masses", [30.0] * 64), "isotopes, or species and masses"),
        (attribute("symbols", ["Ge"] * 64), "isotopes, or species and masses"),
        (replaced("lattice_reference", 20.0 * np.eye(3)), "differs from lattice_reference"),
        (replaced("energy_potential", np.array([b"x"] * 6)), "not numbers"),
        (replaced("magmom", [32.0] * 6), "magnetic moments"),
        (replaced("charges", np.ones((6, 64))), "no part of umklapp carries them"),
        (
            attribute("raw_metadata", '{"calculator": {"calculator_parameters": {"charge": 1}}}'),
            "no part of umklapp carries them",
        ),
        (attribute("raw_metadata", "[" * 50_000 + "]" * 50_000), None),
    ],
)
def test_what_a_netcdf_says_twice_must_agree(tmp_path, steps, change, message):
    n = len(steps[0][0])
    change_file = change

    def sized(file):
        change_file(file)
        for name in ("masses", "symbols"):
            file.attrs[name] = file.attrs[name][:n]

    path = changed_nc(tmp_path / "trajectory.nc", steps, sized)
    if message is None:
        assert len(list(given.read(path))) == len(steps)
        return
    with pytest.raises(InputError, match=message):
        list(given.read(path))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"energy": ', '"magmom": 32.0, "energy": ', "magnetic moments"),
        ('"energy": ', '"charges": [0.4, -0.4], "magmom": 0.0, "energy": ', None),
        ('"xc": "pbesol"', '"xc": "pbesol", "charge": 1', "no part of umklapp carries them"),
        ("28.085", "30.0", "isotopes, or species and masses"),
        ('"nsteps": 2', '"nsteps": NaN', "a time of nan fs"),
        ('"nsteps": 2', f'"x": {"[" * 50_000}{"]" * 50_000}, "nsteps": 2', "nested 50"),
    ],
)
def test_what_a_son_holds_beside_its_labels_is_refused_or_none(tmp_path, steps, old, new, message):
    path = write_son(tmp_path / "trajectory.son", steps)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    if message is None:
        list(given.read(path))
        return
    with pytest.raises(InputError, match=message):
        list(given.read(path))


@pytest.mark.parametrize("energy", ["[1, 2]", '"abc"', "{}", "true"])
def test_an_energy_that_is_no_number_is_named(tmp_path, steps, energy):
    path = write_son(tmp_path / "trajectory.son", steps)
    text = re.sub(r'"energy": [-\d.e]+', f'"energy": {energy}', path.read_text())
    path.write_text(text)
    with pytest.raises(InputError, match="the energy is no number"):
        list(given.read(path))


def test_the_label_of_a_son_is_the_free_energy_which_the_forces_belong_to(tmp_path, steps):
    path = write_son(tmp_path / "trajectory.son", steps)
    before = [step.energy for step in vibes.read(path)]
    path.write_text(path.read_text().replace('"energy": ', '"free_energy": 1.5, "energy": '))
    assert [step.energy for step in vibes.read(path)] == [1.5] * len(before)
