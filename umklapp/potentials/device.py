"""Where networks run: on the card that a job has asked for, else on the processor.

The Snakefile says it to all jobs of a campaign in `$UMKLAPP_DEVICE` (`campaign.devices`), not in
parameters of rules: the place where a number was computed makes it no other number.
"""

from __future__ import annotations

import logging
import os

import torch

log = logging.getLogger(__name__)

VARIABLE = "UMKLAPP_DEVICE"


def wanted() -> str:
    """`cpu`, `cuda`, or `auto`: a card where there is one."""
    return os.environ.get(VARIABLE, "auto")


def chosen() -> str:
    """Device of this process, as torch names it; a card that is missing is a warning."""
    if wanted() != "cpu" and torch.cuda.is_available():
        return "cuda"
    reason = fallback()
    if reason is not None:
        log.warning(reason)
    return "cpu"


def fallback() -> str | None:
    """Why this process does not run on the card that was asked for; None where it does."""
    if wanted() == "cuda" and not torch.cuda.is_available():
        return "a GPU was asked for (resources.gpu), but torch sees none: this ran on the processor"
    return None


def facts() -> dict[str, str | None]:
    """For a record: where this process ran, and why not on the card that was asked for."""
    return {"device": chosen(), "fallback": fallback()}
