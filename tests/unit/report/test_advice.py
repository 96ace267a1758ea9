"""Trust is said only where audit, verdict and rounds allow it, and of what was computed."""

import itertools

import pytest

from umklapp.learning.events.event_record import Anharmonicity
from umklapp.learning.events.verdict import Verdict
from umklapp.learning.judgement import CommitteeRecord
from umklapp.report.advice import advice, doubts, missing_green_kubo
from umklapp.transport.audit.record import AuditRecord, SourceAudit
from umklapp.transport.green_kubo_record import GreenKuboRecord

RAN = GreenKuboRecord(kappa_W_per_mK=5.0, corrected_W_per_mK=5.5)
FAILED = GreenKuboRecord(kappa_W_per_mK=None, not_computed="the heat flux is still correlated")
SMALL_CELL = GreenKuboRecord(kappa_W_per_mK=1.45, corrected_W_per_mK=7.85)
OUTCOMES = ("passed", "failed", "undecided", "not audited")
VERDICTS = ("sound", "undecided", "missed event", "false event")


def audit(*sources):
    return AuditRecord(
        round=1, outcome="passed", passed=True, another_round=False, words="", reason="",
        asked=2, labels=2, failed=0, calibration_factor=1.0,
        sources=[
            SourceAudit(name=name, atoms=64, temperature_K=300, corrected=False, drawn=2, labels=2,
                        failed=0, blocks=2)
            for name in sources
        ],
    )  # fmt: skip


AUDITED = audit("thermal", "green_kubo")


@pytest.mark.parametrize(
    ("sigma", "gap", "text"),
    [
        (0.1, "", "trust the Boltzmann equation"),
        (0.1, "; add", "trust the Boltzmann equation"),
        (0.3, "", "may be off; trust Green–Kubo where both differ"),
        (0.5, "", "trust Green–Kubo."),
        (None, "", "not known"),
    ],
)
def test_the_method_follows_anharmonicity(sigma, gap, text):
    assert text in advice(sigma, True, gap, [])


@pytest.mark.parametrize(
    ("green_kubo", "audited", "text"),
    [
        (None, AUDITED, "add a green_kubo section"),
        (FAILED, AUDITED, "gave no κ (the heat flux is still correlated)"),
        (SMALL_CELL, AUDITED, "no result"),
        (RAN, audit("table"), "no frame of its trajectories was audited"),
        (RAN, None, "no frame of its trajectories was audited"),
    ],
)
@pytest.mark.parametrize("sigma", [0.3, 0.5])
def test_a_green_kubo_that_cannot_be_taken_is_not_trusted(green_kubo, audited, text, sigma):
    gap = missing_green_kubo(green_kubo, audited)
    assert text in gap
    said = advice(sigma, True, gap, [])
    assert gap in said
    assert "trust" not in said.lower()


def test_a_green_kubo_that_was_audited_is_taken():
    assert missing_green_kubo(RAN, AUDITED) == ""


@pytest.mark.parametrize("sigma", [None, 0.1, 0.3, 0.5])
@pytest.mark.parametrize("stable", [True, False])
def test_trust_is_said_only_where_nothing_speaks_against_it(sigma, stable):
    """All combinations: a failed or missing audit never stands beside a κ to trust."""
    for converged, audit, verdict in itertools.product((True, False), OUTCOMES, VERDICTS):
        against = doubts(converged, audit, verdict)
        assert (against == []) == (converged and audit == "passed" and verdict == "sound")
        said = advice(sigma, stable, "", against)
        if against:
            assert said.startswith("Trust none of these κ yet: ")
            assert "trust" not in said[1:]
        assert all(clause in said for clause in against)


def test_an_unstable_crystal_is_said_to_be_so():
    assert "not dynamically stable" in advice(0.5, False, "", [])


def test_what_would_decide_is_said():
    needs = ["30 ps more of reference dynamics (verdict.reference)"]
    assert doubts(True, "passed", "undecided", needs) == [
        "the verdict on rare events is undecided (what would decide: 30 ps more of reference "
        "dynamics (verdict.reference))"
    ]


def test_every_doubt_names_its_reason():
    said = advice(0.1, True, "", doubts(False, "failed", "undecided"))
    assert "the audit failed" in said
    assert "without convergence" in said
    assert "undecided" in said
    assert said.endswith("limited by its cell.")


def test_no_advice_rests_on_the_anharmonicity_of_a_few_atoms():
    """8 atoms of rock salt give half of σᴬ, below which the Boltzmann equation would be trusted."""
    few = Anharmonicity(value=0.18, error=0.01, atoms=8, least_atoms=60)
    verdict = Verdict(verdict="sound", reason="", sigma={"after": few})
    assert verdict.overall_sigma("after") is None
    said = advice(verdict.overall_sigma("after"), True, "", [], verdict.no_sigma("after"))
    assert "the dynamics has 8 atoms, fewer than verdict.sigma_atoms (60)" in said
    assert "trust" not in said
    enough = few.model_copy(update={"atoms": 60})
    assert (enough.reported, enough.too_small) == (0.18, None)


def test_a_green_kubo_of_a_few_atoms_is_no_result():
    small = RAN.model_copy(update={"atoms": 64, "settings": {"least_atoms": 128}})
    gap = missing_green_kubo(small, AUDITED)
    assert "64 atoms is smaller than green_kubo.least_atoms (128)" in gap
    assert "trust Green–Kubo" not in advice(0.5, True, gap, [])
    large = small.model_copy(update={"atoms": 216})
    assert missing_green_kubo(large, AUDITED) == ""


def test_labels_that_were_not_tested_stand_against_kappa():
    committee = CommitteeRecord.model_construct(untested={"forces per bohr": 3, "meV": 1})
    labels = committee.not_tested
    assert labels == ("given labels not fully tested: 3 may be forces per bohr, and 1 may be meV")
    assert doubts(True, "passed", "sound", labels=labels) == [labels]


def test_members_that_their_own_labels_speak_against_are_no_trusted_result():
    members = "the labels in the phonon supercell speak against 1 member of 4"
    assert doubts(True, "passed", "sound", members=members) == [members]
    assert "Trust none" in advice(0.1, True, "", doubts(True, "passed", "sound", members=members))
    assert (
        doubts(True, "passed", "sound", labels=CommitteeRecord.model_construct().not_tested) == []
    )
