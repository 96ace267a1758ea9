"""What trainings that take steps of their own share."""

import pytest
import torch
from logged import logged

from umklapp.potentials import step_loop
from umklapp.potentials.step_loop import StepLoop


class Descent(StepLoop):
    """|w|² downhill, with a counter of its own."""

    def __init__(self, decay=0.9):
        model = torch.nn.Linear(3, 2, dtype=torch.float64)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.fill_(1.0)
        super().__init__(model, decay, "cpu")
        self.optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
        self.counter = 0

    def advance(self):
        self.optimizer.zero_grad()
        sum((each**2).sum() for each in self.model.parameters()).backward()
        self.optimizer.step()
        self.average.update_parameters(self.model)
        self.step, self.counter = self.step + 1, self.counter + 2

    def more_state(self):
        return {"counter": self.counter}

    def take_more(self, state):
        self.counter = state["counter"]


def steps(loop, count):
    for _ in range(count):
        loop.advance()
    return loop


def weights(loop):
    return torch.cat([each.detach().ravel() for each in loop.model.parameters()])


def averages(loop):
    with loop.averaged():
        return weights(loop).clone()


def test_an_interrupted_loop_ends_as_if_it_had_not_been(tmp_path):
    whole = steps(Descent(), 8)
    steps(Descent(), 5).save(tmp_path / "s.pt", "same")
    again = Descent()
    with logged() as messages:
        again.restore(tmp_path / "s.pt", "same")
    assert messages == ["continuing from step 5"]
    assert (again.step, again.counter) == (5, 10)
    steps(again, 3)
    torch.testing.assert_close(weights(again), weights(whole), rtol=0, atol=0)
    torch.testing.assert_close(averages(again), averages(whole), rtol=0, atol=0)


@pytest.mark.parametrize("change", ["identity", "layout"])
def test_a_state_of_other_inputs_or_of_another_layout_is_left(tmp_path, monkeypatch, change):
    steps(Descent(), 5).save(tmp_path / "s.pt", "same")
    if change == "layout":
        monkeypatch.setattr(step_loop, "LAYOUT", 2)
    loop = Descent()
    loop.restore(tmp_path / "s.pt", "same" if change == "layout" else "other")
    assert (loop.step, loop.counter) == (0, 0)


def test_the_average_lags_and_the_weights_come_back():
    loop = steps(Descent(decay=0.5), 6)
    before = weights(loop).clone()
    assert (averages(loop) > before).all()
    torch.testing.assert_close(weights(loop), before, rtol=0, atol=0)


def test_the_average_is_exponential():
    loop = Descent(decay=0.5)
    expected = weights(loop).clone()
    for count in range(1, 6):
        loop.advance()
        keep = min(0.5, (1 + count) / (10 + count))
        expected = keep * expected + (1 - keep) * weights(loop)
    torch.testing.assert_close(averages(loop), expected)


def test_time_left_is_that_of_the_mean_step():
    loop = steps(Descent(), 4)
    loop._before += 8.0
    assert loop.seconds_left(12) == pytest.approx(2 * loop.seconds(), rel=1e-3)
