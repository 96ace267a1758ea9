import pytest
import torch
from logged import logged

from umklapp.potentials import device


@pytest.mark.parametrize(
    ("wanted", "card", "found", "fell_back"),
    [
        (None, False, "cpu", False),
        (None, True, "cuda", False),
        ("cpu", True, "cpu", False),
        ("cuda", True, "cuda", False),
        ("cuda", False, "cpu", True),
    ],
)
def test_the_card_that_was_asked_for_or_a_loud_word(monkeypatch, wanted, card, found, fell_back):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: card)
    monkeypatch.delenv(device.VARIABLE, raising=False)
    if wanted is not None:
        monkeypatch.setenv(device.VARIABLE, wanted)
    with logged() as messages:
        assert device.chosen() == found
    assert (device.fallback() is not None) == fell_back
    assert [("GPU was asked for" in line) for line in messages] == [True] * fell_back
