"""Elastic constants of the committee beside the reference's: the table and the picture."""

import pytest
from elastic_crystals import RELAXED, measured
from models import silicon_primitive

from umklapp.lattice.elastic import committee
from umklapp.lattice.elastic.record import (
    ElasticRecord,
    ElasticReference,
    MemberFailure,
    MemberTensor,
)
from umklapp.report.figures import elastic as figure

DETAILS = {"material": "Si-227", "settings": {}, "models": []}


@pytest.mark.parametrize("own", [True, False])
def test_figure_and_its_table(tmp_path, own):
    numbers = measured(silicon_primitive(RELAXED)).numbers()
    tensor_of_member = MemberTensor(**dict(numbers), volume_A3_per_atom=20.0)
    labels = {"labels": 7, "engine": "ase", "settings_hash": "s", "settings": {}}
    record = ElasticRecord(
        **dict(committee.combine([tensor_of_member, tensor_of_member])),
        **DETAILS,
        reference=ElasticReference(**dict(numbers), **labels) if own else None,
    )
    record.write(tmp_path / "elastic.json")
    assert ElasticRecord.read(tmp_path / "elastic.json").members == record.members
    table = figure.table(record)
    assert table["constant"].tolist() == ["C11", "C12", "C44", "B"]
    assert table["committee_GPa"][3] == pytest.approx(101.4, rel=2e-3)
    assert table["reference_GPa"].notna().all() == own
    figure.draw(record, "Si-227", [tmp_path / "a.png", tmp_path / "a.pdf"])
    assert (tmp_path / "a.png").stat().st_size > 5000
    failed = committee.combine([MemberFailure(not_computed="no stress")])
    failed = ElasticRecord(**dict(failed), **DETAILS, reference=None)
    assert figure.table(failed).empty
    figure.draw(failed, "Si-227", [tmp_path / "b.png"])
