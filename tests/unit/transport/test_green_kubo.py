import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import signal

from umklapp.errors import CalculationError, InputError
from umklapp.transport import green_kubo, series

STEP, TAU, VOLUME, TEMPERATURE = 4.0, 60.0, 4000.0, 300.0
TIMES = STEP * np.arange(4000)
CELL = {"volume": VOLUME, "temperature": TEMPERATURE, "frequency": 5.0}


def ornstein_uhlenbeck(seed, members, number=4000, tau=TAU, size=1e-6):
    """Flux with ⟨J_a(t) J_b(0)⟩ = δ_ab size² exp(−t/τ), exactly, from the first sample on."""
    noise = np.random.default_rng(seed).normal(size=(members, number, 3))
    decay = np.exp(-STEP / tau)
    noise[:, 1:] *= np.sqrt(1 - decay**2)
    return size * signal.lfilter([1], [1, -decay], noise, axis=1)


def exact_kappa(tau=TAU, size=1e-6):
    """Trapezoidal integral of the exponential to infinity, and the prefactor."""
    decay = np.exp(-STEP / tau)
    integral = size**2 * STEP * (0.5 + decay / (1 - decay))
    return green_kubo.prefactor(VOLUME, TEMPERATURE) * integral


def test_the_prefactor_is_that_in_si_units():
    joule, kb = 1.602176634e-19, 1.380649e-23
    # (eV Å⁻² fs⁻¹)² fs in SI
    unit = (joule / 1e-20 / 1e-15) ** 2 * 1e-15
    expected = 4000e-30 / (kb * 300**2) * unit
    assert green_kubo.prefactor(4000, 300) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("biased", [True, False])
@pytest.mark.parametrize("hann", [True, False])
def test_correlations_are_those_of_the_plain_sum(biased, hann):
    x = np.random.default_rng(0).normal(size=(23, 3))
    found = series.autocorrelation(x, biased=biased, hann=hann, cross=True)
    taper = signal.windows.hann(46)[23:] if hann else np.ones(23)
    for lag, a, b in np.ndindex(23, 3, 3):
        products = x[lag:, a] * x[: 23 - lag, b]
        expected = products.sum() / (23 if biased else 23 - lag) * taper[lag]
        assert found[lag, a, b] == pytest.approx(expected, abs=1e-13)
    diagonal = series.autocorrelation(x, biased=biased, hann=hann)
    np.testing.assert_allclose(diagonal, np.einsum("taa->ta", found), atol=1e-13)


@given(st.integers(0, 10**6), st.integers(4, 60))
def test_a_biased_correlation_never_exceeds_that_at_lag_zero(seed, number):
    x = np.random.default_rng(seed).normal(size=number)
    found = series.autocorrelation(x, biased=True)
    assert found[0] == pytest.approx((x**2).mean())
    assert (np.abs(found) <= found[0] * (1 + 1e-12)).all()


def test_the_correlation_of_a_harmonic_oscillator_is_a_cosine():
    times = np.arange(10_000)
    x = 3 * np.cos(2 * np.pi * times / 100 + 0.7)
    found = series.autocorrelation(x)[:500]
    np.testing.assert_allclose(found, 4.5 * np.cos(2 * np.pi * times[:500] / 100), atol=0.02)


def test_a_known_conductivity_is_found_within_its_error():
    found = green_kubo.estimate(ornstein_uhlenbeck(1, 40), TIMES, **CELL)
    # the first dip comes after a few decay times; what is beyond is less than the error
    assert abs(found.scalar() - exact_kappa()) < 3 * found.error
    assert 0.01 < found.error / exact_kappa() < 0.05
    assert 2 * TAU < found.cutoffs[0, 0, 0] < 30 * TAU
    assert found.members.mean() == pytest.approx(found.scalar())


def test_the_error_is_the_standard_error_of_the_mean_by_hand():
    found = green_kubo.estimate(ornstein_uhlenbeck(11, 3, 500), TIMES[:500], **CELL)
    deviations = found.members - found.members.mean()
    assert found.error == pytest.approx(np.sqrt((deviations**2).sum() / (3 * 2)))


def test_errors_mean_what_they_say():
    deviations = []
    for seed in range(30):
        found = green_kubo.estimate(ornstein_uhlenbeck(100 + seed, 8), TIMES, **CELL)
        deviations.append((found.scalar() - exact_kappa()) / found.error)
    assert abs(np.mean(deviations)) < 0.7
    assert 0.7 < np.std(deviations) < 1.7


def test_the_default_is_closer_to_the_truth_than_the_vibes_procedure_in_short_runs():
    short = TIMES[:600]
    values = {}
    for procedure in ("vibes", "umklapp"):
        found = green_kubo.estimate(
            ornstein_uhlenbeck(2, 200, 600), short, procedure=procedure, **CELL
        )
        values[procedure] = found.scalar() / exact_kappa() - 1
    assert values["vibes"] < values["umklapp"] - 0.02
    assert abs(values["umklapp"]) < 0.06


