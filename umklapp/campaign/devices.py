"""Where and how fast the jobs of a campaign compute, as environment variables of all of them."""

from __future__ import annotations

from umklapp.config import Campaign


def variables(campaign: Campaign) -> dict[str, str]:
    """Environment of all jobs: `UMKLAPP_DEVICE`, the one card where the user has named it, and
    `UMKLAPP_COMPILE`.

    Jobs see a card only where `resources.gpu` lets them ask for one: else sixteen local jobs would
    share card 0.
    """
    device = campaign.potential.device
    environment = {"UMKLAPP_COMPILE": campaign.potential.compile, "UMKLAPP_DEVICE": "cpu"}
    if not campaign.resources.gpu:
        return environment
    environment["UMKLAPP_DEVICE"] = "cuda"
    if ":" in device:
        environment["CUDA_VISIBLE_DEVICES"] = device.partition(":")[2]
    return environment
