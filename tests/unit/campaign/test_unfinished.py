import asyncio
from base64 import urlsafe_b64encode
from types import SimpleNamespace

import pytest

from umklapp.campaign import unfinished


def test_marks_of_snakemake_name_the_outputs(tmp_path):
    long = "results/" + "a" * 300
    code = urlsafe_b64encode(long.encode()).decode()
    (tmp_path / f"@{code[:254]}").mkdir()
    (tmp_path / f"@{code[:254]}" / code[254:]).touch()
    (tmp_path / urlsafe_b64encode(b"results/Si-227/model").decode()).touch()
    (tmp_path / "migration_underway").touch()
    assert sorted(unfinished.marked(tmp_path)) == ["results/Si-227/model", long]
    assert unfinished.marked(tmp_path / "none") == []


@pytest.mark.parametrize(("again", "names"), [(True, ["first", "later"]), (False, ["first"])])
def test_outputs_that_are_still_to_join_count_where_killed_jobs_are_made_again(again, names):
    async def at_first(_):
        return ["first"]

    dag = SimpleNamespace(
        workflow=SimpleNamespace(dag_settings=SimpleNamespace(force_incomplete=again))
    )
    assert asyncio.run(unfinished.watch(at_first, ["later"])(dag)) == names
