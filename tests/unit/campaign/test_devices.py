import pytest

from umklapp import config
from umklapp.campaign.devices import variables
from umklapp.campaign.parameters import Parameters
from umklapp.errors import InputError


@pytest.mark.parametrize(
    ("device", "gpu", "found"),
    [
        ("auto", False, {"UMKLAPP_DEVICE": "cpu"}),
        ("cpu", False, {"UMKLAPP_DEVICE": "cpu"}),
        ("auto", True, {"UMKLAPP_DEVICE": "cuda"}),
        ("cuda", True, {"UMKLAPP_DEVICE": "cuda"}),
        ("cuda:3", True, {"UMKLAPP_DEVICE": "cuda", "CUDA_VISIBLE_DEVICES": "3"}),
    ],
)
def test_jobs_see_a_card_only_where_they_ask_for_it(plain, device, gpu, found):
    plain["potential"] = {"device": device}
    plain["resources"] = {"gpu": gpu}
    assert variables(config.validate(plain)) == found | {"UMKLAPP_COMPILE": "auto"}


@pytest.mark.parametrize(
    ("device", "gpu", "words"),
    [
        ("cuda", False, "no job asks for a GPU"),
        ("cpu", True, "hold a GPU"),
        ("gpu", True, "device"),
    ],
)
def test_what_contradicts_itself_stops_before_any_job(plain, device, gpu, words):
    plain["potential"] = {"device": device}
    plain["resources"] = {"gpu": gpu}
    with pytest.raises(InputError, match=words):
        config.validate(plain)


def test_where_a_model_is_trained_does_not_train_it_again(plain):
    """Neither the device nor the compiled training graph is a parameter of any rule."""
    plain["resources"] = {"gpu": True}
    plain["potential"] = {"device": "cuda:1", "compile": "never"}
    campaign = config.validate(plain)
    for key in ("device", "compile"):
        assert key not in Parameters(campaign, None).architecture()
        assert key not in campaign.potential.model_dump(mode="json")
    assert variables(campaign)["UMKLAPP_COMPILE"] == "never"


def test_a_backend_without_a_compiled_training_refuses_the_key(plain):
    plain["potential"] = {"backend": "mace", "compile": "always"}
    with pytest.raises(InputError, match="compile"):
        config.validate(plain)
