"""Figures: the table behind each, and a picture of the right size with something in it."""

import re

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import stored_results
from assessments import assessment
from conftest import diamond, label
from matplotlib.colors import to_rgb
from matplotlib.image import imread
from phonopy import Phonopy

from umklapp.crystals import materials, phonopy_cells
from umklapp.lattice import phonons
from umklapp.learning.events.observations import Event, Observation
from umklapp.learning.events.quiet import Quiet
from umklapp.learning.events.verdict import Verdict
from umklapp.learning.sampling import calibration
from umklapp.report.figures import bands, events, kappa, learning_curve, style, uncertainty
from umklapp.report.figures.events import LOOKS
from umklapp.report.history import Round
from umklapp.transport.kappa_records import Literature


def look(paths, width, height):
    """Size of a png and a pdf, and that curves were drawn; returns the pixels."""
    png, pdf = paths
    pixels = imread(png)[:, :, :3]
    assert pixels.shape[:2] == (round(200 * height), round(200 * width))
    assert share(pixels, "black", 0.6) > 0.002  # axes and text
    box = re.search(rb"/MediaBox \[ ?0 0 ([\d.]+) ([\d.]+)", pdf.read_bytes())
    assert pdf.read_bytes().startswith(b"%PDF")
    assert [float(each) for each in box.groups()] == pytest.approx([72 * width, 72 * height])
    return pixels


def share(pixels, colour, tolerance=0.08):
    """Share of the pixels that have this colour."""
    return float((np.abs(pixels - to_rgb(colour)).max(axis=2) < tolerance).mean())


@pytest.fixture
def paths(tmp_path):
    return [tmp_path / "figures" / "figure.png", tmp_path / "figures" / "figure.pdf"]


def through_csv(data, folder):
    data.to_csv(folder / "figure.csv", index=False)
    return pd.read_csv(folder / "figure.csv")


# κ


def conductivity(**changes):
    plain = {
        "temperatures_K": [200.0, 300.0, 600.0],
        "kappa_W_per_mK": [12.6, 8.1, 4.0],
        "std_W_per_mK": [1.0, 0.6, 0.3],
        "members_W_per_mK": [[13.6, 8.7, 4.3], [11.6, 7.5, 3.7]],
        "literature": Literature(
            experiment_300K=[6.0, 7.1],
            ab_initio_green_kubo_300K=[6.66],
            text="exp. 6, 7.1; aiGK 6.66",
        ),
    }
    return stored_results.conductivity(**(plain | changes))


ERRORS = stored_results.errors(
    stored_results.budget(
        [200.0, 300.0, 600.0], potential=[4.0, 3.0, 1.5], mesh=[3.0, 0.4, 2.0], size=None
    )
)
NOT_COMPUTED = {
    "kappa_W_per_mK": None,
    "std_W_per_mK": None,
    "members_W_per_mK": [None, [11.6, 7.5, 3.7]],
    "not_computed": "member 0: imaginary modes down to -1.2 THz",
}


def test_kappa_table(tmp_path):
    data = through_csv(kappa.table(conductivity(), ERRORS), tmp_path)
    assert list(data.columns) == [
        "temperature_K",
        "kappa_W_per_mK",
        "error_W_per_mK",
        "std_W_per_mK",
        "member_0_W_per_mK",
        "member_1_W_per_mK",
    ]
    assert data["temperature_K"].tolist() == [200.0, 300.0, 600.0]
    np.testing.assert_allclose(data["error_W_per_mK"], [5.0, np.hypot(3.0, 0.4), 2.5])
    members = data[["member_0_W_per_mK", "member_1_W_per_mK"]]
    np.testing.assert_allclose(members.mean(axis=1), data["kappa_W_per_mK"])


def test_kappa_table_without_kappa(tmp_path):
    data = through_csv(kappa.table(conductivity(**NOT_COMPUTED), stored_results.errors()), tmp_path)
    assert data["kappa_W_per_mK"].isna().all()
    assert data["member_0_W_per_mK"].isna().all()
    assert data["member_1_W_per_mK"].tolist() == [11.6, 7.5, 3.7]


def test_kappa_figure(paths):
    kappa.draw(conductivity(), ERRORS, "NaCl-225", paths)
    pixels = look(paths, 3.5, 2.8)
    assert share(pixels, style.BLUE) > 0.002
    assert share(pixels, style.ORANGE) > 0.0002  # experiments
    bare = Literature(experiment_300K=[], ab_initio_green_kubo_300K=[], text="none")
    kappa.draw(conductivity(literature=bare), ERRORS, "NaCl-225", paths)
    assert share(look(paths, 3.5, 2.8), style.ORANGE) == 0


