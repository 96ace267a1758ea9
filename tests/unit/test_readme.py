"""The README can be read once: short sentences, one screen, and no riddles in any page."""

import re

import pytest

MOST_WORDS = 25

RIDDLES = (
    "as wrong as the cell is small",
    "met which fate",
    "free of verdicts",
    "must not be paid for",
    "its result of then",
    "met their fates",
    "cannot be meant",
    "does not come back from",
    "dies of this file",
    "dropped in silence",
    "knows only so much disorder",
    "The way of the data",
    "heavier hand",
    "Not all test frames are strangers",
)
"""Phrases that readers had to read twice; none may come back."""


def sentences(text: str) -> list[str]:
    """Sentences of prose, lists and cells of tables; without code, pictures and headings."""
    text = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r"!\[[^\]]*\]\([^)]*\)", "", text)
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
    text = re.sub(r"`[^`]*`", "code", text)
    blocks = re.split(r"\n\s*\n|^\s*[-*#] ?|\||^\s*\d+\. ", text, flags=re.MULTILINE)
    joined = (" ".join(block.split()) for block in blocks)
    return [s for block in joined for s in re.split(r"(?<=[.!?])\s+", block) if s]


def test_sentences_are_told_apart():
    text = "One `x. y` two. Three\nfour [five](six).\n\n- seven; eight\n\n"
    text += "```\nnine. ten\n```\n| a | b |\n"
    assert [len(s.split()) for s in sentences(text)] == [3, 3, 2, 1, 1]


def test_no_sentence_of_the_readme_is_long(root):
    long = [s for s in sentences((root / "README.md").read_text()) if len(s.split()) > MOST_WORDS]
    assert not long


def test_the_readme_is_one_screen_of_prose(root):
    text = (root / "README.md").read_text()
    assert len(text.split()) < 700
    picture, commands, own = (text.index(x) for x in ("![", "make demo", "umklapp new"))
    assert picture < commands < own


@pytest.mark.parametrize("riddle", RIDDLES)
def test_riddles_do_not_come_back(root, riddle):
    pages = [root / "README.md", root / "Snakefile", *(root / "docs").glob("*.md")]
    pages += [*(root / "umklapp").rglob("*.py"), *(root / "rules").glob("*.smk")]
    assert not [str(p) for p in pages if riddle in " ".join(p.read_text().split())]
