"""σᴬ, vibrational density and κ of files that a user has: any format, the same numbers."""

import json

import numpy as np
import pandas as pd
import pytest
from ase import units
from ase.io import write
from conftest import diamond
from vibes_files import dynamics, write_nc, write_son

from umklapp.__main__ import main
from umklapp.crystals import frames
from umklapp.errors import InputError
from umklapp.transport import green_kubo, user_files

TIMES = 2.0 * np.arange(400)


def fluctuations(seed=0, decay=60.0, components=3):
    """A flux with a correlation that decays within `decay` fs and oscillates."""
    generator = np.random.default_rng(seed)
    lags = np.arange(200) * 2.0
    kernel = np.exp(-lags / decay) * np.cos(2 * np.pi * lags / 100.0)
    noise = generator.normal(size=(len(TIMES) + 199, components))
    columns = [np.convolve(noise[:, n], kernel, "valid") for n in range(components)]
    return 1e-7 * np.column_stack(columns)


def table(path, flux, scale=1.0, time=1.0):
    columns = {f"J{n}": values / scale for n, values in enumerate(flux.T)}
    pd.DataFrame({"time": TIMES / time, **columns}).to_csv(path, index=False)
    return path


def kappa_of(text):
    return float(text.split("kappa_W_per_mK: ")[1].split()[0])


@pytest.fixture
def expected():
    flux = fluctuations()
    return green_kubo.estimate(flux, TIMES, volume=1000.0, temperature=300.0, frequency=1e4 / 798)


@pytest.mark.parametrize(
    ("unit", "scale", "time_unit", "time"),
    [
        ("eV/A2/fs", 1.0, "fs", 1.0),
        ("eV/A2/ps", 1e-3, "ps", 1e3),
        ("W/m2", 1 / (units._e * 1e35), "fs", 1.0),
        ("metal", 1e-3 / 1000.0, "ps", 1e3),
        ("real", 0.0433641 / 1000.0, "fs", 1.0),
    ],
)
def test_a_table_in_every_unit_has_the_same_conductivity(
    tmp_path, expected, unit, scale, time_unit, time
):
    path = table(tmp_path / "flux.csv", fluctuations(), scale, time)
    text = user_files.conductivity(
        [path], volume=1000.0, temperature=300.0, unit=unit, time_unit=time_unit
    )
    assert kappa_of(text) == pytest.approx(expected.scalar(), rel=1e-4)


def test_several_runs_give_an_error_and_one_component_is_enough(tmp_path):
    paths = [table(tmp_path / f"{n}.csv", fluctuations(n, components=1)) for n in range(4)]
    text = user_files.conductivity(paths, volume=1000.0, temperature=300.0, out=tmp_path / "k.csv")
    fluxes = np.array([np.repeat(fluctuations(n, components=1), 3, axis=1) for n in range(4)])
    kappa = green_kubo.estimate(
        fluxes, TIMES, volume=1000.0, temperature=300.0, frequency=1e4 / 798
    )
    assert kappa_of(text) == pytest.approx(kappa.scalar(), rel=1e-6)
    assert f"error: {kappa.error:.4g}" in text
    assert len(pd.read_csv(tmp_path / "k.csv")) == len(TIMES)


def test_what_a_table_lacks_is_said(tmp_path, capsys):
    path = table(tmp_path / "flux.csv", fluctuations())
    assert main(["green-kubo", str(path)]) == 1
    assert "neither volume nor temperature" in capsys.readouterr().err
    path.write_text("time,J\n0,a\n")
    assert main(["green-kubo", str(path), "--volume", "1000", "--temperature", "300"]) == 1
    assert "table of numbers" in capsys.readouterr().err
    with pytest.raises(InputError, match=r"--(time-)?unit \S+: no such unit; units of fluxes"):
        user_files.conductivity([path], unit="erg")


@pytest.fixture(scope="module")
def steps():
    return dynamics(200)


def test_vibrations_are_the_same_in_every_format(tmp_path, steps):
    files = [write_son(tmp_path / "t.son", steps), write_nc(tmp_path / "t.nc", steps)]
    made = []
    for frame, velocities in steps:
        atoms = frames.strip(frame)
        atoms.info["time"] = frame.info["time"]
        atoms.set_velocities(velocities / units.fs)
        made.append(atoms)
    write(tmp_path / "t.extxyz", made, format="extxyz")
    told = [user_files.vdos(path) for path in (*files, tmp_path / "t.extxyz")]
    lowest = [float(text.split()[1]) for text in told]
    assert lowest == pytest.approx([lowest[0]] * 3, abs=0.02)
    assert 1 < lowest[0] < 20  # silicon's eight-atom cell vibrates there


def test_sigma_of_a_trajectory_and_its_structure(tmp_path, steps):
    path = write_son(tmp_path / "t.son", steps[:60])
    write(tmp_path / "Si.cif", diamond())
    out = tmp_path / "no folder yet" / "sigma.csv"
    text = user_files.sigma_a(path, tmp_path / "Si.cif", out)
    value = float(text.split()[1])
    assert 0.0 < value < 0.5  # a rattled crystal of Stillinger–Weber is nearly harmonic
    assert len(pd.read_csv(out)) == 60
    assert "standard error, from 10 stretches" in text
    with pytest.raises(InputError, match="give a structure file of the crystal"):
        user_files.sigma_a(path)
    head, mark, rest = path.read_text().partition("\n===")
    cell = diamond()
    section = {"symbols": [[len(cell), "Si"]], "cell": cell.cell.tolist(),
               "positions": cell.positions.tolist()}  # fmt: skip
    told = tmp_path / "a folder" / "with a primitive cell.son"
    told.parent.mkdir()
    told.write_text(json.dumps(json.loads(head) | {"primitive": section}) + mark + rest)
    assert user_files.sigma_a(told).split()[1] == text.split()[1]
    section.pop("cell")
    told.write_text(json.dumps(json.loads(head) | {"primitive": section}) + mark + rest)
    with pytest.raises(InputError, match="'primitive' of the metadata cannot be read"):
        user_files.sigma_a(told)


@pytest.mark.parametrize("command", ["sigma-a", "vdos", "green-kubo"])
def test_a_missing_file_is_said_plainly(tmp_path, capsys, command):
    path = tmp_path / "no such folder" / "nothing.son"
    assert main([command, str(path)]) == 1
    assert capsys.readouterr().err == f"{path}: there is no such file\n"


def test_real_argon_by_the_door(shared, capsys):
    """σᴬ of the file's own force constants is FHI-vibes' own number."""
    path = shared / "data/vibes/argon_green_kubo.nc"
    assert main(["sigma-a", str(path)]) == 0
    text = capsys.readouterr().out
    assert float(text.split()[1]) == pytest.approx(0.47122709, abs=0.02)


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300])
def test_a_number_that_is_no_flux(tmp_path, value):
    flux = fluctuations()
    flux[7, 1] = value
    path = table(tmp_path / "flux.csv", flux)
    with pytest.raises(InputError, match="not finite, or beyond 1e"):
        user_files.conductivity([path], volume=1000.0, temperature=300.0)
