import json

import numpy as np
import pytest
from conftest import ROOT
from hypothesis import given
from hypothesis import strategies as st
from test_green_kubo import CELL, STEP, TAU, TEMPERATURE, TIMES, VOLUME, ornstein_uhlenbeck

from umklapp.errors import InputError
from umklapp.transport import cepstral, green_kubo

ORACLE = json.loads((ROOT / "tests/oracles/cepstral.json").read_text())
"""Of tests/oracles/sportran_cepstral.py."""

CRYSTAL = {"volume": VOLUME, "temperature": TEMPERATURE}


def exact_kappa(tau=TAU, size=1e-6):
    """Half the spectral density of the sampled process at zero frequency, and the prefactor."""
    decay = np.exp(-STEP / tau)
    return (
        green_kubo.prefactor(VOLUME, TEMPERATURE) * size**2 * STEP * (1 + decay) / (1 - decay) / 2
    )


def test_the_periodogram_of_a_known_process_is_its_spectral_density():
    frequencies, density = cepstral.periodogram(ornstein_uhlenbeck(0, 300), STEP)
    decay, phase = np.exp(-STEP / TAU), 2 * np.pi * frequencies / 1000 * STEP
    exact = 1e-12 * STEP * (1 - decay**2) / (1 + decay**2 - 2 * decay * np.cos(phase))
    ratio = density[1:-1] / exact[1:-1]
    assert ratio.mean() == pytest.approx(1, abs=0.01)
    # 2l degrees of freedom
    assert ratio.std() == pytest.approx(1 / np.sqrt(900), rel=0.1)


@pytest.mark.parametrize("members", [1, 4])
@pytest.mark.parametrize("cutoff", [None, 20.0])
def test_a_known_conductivity_is_found_within_its_error(members, cutoff):
    deviations = []
    for seed in range(40):
        found = cepstral.estimate(
            ornstein_uhlenbeck(seed, members), TIMES, cutoff=cutoff, **CRYSTAL
        )
        deviations.append((found.kappa - exact_kappa()) / found.error)
    assert abs(np.mean(deviations)) < 0.5
    assert 0.7 < np.std(deviations) < 1.4


@pytest.mark.parametrize("case", ORACLE["cases"], ids=lambda case: f"{case['members']} runs")
def test_it_is_the_analysis_of_sportran(case):
    """Equal in the number of coefficients and the relative error; κ differs in one point.

    At zero frequency SporTran takes the squared mean flux, which a run that conserves it lacks; the
    neighbour stands in here.
    """
    fluxes = ornstein_uhlenbeck(case["seed"], case["members"])
    found = cepstral.estimate(fluxes, TIMES, n_kept=case["kept"], **CRYSTAL)
    theirs, error = case["kappa_W_per_mK"], case["error_W_per_mK"]
    assert int(np.argmin(found.information)) + 1 == case["akaike"]
    assert found.error / found.kappa == pytest.approx(error / theirs, rel=1e-9)
    assert abs(found.kappa - theirs) < 0.2 * error


def test_akaikes_choice_alone_would_be_too_low():
    deviations = []
    for seed in range(40):
        fluxes = ornstein_uhlenbeck(seed, 1)
        chosen = cepstral.estimate(fluxes, TIMES, **CRYSTAL)
        number = int(np.argmin(chosen.information)) + 1
        found = cepstral.estimate(fluxes, TIMES, n_kept=number, **CRYSTAL)
        deviations.append((found.kappa - exact_kappa()) / found.error)
    assert np.mean(deviations) < -1.5


def test_white_noise_needs_one_coefficient():
    fluxes = np.random.default_rng(1).normal(size=(2, 4000, 3))
    found = cepstral.estimate(fluxes, TIMES, n_kept=1, **CRYSTAL)
    expected = green_kubo.prefactor(VOLUME, TEMPERATURE) * STEP / 2
    assert abs(found.kappa - expected) < 3 * found.error
    np.testing.assert_allclose(found.smoothed, found.kappa)
    chosen = [
        cepstral.estimate(
            np.random.default_rng(k).normal(size=(1, 2000, 3)), TIMES[:2000], **CRYSTAL
        )
        for k in range(20)
    ]
    assert np.median([each.n_kept for each in chosen]) <= 4


