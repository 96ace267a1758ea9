"""The likeliest force constants and noise, of few labels and of many."""

import numpy as np
import pytest

from umklapp.potentials.taylor import likeliest as module
from umklapp.potentials.taylor.likeliest import LEAST_SCALE, POWERS, likeliest, rest

N_ATOMS, N_FREE = 4, 20


class RandomPrior:
    """Free numbers whose forces are linear in displacements, as those of a second order."""

    def __init__(self):
        self.n_free = N_FREE
        self.tensor = np.random.default_rng(0).normal(size=(3 * N_ATOMS, 3 * N_ATOMS, N_FREE))

    def scaled_design(self, u):
        return np.einsum("fj,ijn->fin", u.reshape(len(u), -1), self.tensor)


def case(frames, growth=0, sigma=0.02):
    """Displacements of three sizes, residuals with noise that grows with their power."""
    generator, prior = np.random.default_rng(3), RandomPrior()
    sizes = np.resize([1.0, 0.5, 0.3], frames)
    u = generator.normal(size=(frames, N_ATOMS, 3))
    u *= sizes[:, None, None] / np.sqrt(np.mean(u**2, axis=(1, 2), keepdims=True))
    z = generator.normal(size=N_FREE)
    exact = (prior.scaled_design(u) @ z).reshape(u.shape)
    noise = sigma * sizes[:, None, None] ** (2 * growth) * generator.normal(size=u.shape)
    return prior, u, exact + noise, z


@pytest.mark.parametrize("power", POWERS)
@pytest.mark.parametrize("frames", [1, 6])
def test_the_evidence_is_the_density_of_the_residual(power, frames, monkeypatch):
    """Of N(0, AAᵀ + σ²S²), S the scales, without its constant."""
    monkeypatch.setattr(module, "POWERS", (power,))
    prior, u, residual, _ = case(frames)
    (fit,) = likeliest(prior, u, residual[None], 0.05)
    design = prior.scaled_design(u).reshape(-1, N_FREE)
    scales = np.repeat(module.noise_scales(u, LEAST_SCALE) ** power, 3 * N_ATOMS)
    covariance = design @ design.T + np.diag((fit.noise * scales) ** 2)
    y = residual.ravel()
    solved = np.linalg.solve(covariance, y)
    density = -0.5 * (y @ solved + np.linalg.slogdet(covariance).logabsdet)
    assert fit.evidence == pytest.approx(density / len(y))
    gain = design.T @ solved
    np.testing.assert_allclose(fit.z, gain, rtol=1e-6, atol=1e-9)
    left = y - design @ fit.z
    assert rest(prior, u, residual, fit.z) == pytest.approx(np.sqrt(np.mean(left**2)))


@pytest.mark.parametrize("frames", [2, 12])
def test_the_sum_over_frames_is_the_decomposition_of_all(frames, monkeypatch):
    """Both ways on the same frames, with two potentials at once."""
    prior, u, residual, _ = case(frames)
    both = np.array([residual, 0.5 * residual + 0.1])
    first = likeliest(prior, u, both, 1e-3)
    for name in ("_stacked", "_summed"):
        other_way = module._summed if name == "_stacked" else module._stacked
        monkeypatch.setattr(module, name, other_way)
        for one, other in zip(first, likeliest(prior, u, both, 1e-3), strict=True):
            np.testing.assert_allclose(one.z, other.z, rtol=1e-5, atol=1e-7)
            assert one.noise == pytest.approx(other.noise, rel=1e-4)
            assert one.evidence == pytest.approx(other.evidence, rel=1e-6)
        monkeypatch.undo()


@pytest.mark.parametrize("growth", POWERS)
def test_the_size_of_the_noise_and_how_it_grows_are_found(growth):
    prior, u, residual, z = case(60, growth)
    (fit,) = likeliest(prior, u, residual[None], 1e-4)
    assert fit.noise == pytest.approx(0.02, rel=0.2)  # of the hottest frame, whose size is 1
    np.testing.assert_allclose(fit.z, z, atol=0.02)


def test_noise_is_at_least_that_of_the_settings():
    prior, u, residual, _ = case(12, sigma=1e-6)
    (fit,) = likeliest(prior, u, residual[None], 1e-2)
    assert fit.noise == pytest.approx(1e-2)
