# SPDX-License-Identifier: GPL-3.0-or-later
"""Prices of models that are said in part, or beside no price of video."""

from __future__ import annotations

import pytest
from ansible_collections.livepeer.fleet.plugins.plugin_utils import rules
from ansible_collections.livepeer.fleet.plugins.plugin_utils.findings import Finding
from ansible_collections.livepeer.fleet.plugins.plugin_utils.rules.survey import Survey
from ansible_collections.livepeer.fleet.tests.unit.rules.fleets import Host, asker, fleet, orchestrator

MODEL = {"pipeline": "text-to-image", "model_id": "sd"}
VARIABLE = "livepeer_orchestrator_ai_models[0]"


def found(host: Host) -> list[Finding]:
    """Findings about the amounts of one orchestrator."""
    return [finding for finding in rules.check(Survey(fleet(o=host))) if finding.code == "LPF205"]


def by_model(**model: object) -> Host:
    """On a chain, with prices of models only."""
    host = asker(1, orchestrator_ai_worker=True, orchestrator_transcoder=False, orchestrator_ai_models=[MODEL | model])
    del host["orchestrator_price_per_unit"]
    return host


@pytest.mark.parametrize("pixels", ["1000USD", "0", "1.5"])
def test_pixels_count_without_a_price_of_their_own_too(pixels: str) -> None:
    models = [MODEL | {"pixels_per_unit": pixels}]
    (one,) = found(asker(1000, orchestrator_ai_models=models))
    assert (one.variable, one.got) == (f"{VARIABLE}.pixels_per_unit", pixels)
    # Off-chain it only has to be a number.
    assert bool(found(orchestrator(orchestrator_ai_models=models))) is (pixels == "1000USD")


def test_a_model_without_any_price_stops_a_node_that_has_none_for_video() -> None:
    """starter.go:StartLivepeer: "'pricePerUnit' must be set for model"."""
    (one,) = found(by_model())
    assert (one.variable, one.hint) == (f"{VARIABLE}.price_per_unit", f"{VARIABLE}.price_per_unit: 0, where the work is to be free")
    assert found(by_model(price_per_unit=0, pixels_per_unit=1)) == []
    assert found(by_model(price_per_unit=4000000, pixels_per_unit=1)) == []


def test_a_model_of_price_0_is_free_where_video_is() -> None:
    free = [MODEL | {"price_per_unit": 0}]
    assert found(asker(0, orchestrator_ai_models=free)) == []
    own = [{"ethaddress": "0x" + "ab" * 20, "priceperunit": 5, "pixelsperunit": 1}]
    for host in (asker(1000, orchestrator_ai_models=free), asker(0, orchestrator_ai_models=free, orchestrator_price_per_gateway=own)):
        (one,) = found(host)
        assert (one.variable, "charges the price of video" in one.message) == (f"{VARIABLE}.price_per_unit", True)