def test_kappa_figure_says_why_there_is_none(paths):
    kappa.draw(conductivity(**NOT_COMPUTED), ERRORS, "NaCl-225", paths)
    pixels = imread(paths[0])[:, :, :3]
    assert pixels.shape[:2] == (560, 700)
    assert share(pixels, style.BLUE) == 0
    assert share(pixels, "black", 0.6) > 0.002  # the reason


# learning curve


def rounds(new=(0.051, None, 0.024)):
    """Three rounds of history.json."""
    return [
        Round(
            committee=stored_results.committee(
                frames={"train": 20 + 8 * n}, test={"force_mae_eV_per_A": 0.04 / (n + 1)}
            ),
            assessment=assessment(n, met=False, force=value),
        )
        for n, value in enumerate(new)
    ]


def test_learning_curve_table(tmp_path):
    data = through_csv(learning_curve.table(rounds()), tmp_path)
    assert data["round"].tolist() == [0, 1, 2]
    assert data["training_labels"].tolist() == [20, 28, 36]
    assert data["test_force_mae_eV_per_A"].tolist() == [0.04, 0.02, 0.04 / 3]
    assert data["wanted_eV_per_A"].tolist() == [0.03] * 3
    assert np.isnan(data["new_label_force_mae_eV_per_A"][1])
    assert data["new_label_force_mae_eV_per_A"][2] == 0.024


@pytest.mark.parametrize("new", [(0.051, None, 0.024), (0.05,), (None, None)])
def test_learning_curve_figure(paths, new):
    learning_curve.draw(learning_curve.table(rounds(new)), "Si-227", paths)
    pixels = look(paths, 3.5, 2.8)
    assert share(pixels, style.BLUE) > 0.0005
    assert share(pixels, style.ORANGE) > 0.0001


# uncertainty


def honesty(generator):
    """committee.json of a round."""
    errors = [generator.lognormal(-3, 0.5, size=8) for _ in range(12)]
    spread = [each * generator.lognormal(0, 0.3, size=8) for each in errors]
    return stored_results.committee(honesty=calibration.summarise(errors, spread, 1.1))


def test_uncertainty_figure(paths):
    generator = np.random.default_rng(0)
    expected = generator.lognormal(-3, 0.5, size=25)
    data = pd.DataFrame(
        {
            "expected_error_eV_per_A": expected,
            "error_eV_per_A": expected * generator.lognormal(0, 0.3, size=25),
        }
    )
    uncertainty.draw(data, [honesty(generator), honesty(generator)], "Si-227", paths)
    pixels = look(paths, 6.4, 3.1)
    assert np.mean(np.abs(pixels[:, :, 2] - pixels[:, :, 0]) > 0.1) > 0.002  # blue, transparent


def test_uncertainty_figure_of_one_member(paths):
    """A committee of one has no spread: nothing to put on a logarithmic axis."""
    data = pd.DataFrame(
        {"expected_error_eV_per_A": [np.nan, np.nan], "error_eV_per_A": [0.01, 0.02]}
    )
    none = calibration.summarise([np.array([0.01, 0.02])] * 2, [np.zeros(2)] * 2, None)
    uncertainty.draw(data, [stored_results.committee(honesty=none)], "Si-227", paths)
    look(paths, 6.4, 3.1)


# events


def series(source, sigma, **columns):
    time = 0.05 * np.arange(len(sigma))
    return pd.DataFrame(
        {"source": source, "replica": 0, "time_ps": time, "sigma": sigma, **columns}
    )


EVENT = Event(replica=0, start=1000.0, end=2000.0, peak=1.2, mean=1.2)
OBSERVED = Observation(events=(EVENT,), quiet_ps=2.0, quiet=Quiet(median=0.4, width=0.02))


def test_event_figure_along_the_reference(paths):
    sigma = np.full(60, 0.4)
    sigma[20:40] = 1.2
    data = series(
        "reference", sigma, force_error_before=sigma / 50, force_error_after=sigma / 90,
        uncertainty_before=sigma / 20, uncertainty_after=sigma / 40,
    )  # fmt: skip
    record = Verdict(verdict="missed event", reason="missed event: x", reference=OBSERVED)
    events.draw(data, record, "CuI-216", paths)
    pixels = look(paths, 4.4, 5.4)
    assert share(pixels, style.BLUE) > 0.001
    assert share(pixels, style.ORANGE) > 0.001


