import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import stored_results

from umklapp.report import comparison
from umklapp.report.figures import comparison as figure
from umklapp.report.figures import green_kubo as green_kubo_figure
from umklapp.transport.green_kubo_record import CepstralNumbers, GreenKuboRecord, SizeNumbers
from umklapp.transport.green_kubo_series import GreenKuboSeries
from umklapp.transport.kappa_records import EffectiveConductivity, Literature

CONDUCTIVITY = stored_results.conductivity(
    temperatures_K=[200.0, 300.0],
    kappa_W_per_mK=[9.0, 6.0],
    std_W_per_mK=[0.3, 0.2],
    method="phono3py RTA",
)
NOTHING = {"kappa_W_per_mK": None, "std_W_per_mK": None}
GREEN_KUBO = GreenKuboRecord.model_validate(
    {
        "temperature_K": 301.0,
        "kappa_W_per_mK": 5.0,
        "error_W_per_mK": 0.6,
        "trajectories_W_per_mK": [4.0, 6.0],
        "committee": {"members": {"0": 4.5, "1": 5.5}, "model_W_per_mK": 0.4},
        "corrected_W_per_mK": 5.5,
        "cepstral": {"kappa_W_per_mK": 5.2, "error_W_per_mK": 0.5},
        "excluded": {"3": "step 9: exploded"},
        "warnings": ["too short"],
        "atoms": 64,
        "cutoff_fs": 2000.0,
        "convergence": {
            name: [
                {"at": 1.0, "kappa": 4.0, "error": 1.0},
                {"at": 2.0, "kappa": None, "error": None},
            ]
            for name in ("length_ps", "filter_periods")
        },
    }
)
EFFECTIVE = EffectiveConductivity(
    kappa_W_per_mK=5.7, temperature_K=301.0, not_computed=None, mesh=[3, 3, 3]
)
ERRORS = stored_results.errors(
    stored_results.budget([200.0, 300.0], potential=[0.6, 0.4], mesh=[0.4, 0.3], size=None),
    stored_results.budget([301.0], potential=[0.8], statistics=[0.6]),
    moves=-0.35,
)
NO_ERRORS = stored_results.errors()
LITERATURE = Literature(experiment_300K=[6.0, 7.1], ab_initio_green_kubo_300K=[5.1], text="")


def changed(**fields):
    return GREEN_KUBO.model_copy(update=fields)


def table(green_kubo=GREEN_KUBO, conductivity=CONDUCTIVITY, effective=EFFECTIVE):
    return comparison.rows(
        conductivity, green_kubo, effective, comparison.literature_rows(LITERATURE), ERRORS
    )


def test_every_method_has_its_row_and_says_what_its_error_is():
    found = table().set_index("method")
    assert found.loc["phono3py RTA", "kappa_W_per_mK"] == 6.0
    assert found.loc["phono3py RTA", "error_W_per_mK"] == pytest.approx(0.5)  # 3, 4, 5; at 300 K
    assert found.loc["phono3py RTA", "error_is"] == "potential 0.4; mesh 0.3; size not known"
    assert found.loc["Green–Kubo", "error_W_per_mK"] == pytest.approx(1.0)
    assert found.loc["Green–Kubo", "error_is"] == "potential 0.8; statistics 0.6"
    assert found.loc["Green–Kubo, by members", "error_W_per_mK"] == 0.4
    assert found.loc["Green–Kubo, infinite size", "kappa_W_per_mK"] == 5.5
    assert found.loc["cepstral analysis", "kappa_W_per_mK"] == 5.2
    assert found.loc["effective force constants", "temperature_K"] == 301.0
    assert list(found.loc[["experiment"], "kappa_W_per_mK"]) == [6.0, 7.1]


def test_what_was_not_made_has_no_row():
    assert list(table(None, effective=None)["method"].unique()) == [
        "phono3py RTA", "experiment", "ab initio Green–Kubo (literature)",
    ]  # fmt: skip
    failed = GreenKuboRecord(kappa_W_per_mK=None, not_computed="the heat flux is still correlated")
    unstable = CONDUCTIVITY.model_copy(update=NOTHING | {"not_computed": "member 1: not stable"})
    assert "Green–Kubo" not in set(table(failed, unstable)["method"])
    unfitted = EFFECTIVE.model_copy(
        update={"kappa_W_per_mK": None, "not_computed": "too few frames"}
    )
    words = comparison.missing(unstable, failed, unfitted, NO_ERRORS)
    assert words == [
        "κ: member 1: not stable", "effective force constants: too few frames",
        "Green–Kubo: the heat flux is still correlated",
    ]  # fmt: skip
    partly = changed(cepstral=CepstralNumbers(not_computed="run longer"))
    assert "cepstral analysis" not in set(table(partly)["method"])
    assert comparison.missing(CONDUCTIVITY, partly, None, NO_ERRORS) == [
        "trajectory 3 is not used: step 9: exploded", "Green–Kubo: too short",
        "cepstral: run longer",
    ]  # fmt: skip


