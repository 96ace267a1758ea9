"""σᴬ and events on one time axis: along the reference, without one, of nothing."""

import numpy as np
import pandas as pd
from figure_files import look, share

from umklapp.learning.events.observations import Event, Observation
from umklapp.learning.events.quiet import Quiet
from umklapp.learning.events.verdict import Verdict
from umklapp.report.figures import events, style
from umklapp.report.figures.events import LOOKS


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
