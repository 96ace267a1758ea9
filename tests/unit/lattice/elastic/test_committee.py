"""Elastic constants of a committee: mean, spread, and why there are none."""

import json

import numpy as np
import pytest
from elastic_crystals import RELAXED
from models import AsePotential, silicon_primitive, springs, stillinger_weber

from umklapp import config
from umklapp.lattice.elastic import committee
from umklapp.lattice.elastic.symmetry import INDEPENDENT


def test_fewest_shown_constants_are_the_independent_ones():
    for laue, count in INDEPENDENT.items():
        assert len(committee.constants(laue)) == count


def test_committee_relaxes_every_member(tmp_path):
    options = config.Elastic(fmax=1e-5)
    members = [
        committee.member(silicon_primitive(5.5), AsePotential(each), options, tmp_path)
        for each in (stillinger_weber(), stillinger_weber())
    ]
    stiffer = (2 * np.array(members[1].C_GPa)).tolist()
    members[1] = members[1].model_copy(update={"C_GPa": stiffer})
    found = committee.combine(members)
    assert found.C_GPa[0][0] == pytest.approx(1.5 * 151.4, rel=2e-3)
    assert found.C_GPa_std[0][0] == pytest.approx(0.5 * 151.4, rel=2e-3)
    assert found.bulk_GPa_std == 0
    assert found.stable_members == 2
    assert found.volume_A3_per_atom == pytest.approx(RELAXED**3 / 8, rel=1e-3)
    here = committee.member(
        silicon_primitive(5.5), AsePotential(stillinger_weber()),
        config.Elastic(relax=False), tmp_path,
    )  # fmt: skip
    assert here.residual_stress_GPa[0] > 1
    json.dumps(found.model_dump(mode="json"), allow_nan=False)


def test_member_without_stress_is_a_reason(tmp_path):
    cell = silicon_primitive(RELAXED)
    for relax in (True, False):
        options = config.Elastic(relax=relax)
        bad = committee.member(cell, springs(cell, 5.0), options, tmp_path)
        assert "has no stress" in bad.not_computed
    found = committee.combine([bad, bad])
    assert found.C_GPa is None
    assert found.stable_members is None
    assert found.not_computed.startswith("member 0: ")
    assert "; member 1: " in found.not_computed