def test_all_coefficients_give_back_the_periodogram():
    found = cepstral.estimate(ornstein_uhlenbeck(2, 1, 200), TIMES[:200], n_kept=100, **CRYSTAL)
    bias = np.log(3) - 0.9227843350984671  # log l − ψ(l), l = 3
    inner = slice(1, -1)
    rest = found.coefficients[-1] * np.cos(np.pi * np.arange(101))
    expected = np.log(found.periodogram) + bias
    np.testing.assert_allclose((np.log(found.smoothed) + rest)[inner], expected[inner], atol=1e-9)
    assert found.smoothed[0] == pytest.approx(found.kappa)


def test_the_two_estimators_agree():
    fluxes = ornstein_uhlenbeck(3, 30)
    direct = green_kubo.estimate(fluxes, TIMES, **CELL)
    found = cepstral.estimate(fluxes, TIMES, cutoff=20.0, **CRYSTAL)
    assert abs(direct.scalar() - found.kappa) < 3 * np.hypot(direct.error, found.error)
    assert found.nyquist == pytest.approx(20, abs=0.1)


def test_the_error_shrinks_with_the_number_of_trajectories():
    one, many = (
        cepstral.estimate(ornstein_uhlenbeck(4, m), TIMES, n_kept=20, cutoff=20.0, **CRYSTAL)
        for m in (1, 16)
    )
    assert many.error / many.kappa == pytest.approx(one.error / one.kappa / 4, rel=0.1)


@given(st.integers(0, 1000), st.floats(0.1, 10), st.floats(-1e-5, 1e-5))
def test_kappa_scales_like_its_formula_and_knows_no_mean_flux(seed, factor, shift):
    fluxes, times = ornstein_uhlenbeck(seed, 2, 300), TIMES[:300]
    once = cepstral.estimate(fluxes, times, **CRYSTAL)
    again = cepstral.estimate(factor * fluxes[::-1] + shift, times, **CRYSTAL)
    assert again.kappa == pytest.approx(factor**2 * once.kappa, rel=1e-6)
    assert again.n_kept == once.n_kept


@given(st.integers(33, 80))
def test_odd_and_even_lengths_work(number):
    found = cepstral.estimate(ornstein_uhlenbeck(number, 1, number), TIMES[:number], **CRYSTAL)
    assert found.kappa > 0
    assert len(found.frequencies) == number // 2 + 1


def test_input_that_cannot_be_used_is_refused():
    fluxes, times = ornstein_uhlenbeck(5, 1, 300), TIMES[:300]
    with pytest.raises(InputError, match="raise the cutoff"):
        cepstral.estimate(fluxes, times, cutoff=3.0, **CRYSTAL)
    with pytest.raises(InputError, match="run longer"):
        cepstral.estimate(fluxes[:, :20], times[:20], **CRYSTAL)
    with pytest.raises(InputError, match="not positive"):
        cepstral.estimate(fluxes, times, cutoff=-1.0, **CRYSTAL)
    with pytest.raises(InputError, match="cannot be kept"):
        cepstral.estimate(fluxes, times, n_kept=500, **CRYSTAL)
    with pytest.raises(InputError, match="zero or constant"):
        cepstral.estimate(np.zeros((1, 300, 3)), times, **CRYSTAL)
    with pytest.raises(InputError, match="frames are missing"):
        cepstral.estimate(fluxes, np.delete(TIMES[:301], 100), **CRYSTAL)
    with pytest.raises(InputError, match="temperature"):
        cepstral.estimate(fluxes, times, volume=1.0, temperature=-300.0)