@given(
    st.integers(0, 1000), st.floats(0.1, 10), st.floats(0.5, 2), st.floats(0.5, 2),
    st.sampled_from(["umklapp", "vibes"]),
)  # fmt: skip
def test_kappa_scales_like_its_formula(seed, flux, volume, temperature, procedure):
    fluxes, times = ornstein_uhlenbeck(seed, 3, 500), TIMES[:500]
    once = green_kubo.estimate(fluxes, times, procedure=procedure, **CELL)
    other = {**CELL, "volume": VOLUME * volume, "temperature": TEMPERATURE * temperature}
    again = green_kubo.estimate(flux * fluxes[::-1], times + 77, procedure=procedure, **other)
    factor = flux**2 * volume / temperature**2
    np.testing.assert_allclose(again.kappa, once.kappa * factor, rtol=1e-7, atol=1e-12)
    np.testing.assert_allclose(again.cutoffs[::-1], once.cutoffs)
    assert again.error == pytest.approx(once.error * factor)


def test_a_rotated_crystal_has_a_rotated_tensor():
    fluxes = ornstein_uhlenbeck(3, 4) * [1.0, 2.0, 0.5]
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    once = green_kubo.estimate(fluxes, TIMES, **CELL)
    turned = green_kubo.estimate(fluxes @ turn.T, TIMES, **CELL)
    np.testing.assert_allclose(turned.kappa, turn @ once.kappa @ turn.T, rtol=1e-8)
    np.testing.assert_allclose(turned.members, once.members)
    np.testing.assert_allclose(once.kappa, once.kappa.T)


def test_one_trajectory_has_no_error_but_three_components_for_vibes():
    fluxes = ornstein_uhlenbeck(4, 1)[0]
    assert green_kubo.estimate(fluxes, TIMES, **CELL).error is None
    found = green_kubo.estimate(fluxes, TIMES, procedure="vibes", **CELL)
    assert found.error == pytest.approx(np.diag(found.kappa).std() / np.sqrt(3))


def test_the_vibes_correlations_are_tapered():
    fluxes = ornstein_uhlenbeck(5, 1, 300)
    times = TIMES[:300]
    plain = green_kubo.estimate(fluxes, times, **CELL).correlation
    tapered = green_kubo.estimate(fluxes, times, procedure="vibes", **CELL).correlation
    taper = signal.windows.hann(600)[300:] * np.arange(300, 0, -1) / 300
    np.testing.assert_allclose(tapered, plain * taper[:, None, None], atol=1e-9)


@given(st.floats(-3, 3), st.floats(-3, 3), st.integers(1, 10))
def test_the_filter_keeps_straight_lines(slope, start, half):
    width = 2 * half + 1
    line = start + slope * np.arange(50.0)
    np.testing.assert_allclose(series.smooth(line, width), line, atol=1e-9)
    odd = slope * np.arange(50.0)
    np.testing.assert_allclose(series.smooth(odd, width, "odd"), odd, atol=1e-9)
    level = np.full(50, start)
    np.testing.assert_allclose(series.smooth(level, width, "even"), level, atol=1e-9)


def test_the_filter_removes_its_own_period():
    times = np.arange(1000.0)
    wave = np.sin(2 * np.pi * times / 25)
    assert np.abs(series.smooth(wave, 25, "odd")[:900]).max() < 1e-12


def test_the_first_dip():
    assert green_kubo.first_dip(np.cos(np.arange(10) / 2)) == 4
    assert green_kubo.first_dip(np.array([1.0, 0.0, 0.5])) is None
    assert green_kubo.first_dip(np.array([1.0, 0.5, -0.1])) is None


@given(st.floats(0.8, 8))
def test_the_lowest_vibration_is_found(lowest):
    times = 5.0 * np.arange(800)
    phase = 2 * np.pi * times[:, None, None] / 1000
    velocities = np.cos(phase * lowest) + 0.8 * np.sin(phase * (lowest + 3))
    for procedure in ("umklapp", "vibes"):
        found = green_kubo.spectrum(velocities, times, procedure)
        assert green_kubo.lowest_frequency(*found) == pytest.approx(lowest, abs=0.1)


def test_constant_stresses_move_between_flux_and_auxiliary_flux():
    generator = np.random.default_rng(6)
    stresses, velocities = generator.normal(size=(7, 4, 3, 3)), generator.normal(size=(7, 4, 3))
    flux, auxiliary = green_kubo.heat_flux(stresses, velocities)
    total = np.einsum("tiab,tib->ta", stresses, velocities)
    np.testing.assert_allclose(flux + auxiliary, total)
    constant = generator.normal(size=(4, 3, 3))
    again, _ = green_kubo.heat_flux(stresses + constant, velocities)
    np.testing.assert_allclose(again, flux)


