"""What a user reads of an error."""

import pytest

from umklapp.errors import InputError


@pytest.mark.parametrize("zeros", ["\x00" * 5000, r"\x00" * 5000])
def test_zeros_of_a_damaged_file_are_not_quoted_one_by_one(zeros):
    assert str(InputError(f"a.xyz: no number: '1.5{zeros}'")) == (
        "a.xyz: no number: '1.5 (bytes of zero) '"
    )
    assert str(InputError(r"C:\x00 stays")) == r"C:\x00 stays"