def test_event_figure_without_a_reference(paths):
    parts = [series(name, np.full(30, 0.4), **{f"uncertainty_{name}": 0.05}) for name in LOOKS]
    record = Verdict(verdict="sound", reason="sound: x", before=OBSERVED)
    events.draw(pd.concat(parts), record, "CuI-216", paths)
    look(paths, 4.4, 4.2)


def test_event_figure_of_nothing(paths):
    nothing = pd.DataFrame(columns=["source", "replica", "time_ps", "sigma"])
    events.draw(nothing, Verdict(verdict="undecided", reason="undecided: x"), "Si", paths)
    look(paths, 4.4, 4.2)


# bands


@pytest.fixture(scope="module")
def silicon_bands():
    """Bands of two "members": Stillinger–Weber silicon, and one that is 5 % too soft."""
    primitive = materials.primitive_cell(diamond())
    models = []
    for scale in (1.0, 0.95):
        phonon = Phonopy(
            phonopy_cells.to_phonopy(primitive),
            supercell_matrix=2 * np.array([[-1, 1, 1], [1, -1, 1], [1, 1, -1]]),
            primitive_matrix="P",
        )
        phonon.generate_displacements(distance=0.01)
        cells = map(phonopy_cells.from_phonopy, phonon.supercells_with_displacements)
        phonon.forces = np.array([scale * label(cell).get_forces() for cell in cells])
        phonon.produce_force_constants()
        phonon.symmetrize_force_constants()
        models.append(phonon)
    return phonons.bands(models)


def test_bands_are_those_of_the_potential(silicon_bands):
    """Optical modes at Γ: published 17.8 THz; the path is in 1/Å without 2π."""
    optical = silicon_bands.frequencies[0, 0, 3:]
    assert optical == pytest.approx(3 * [17.8], abs=0.2)
    assert np.abs(silicon_bands.frequencies[:, 0, :3]).max() < 0.01
    assert silicon_bands.labels[0] == "G"
    x = silicon_bands.ticks[silicon_bands.labels.index("X")]
    assert x == pytest.approx(1 / 5.431, rel=1e-3)


def test_bands_table(silicon_bands, tmp_path):
    data = through_csv(bands.table(silicon_bands), tmp_path)
    assert len(data.columns) == 1 + 3 * 6
    assert len(data) == len(silicon_bands.distance)
    assert (np.diff(data["distance_per_A"]) >= 0).all()
    ratio = data["band_6_min_THz"] / data["band_6_max_THz"]
    np.testing.assert_allclose(ratio, 0.95**0.5, rtol=1e-3)
    mean = (data["band_6_min_THz"] + data["band_6_max_THz"]) / 2
    np.testing.assert_allclose(data["band_6_mean_THz"], mean)


def test_bands_survive_their_file(silicon_bands, tmp_path):
    phonons.write_bands(tmp_path / "bands.hdf5", silicon_bands, [])
    again = phonons.read_bands(tmp_path / "bands.hdf5")
    np.testing.assert_array_equal(again.frequencies, silicon_bands.frequencies)
    np.testing.assert_array_equal(again.segments, silicon_bands.segments)
    assert again.labels == silicon_bands.labels


def test_bands_figure(silicon_bands, paths):
    bands.draw(silicon_bands, "Si-227", paths)
    assert share(look(paths, 4.6, 3.0), style.BLUE) > 0.005


def test_bands_figure_names_both_ends_of_a_jump(silicon_bands):
    ticks, names = bands._tick_labels(silicon_bands)
    assert len(ticks) == len(names) == len(set(ticks))
    assert names[0] == "Γ"
    assert [name for name in names if "|" in name] == ["K|U"]


# all


def test_equal_figures_are_equal_files(tmp_path):
    for folder in ("a", "b"):
        paths = [tmp_path / folder / f"figure.{end}" for end in ("png", "pdf", "svg")]
        kappa.draw(conductivity(), ERRORS, "NaCl-225", paths)
    for end in ("png", "pdf", "svg"):
        one, two = ((tmp_path / folder / f"figure.{end}").read_bytes() for folder in "ab")
        assert one == two, end


def test_no_display_is_needed():
    figure, axes = style.canvas(2, 1)
    assert tuple(figure.get_size_inches()) == (2, 1)
    assert axes.figure is figure
    assert "matplotlib.pyplot" not in vars(style)
    assert mpl.rcParams["pdf.fonttype"] == 42  # text stays text