def test_frames_without_stresses_have_no_flux_and_do_not_count():
    generator = np.random.default_rng(7)
    stresses, velocities = generator.normal(size=(6, 4, 3, 3)), generator.normal(size=(6, 4, 3))
    stresses[1::2] = np.nan
    flux, auxiliary = green_kubo.heat_flux(stresses, velocities)
    assert np.isnan(flux[1::2]).all()
    assert np.isnan(auxiliary[1::2]).all()
    alone, _ = green_kubo.heat_flux(stresses[::2], velocities[::2])
    np.testing.assert_allclose(flux[::2], alone)
    with pytest.raises(InputError, match="compute_stresses"):
        green_kubo.heat_flux(np.full_like(stresses, np.nan), velocities)


def committee_member(kappa, error):
    base = green_kubo.estimate(ornstein_uhlenbeck(8, 2, 500), TIMES[:500], **CELL)
    return green_kubo.Conductivity(**{**vars(base), "kappa": kappa * np.eye(3), "error": error})


def test_a_committee_that_agrees_within_its_errors_has_no_error_of_its_own():
    values = np.random.default_rng(9).normal(loc=5, scale=0.3, size=400)
    found = green_kubo.over_committee([committee_member(value, 0.3) for value in values])
    assert found.model < 0.12
    assert found.statistical == pytest.approx(0.3 / 20)
    apart = green_kubo.over_committee([committee_member(k, 0.1) for k in (3.0, 5.0, 7.0)])
    assert apart.kappa == pytest.approx(5)
    assert apart.spread == pytest.approx(2)
    assert apart.model == pytest.approx(np.sqrt(4 - 0.01))


def test_what_a_committee_does_not_know_is_missing():
    found = green_kubo.over_committee([committee_member(4.0, None), committee_member(5.0, 0.1)])
    assert found.statistical is None
    assert found.model is None
    assert found.spread is not None
    assert green_kubo.over_committee([committee_member(4.0, 0.1)]).spread is None
    with pytest.raises(InputError, match="no member"):
        green_kubo.over_committee([])


def broken(what):
    fluxes, times, settings = ornstein_uhlenbeck(10, 2, 500), TIMES[:500].copy(), dict(CELL)
    match what:
        case "zero":
            fluxes[1] = 0
        case "not finite":
            fluxes[1, 7, 2] = np.nan
        case "shape":
            fluxes = fluxes[..., :2]
        case "gap":
            times[100:] += STEP
        case "mixed":
            times[300:] = times[300] + 2 * STEP * np.arange(200)
        case "not a number":
            times[20] = np.nan
        case "backwards":
            times = times[::-1]
        case "short":
            fluxes, times = fluxes[:, :3], times[:3]
        case "filter":
            settings["frequency"] = 0.2
        case "temperature":
            settings["temperature"] = 0.0
        case "volume":
            settings["volume"] = -1.0
        case "frequency":
            settings["frequency"] = 0.0
    return fluxes, times, settings


@pytest.mark.parametrize("procedure", ["umklapp", "vibes"])
@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("zero", "trajectory 1 is zero or constant: was the flux computed"),
        ("not finite", "trajectory 1 is not finite at 28 fs: leave out"),
        ("shape", r"shape \(2, 500, 2\) does not fit"),
        ("gap", "step 99 goes from 396 to 404 fs.* analyse each unbroken stretch"),
        ("mixed", "step 300 goes from 1200 to 1208 fs.* analyse each unbroken stretch"),
        ("not a number", "step 19 goes from 76 to nan fs"),
        ("backwards", "analyse each unbroken stretch"),
        ("short", "3 samples is too short .* run longer"),
        ("filter", "shorter than the noise filter of 501: run longer"),
        ("temperature", "temperature of 0 K is not positive"),
        ("volume", "volume of -1 Å³ is not positive"),
        ("frequency", "lowest vibration of 0 THz is not positive"),
    ],
)
def test_input_that_cannot_be_used_is_refused(what, message, procedure):
    fluxes, times, settings = broken(what)
    with pytest.raises(InputError, match=message):
        green_kubo.estimate(fluxes, times, procedure=procedure, **settings)


def test_a_flux_that_stays_correlated_is_refused_by_the_default():
    drift = np.linspace(1, 1.5, 400)[None, :, None] * np.array([1.0, 1.0, 1.0])
    pair = np.concatenate([drift, -drift])
    with pytest.raises(CalculationError, match="run longer trajectories"):
        green_kubo.estimate(pair, TIMES[:400], **CELL)
    found = green_kubo.estimate(pair, TIMES[:400], procedure="vibes", **CELL)
    assert found.cutoffs.shape == (2, 3, 3)


def test_atoms_at_rest_have_no_vibrations():
    with pytest.raises(InputError, match="velocities vanish"):
        green_kubo.spectrum(np.zeros((50, 2, 3)), TIMES[:50])
    with pytest.raises(InputError, match="smaller prominence"):
        green_kubo.lowest_frequency(np.linspace(0, 5, 100), np.linspace(1, 0, 100))
