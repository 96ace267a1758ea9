"""Tables and trajectories of heat fluxes: what their columns say is heeded, runs are other runs."""

import gzip
import lzma

import numpy as np
import pytest
from ase import units
from ase.io import write
from vibes_files import dynamics

from umklapp.errors import InputError
from umklapp.transport import flux_runs, user_files, user_steps

FLUX = np.random.default_rng(0).normal(size=(20, 3))
TIMES = 2.0 * np.arange(20)


def table(path, head, columns=(TIMES, FLUX), mark=",", point="."):
    rows = [mark.join(f"{x!r}" for x in row) for row in np.column_stack(columns).tolist()]
    path.write_text("\n".join([*filter(None, [head]), *rows]).replace(".", point) + "\n")
    return path


def read(path, time_unit="fs"):
    return flux_runs.read(path, 1000.0, 300.0, "eV/A2/fs", time_unit)


@pytest.mark.parametrize("mark", [",", ";", "\t", " ", ", "])
@pytest.mark.parametrize("head", [None, "time,Jx,Jy,Jz", "# time Jx Jy Jz", "# of LAMMPS"])
def test_every_row_of_a_table_is_read_whatever_parts_it(tmp_path, mark, head):
    head = head and head.replace(",", mark) if head and not head.startswith("#") else head
    run = read(table(tmp_path / "j.csv", head, mark=mark))
    np.testing.assert_array_equal(run.times, TIMES)
    np.testing.assert_array_equal(run.flux, FLUX)


@pytest.mark.parametrize(
    ("head", "message"),
    [
        ("step,x,y,z", "the first column, 'step', counts steps"),
        ("# TimeStep c_J[1] c_J[2] c_J[3]", "'TimeStep', counts steps"),
        ("time (ps),x,y,z", "is in ps, not in fs: give --time-unit"),
        ("time_ps,x,y,z", "is in ps"),
        ("time,Temp,Press,J", "'Temp' is no component of a heat flux"),
        ("time,J,E_pot,Volume", "'E_pot' is no component"),
    ],
)
def test_columns_that_say_something_else_are_refused(tmp_path, head, message):
    with pytest.raises(InputError, match=message.replace("(", r"\(")):
        read(table(tmp_path / "j.csv", head))


def noise(n=400):
    """A flux with a memory of some hundred fs, every 5 fs."""
    generator, flux = np.random.default_rng(2), np.zeros((n, 3))
    for row in range(1, n):
        flux[row] = 0.9 * flux[row - 1] + generator.normal(size=3)
    return 5.0 * np.arange(n), 1e-6 * flux


def table_text(times, flux):
    rows = np.column_stack([times, flux])
    return "".join(",".join(f"{x:.6e}" for x in row) + "\n" for row in rows)


def test_a_last_row_that_may_be_cut_is_left_out(tmp_path, caplog):
    """Without its exponent the last number was 10⁶ times as large, and κ 10⁶ times."""
    times, flux = noise()
    path = tmp_path / "j.csv"
    path.write_text(table_text(times, flux)[: -len("e-06\n")])
    run = read(path)
    np.testing.assert_allclose(run.flux, flux[:-1], rtol=1e-6)
    assert "its last line has no end and may be cut: left out" in caplog.text


def a_digit_more(times, flux):
    flux[17, 2] *= 1e6
    return times, flux


def a_correlation(times, flux):
    return times, np.exp(-times / 100.0)[:, None]


def flat(times, flux):
    flux[:, 1] = 0.0
    return times, flux


def thrice(times, flux):
    return times, np.repeat(flux[:, :1], 3, axis=1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda times, flux: (times / 1000, flux), "a sample every 0.005 fs, .* --time-unit ps"),
        (lambda times, flux: (times * 1e-15, flux), "a sample every 5e-15 fs, which"),
        (a_digit_more, "sample 17 is .* times the median flux: a damaged number"),
        (a_correlation, "sample 0 is .* a correlation function in place of the flux"),
        (flat, "the component y never changes"),
        (thrice, "two components are the same numbers"),
    ],
)
def test_numbers_of_no_flux_are_refused(tmp_path, change, message):
    path = tmp_path / "j.csv"
    path.write_text(table_text(*change(*noise())))
    with pytest.raises(InputError, match=rf"j\.csv: {message}"):
        read(path)


@pytest.mark.parametrize("name", ["j.CSV", "j.dat", "J", "j.txt", "j.csv.gz", "j.dat.xz"])
def test_a_table_is_told_by_its_content(tmp_path, name):
    packer = {"gz": gzip, "xz": lzma}.get(name.rsplit(".", maxsplit=1)[-1])
    data = ("# time Jx Jy Jz\n" + table_text(*noise())).encode()
    (tmp_path / name).write_bytes(packer.compress(data) if packer else data)
    np.testing.assert_allclose(read(tmp_path / name).flux, noise()[1], rtol=1e-6)


