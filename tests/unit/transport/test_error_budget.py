"""What the ± of κ is made of: how parts combine, and that a missing part is never a zero."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from umklapp.transport import error_budget
from umklapp.transport.error_budget import ErrorBudget, ErrorPart, KappaErrors

POSITIVE = st.floats(0, 1e3, allow_subnormal=False).map(lambda x: round(x, 6))


def part(name, source, *errors):
    return ErrorPart(name=name, source=source, text=name, error_W_per_mK=list(errors))


def budget(*parts):
    return ErrorBudget(temperatures_K=[200.0, 300.0], parts=list(parts))


def test_sources_add_in_quadrature_and_estimates_of_one_source_do_not():
    found = budget(
        part("members", "potential", 1.0, 3.0),
        part("residual", "potential", 2.0, 1.0),
        part("mesh", "mesh", 0.0, 4.0),
    )
    assert found.total_W_per_mK == pytest.approx([2.0, 5.0])  # 3, 4, 5 at 300 K
    assert found.total(300.0) == pytest.approx(5.0)
    assert found.sentence(300.0) == "largest of members 3 and residual 1; mesh 4"


def test_a_missing_part_is_named_and_is_no_zero():
    unknown = error_budget.unknown("size", "size", "outside the cell", "one cell only")
    found = budget(part("mesh", "mesh", 1.0, 2.0), unknown)
    assert found.missing == ["size: one cell only"]
    assert found.sentence(300.0) == "mesh 2; size not known"
    assert "size" not in found.by_source()
    assert budget(unknown).total_W_per_mK is None


@pytest.mark.parametrize(
    "fields",
    [
        {"error_W_per_mK": None},
        {"error_W_per_mK": [1.0], "not_computed": "why"},
        {"error_W_per_mK": [-1.0]},
        {"error_W_per_mK": [float("nan")]},
    ],
)
def test_a_part_has_an_error_or_the_reason_why_there_is_none(fields):
    with pytest.raises(ValidationError):
        ErrorPart(name="mesh", source="mesh", text="", **fields)


@given(st.lists(st.tuples(st.sampled_from(["potential", "mesh", "size"]), POSITIVE), min_size=1))
def test_the_total_is_at_least_every_part_and_at_most_their_sum(entries):
    parts = [part("p", source, error, error) for source, error in entries]
    total = budget(*parts).total(300.0)
    assert total >= max(error for _, error in entries) * (1 - 1e-12)
    assert total <= sum(error for _, error in entries) * (1 + 1e-12)


@given(st.lists(POSITIVE, min_size=3, max_size=3), st.floats(0, 1e3))
def test_a_part_that_grows_never_shrinks_the_total(errors, more):
    def total(first):
        return budget(
            part("members", "potential", first, first),
            part("residual", "potential", errors[1], errors[1]),
            part("mesh", "mesh", errors[2], errors[2]),
        ).total(300.0)

    assert total(errors[0] + more) >= total(errors[0])


VALUES = [[10.0, 7.0], [12.0, 7.5], [11.0, 8.0]]


def test_the_spread_is_widened_and_never_narrowed():
    plain = np.std(VALUES, axis=0, ddof=1)

    def found(widening):
        return error_budget.members(VALUES, widening, "because", False).error_W_per_mK

    np.testing.assert_allclose(found(None), plain)
    np.testing.assert_allclose(found(0.3), plain)
    np.testing.assert_allclose(found(2.5), 2.5 * plain)


def test_one_member_has_no_spread_and_says_so():
    found = error_budget.members(VALUES[:1], 2.0, "", False)
    assert found.not_computed == "one member has no spread"


def test_members_that_share_correction_labels_are_told_so():
    assert "correction" in error_budget.members(VALUES, None, "", True).text
    assert "correction" not in error_budget.members(VALUES, None, "", False).text


def test_the_mesh_error_is_exact_where_the_error_is_quadratic_in_the_spacing():
    def kappa(points):
        return [8.0 + 12.0 / points**2, 5.0 - 3.0 / points**2]

    for meshes in ((6, 9), (5, 6, 9)):
        found = error_budget.mesh([[n] * 3 for n in meshes], [kappa(n) for n in meshes])
        np.testing.assert_allclose(found.error_W_per_mK, [12 / 81, 3 / 81])


def test_the_mesh_error_is_the_larger_answer_of_two_coarser_meshes_at_every_temperature():
    """One that happens to give the same κ says nothing: Stillinger-Weber silicon does so."""
    found = error_budget.mesh([[6] * 3, [8] * 3, [10] * 3], [[5.0, 4.0], [4.0, 5.0], [5.0, 5.0]])
    np.testing.assert_allclose(found.error_W_per_mK, [64 / 36, 36 / 64])
    assert "6×6×6 and 8×8×8 say with 10×10×10" in found.text


def test_meshes_of_unequal_axes_count_by_their_mean_number_of_points():
    one = error_budget.mesh([[4, 4, 2], [8, 8, 4]], [[5.0], [6.0]])
    np.testing.assert_allclose(one.error_W_per_mK, [1.0 / 3.0])


@pytest.mark.parametrize("fine", [[9, 9, 9], [7, 7, 7]])
def test_one_mesh_says_nothing(fine):
    found = error_budget.mesh([[9, 9, 9], fine], [[5.0], [5.0]])
    assert "only one mesh" in found.not_computed


def test_the_record_keeps_every_part(tmp_path):
    parts = [
        part("mesh", "mesh", 1.0, 2.0),
        error_budget.unknown("size", "size", "outside the cell", "one cell only"),
    ]
    record = KappaErrors(
        material="X-1",
        audited="not audited",
        moves_W_per_mK=None,
        boltzmann=budget(*parts),
        green_kubo=None,
    )
    record.write(tmp_path / "error_budget.json")
    again = KappaErrors.read(tmp_path / "error_budget.json")
    assert again.boltzmann == record.boltzmann
    assert again.boltzmann.total(300.0) == 2.0