def test_the_residual_that_only_force_constants_are_corrected_for_is_told():
    corrected = CONDUCTIVITY.model_copy(update={"residual_before_correction_eV_per_A": 0.023})
    assert "they leave 23 meV/Å" in comparison.missing(corrected, GREEN_KUBO, None, NO_ERRORS)[0]
    assert comparison.missing(corrected, None, None, NO_ERRORS) == []


def test_members_that_kappa_is_made_without_are_told():
    alone = CONDUCTIVITY.model_copy(update={"left_out_members": [0]})
    assert "Taylor expansion alone" in comparison.missing(alone, None, None, NO_ERRORS)[0]


def test_the_potential_that_green_kubo_moved_is_told():
    """With its correction in the dynamics nothing is left for the Boltzmann equation alone."""
    corrected = CONDUCTIVITY.model_copy(update={"residual_before_correction_eV_per_A": 0.023})
    moved = changed(moved="the members with their correction", correction="taylor")
    told = comparison.missing(corrected, moved, None, NO_ERRORS)
    assert told[0] == "Green–Kubo moves the members with their correction"
    assert not any("23 meV/Å" in sentence for sentence in told)


def test_what_an_error_leaves_out_and_how_far_kappa_would_move_is_told():
    words = comparison.missing(CONDUCTIVITY, None, None, ERRORS)
    assert "would move by -0.35 W/(m K)" in words[0]
    assert words[1] == "± of Boltzmann does not contain size: nobody knows"


def test_kappa_without_a_budget_has_no_error():
    found = comparison.rows(CONDUCTIVITY, None, None, pd.DataFrame(), NO_ERRORS)
    assert found.loc[0, "error_W_per_mK"] is None
    assert "no error budget" in found.loc[0, "error_is"]


def test_an_archive_without_a_budget_has_the_error_bars_of_then():
    found = comparison.rows(CONDUCTIVITY, GREEN_KUBO, None, pd.DataFrame(), None).set_index(
        "method"
    )
    assert found.loc["phono3py RTA", "error_W_per_mK"] == 0.2
    assert found.loc["phono3py RTA", "error_is"] == "members only, made before error budgets"
    assert found.loc["Green–Kubo", "error_W_per_mK"] == 0.6
    assert found.loc["Green–Kubo", "error_is"] == "statistics only, made before error budgets"
    words = comparison.missing(CONDUCTIVITY, None, None, None)
    assert words == ["error bars: members only, made before error budgets"]


def test_a_size_correction_that_outweighs_the_value_is_no_result():
    small = changed(kappa_W_per_mK=1.45, corrected_W_per_mK=7.85)
    words = comparison.missing(CONDUCTIVITY, small, None, NO_ERRORS)[-1]
    assert "infinite size: the correction (+6.4) is 4.4 times the value it corrects" in words
    assert "infinite size" not in str(comparison.missing(CONDUCTIVITY, GREEN_KUBO, None, NO_ERRORS))


def test_the_page_and_the_figure_have_all_rows(tmp_path):
    rows = table()
    audit = comparison.AuditSays(reason="failed: audited: 23.0 meV/Å on 6 labels, expected 5.0")
    sigmas = {"last": 0.14, "first": None}
    page = comparison.page("NaCl-225", rows, sigmas, "advice", ["a problem"], audit)
    assert "Audit: failed: audited: 23.0 meV/Å on 6 labels" in page
    for text in ("| Green–Kubo | 301 | 5 | 1 |", "0.140", "not known", "- a problem"):
        assert text in page
    paths = [tmp_path / "x.png", tmp_path / "x.pdf"]
    figure.draw(rows, "NaCl-225", "advice", paths)
    figure.draw(rows[:0], "NaCl-225", "nothing", [tmp_path / "empty.png"])
    assert all(path.stat().st_size > 1000 for path in paths)
    json.loads(rows.to_json(orient="records"))
    assert isinstance(rows, pd.DataFrame)


def test_the_green_kubo_figure_is_drawn_with_and_without_its_parts(tmp_path):
    time = np.linspace(0, 10000, 101)
    integral = 5 * (1 - np.exp(-time / 800))
    series = GreenKuboSeries(times_fs=time, integral=integral, smooth_integral=integral)
    green_kubo_figure.draw(GREEN_KUBO, series, "X", [tmp_path / "bare.png"])
    series = replace(
        series,
        cepstral_frequencies_THz=np.linspace(0, 5, 50),
        cepstral_periodogram=np.ones(50),
        cepstral_smooth=np.ones(50),
    )
    size = {
        "meshes": [4, 6, 8], "kappas_W_per_mK": [3.0, 3.5, 3.7], "extrapolated_W_per_mK": 4.1,
        "kappa_harmonic_W_per_mK": 3.2,
    }  # fmt: skip
    green_kubo_figure.draw(changed(size=SizeNumbers(**size)), series, "X", [tmp_path / "all.png"])
    failed = GreenKuboRecord(kappa_W_per_mK=None, not_computed="because")
    green_kubo_figure.draw(failed, GreenKuboSeries(), "X", [tmp_path / "none.png"])
    assert len(list(tmp_path.glob("*.png"))) == 3