@pytest.mark.parametrize(
    ("volume", "temperature", "message"),
    [
        (4e-27, 300.0, "--volume 4e-27: from 10"),
        (np.nan, 300.0, "--volume nan"),
        (1000.0, -5.0, "--temperature -5"),
        (1000.0, 1e9, r"--temperature 1e\+09"),
    ],
)
def test_conditions_that_cannot_be_meant(tmp_path, volume, temperature, message):
    path = table(tmp_path / "j.csv", None)
    with pytest.raises(InputError, match=message):
        flux_runs.read(path, volume, temperature, "eV/A2/fs", "fs")


@pytest.mark.parametrize(("rows", "frequency"), [(5, None), (400, 1e6)])
def test_a_noise_filter_shorter_than_the_samples_is_a_sentence(tmp_path, rows, frequency):
    times, flux = noise()
    path = tmp_path / "j.csv"
    path.write_text(table_text(times[:rows], flux[:rows]))
    with pytest.raises(InputError, match=r"noise filter of .* give a lower frequency, or a longer"):
        user_files.conductivity([path], volume=1e3, temperature=300.0, frequency=frequency)


def test_a_unit_in_the_name_that_is_asked_for_is_read(tmp_path):
    run = read(table(tmp_path / "j.csv", "time/ps,x,y,z"), "ps")
    np.testing.assert_allclose(run.times, 1e3 * TIMES)


def test_decimal_commas_are_refused(tmp_path):
    with pytest.raises(InputError, match="decimal commas"):
        read(table(tmp_path / "j.csv", None, mark=";", point=","))


@pytest.mark.parametrize("start", [0, 7])
def test_one_run_or_a_stretch_of_it_is_no_second_run(tmp_path, start):
    paths = [tmp_path / "a.csv", tmp_path / "b.csv"]
    one = read(table(paths[0], None))
    two = read(table(paths[1], None, (TIMES[start:], FLUX[start:])))
    with pytest.raises(InputError, match=rf"a\.csv and .*b\.csv have {20 - start} samples"):
        flux_runs.check_independent([one, two], paths)


def test_runs_of_other_volumes_or_temperatures_are_not_averaged(tmp_path):
    one = read(table(tmp_path / "a.csv", None))
    for name, value, said in (("volume", 1200.0, "volumes"), ("temperature", 400.0, "temperatur")):
        other = flux_runs.FluxRun(**{**vars(one), "flux": FLUX[::-1] * 2, name: value})
        with pytest.raises(InputError, match=f"have other {said}"):
            flux_runs.check_independent([one, other], [tmp_path, tmp_path])


@pytest.fixture(scope="module")
def steps():
    return dynamics(6)


def trajectory(path, steps, change):
    frames = []
    for index, (frame, speeds) in enumerate(steps):
        copy = frame.copy()
        copy.info = {"time": 2.0 * index, "heat_flux": np.arange(3.0) + index}
        copy.set_velocities(speeds / units.fs)
        change(index, copy)
        frames.append(copy)
    write(path, frames)
    return path


def nothing(index, frame):
    pass


def one_atom_less(index, frame):
    if index == 3:
        del frame[2]


def another_species(index, frame):
    if index == 2:
        frame.symbols[0] = "Ge"


def two_components(index, frame):
    frame.info["heat_flux"] = np.ones(2)


def words(index, frame):
    frame.info["heat_flux"] = "a b c"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (nothing, None),
        (one_atom_less, "step 3: its atoms, Si7, are not those of the first step, Si8"),
        (another_species, "step 2: its atoms, GeSi7"),
        (two_components, "frame 0: `heat_flux` has 2 numbers"),
        (words, "frame 0: `heat_flux` is no number"),
    ],
)
def test_trajectories_with_one_thing_wrong(tmp_path, steps, change, message):
    path = trajectory(tmp_path / "md.extxyz", steps, change)
    if message is None:
        assert len(list(user_steps.read(path))) == 6
        return
    with pytest.raises(InputError, match=message):
        list(user_steps.read(path))


def test_a_trajectory_that_is_cut_is_named(tmp_path, steps):
    path = trajectory(tmp_path / "md.extxyz", steps, nothing)
    path.write_text("\n".join(path.read_text().split("\n")[:37]) + "\n")
    with pytest.raises(InputError, match=r"md\.extxyz.*: cannot be read"):
        list(user_steps.read(path))
