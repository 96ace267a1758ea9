"""Assessments as the pipeline writes them, for tests of what reads them."""

from umklapp.learning.assessment import Assessment, Criterion, conclude

COUNTS = {
    "explored": 40, "accepted": 6, "failed": 0, "checks": 3, "stopped": 0, "training_frames": 30,
}  # fmt: skip


def assessment(
    number: int, met: bool, cap: int = 99, force: float | None = None, **counts: int
) -> Assessment:
    """Of a round that is judged by its force error alone (eV/Å, 0.03 wanted)."""
    words = "all is well" if met else "too wrong"
    criterion = Criterion(met=met, value=force, limit=0.03, words=words)
    return conclude(number, {"force": criterion}, cap, COUNTS | counts)
