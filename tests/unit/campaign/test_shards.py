from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from umklapp.campaign import shards
from umklapp.errors import InputError


@given(
    st.dictionaries(st.text("abcXYZ", min_size=1), st.integers(2, 500), min_size=1, max_size=60),
    st.integers(1, 12),
)
def test_shards_are_disjoint_complete_and_balanced(weights: dict[str, int], count: int) -> None:
    keys = list(weights)
    if count > len(keys):
        with pytest.raises(InputError, match="materials are selected"):
            shards.Shard(1, count).of(keys, weights)
        return
    parts = [each.of(keys, weights) for each in shards.Shard(1, count).parts()]
    assert sorted(key for part in parts for key in part) == sorted(keys)
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    assert parts == [each.of(keys, weights) for each in shards.Shard(2, count).parts()]


def test_large_cells_are_spread() -> None:
    weights = {f"m{n}": 256 if n < 4 else 64 for n in range(16)}
    for shard in shards.Shard(1, 4).parts():
        assert sum(weights[key] == 256 for key in shard.of(list(weights), weights)) == 1


def test_number_zero_joins_all() -> None:
    assert shards.Shard(0, 3).of(["a", "b"], {"a": 1, "b": 1}) == ["a", "b"]


@pytest.mark.parametrize("text", ["3", "3/", "4/3", "1/0", "a/b", "1/10000", "-1/3"])
def test_bad_shards_are_named(text: str) -> None:
    with pytest.raises(InputError, match="shard="):
        shards.parse(text)


def test_no_shard_is_none() -> None:
    assert shards.parse(None) is None
    assert str(shards.parse("3/10")) == "3/10"
