"""κ against temperature: the table behind the figure, and its picture."""

import numpy as np
import stored_results
from figure_files import look, share, through_csv
from matplotlib.image import imread

from umklapp.report.figures import kappa, style
from umklapp.transport.kappa_records import Literature


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
