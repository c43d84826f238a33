# SPDX-License-Identifier: GPL-3.0-or-later
"""Documents of prices: what was loaded is proved, entry by entry, from answers as go-livepeer 0.9.1 gives them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ansible_collections.livepeer.fleet.plugins.module_utils import prometheus
from ansible_collections.livepeer.fleet.plugins.module_utils.admin_api import Answer
from ansible_collections.livepeer.fleet.plugins.module_utils.errors import HostError
from ansible_collections.livepeer.fleet.plugins.module_utils.health import prove
from ansible_collections.livepeer.fleet.plugins.module_utils.plan_part import Part
from ansible_collections.livepeer.fleet.plugins.module_utils.read_back import ReadBack
from ansible_collections.livepeer.fleet.plugins.module_utils.transaction import Options, apply
from ansible_collections.livepeer.fleet.tests.unit.module_utils.worlds import CLI, UP, World, node, raw_node, socket_of

# Scraped from the running 0.9.1; five entries, one of them for the whole pipeline, one in USD, one with a model of odd characters.
LOADED = r"""# HELP livepeer_price_per_capability price per unit per capability
# TYPE livepeer_price_per_capability gauge
livepeer_price_per_capability{model_name="ByteDance/SDXL-Lightning",node_id="vm",node_type="bctr",pipeline="text-to-image"} 1214.4
livepeer_price_per_capability{model_name="a\\b \"q\"",node_id="vm",node_type="bctr",pipeline="live-video-to-video"} 250
livepeer_price_per_capability{model_name="default",node_id="vm",node_type="bctr",pipeline="upscale"} 333.3333333333333
livepeer_price_per_capability_of_another{pipeline="upscale"} 1
"""
ROWS = [
    ["live-video-to-video", 'a\\b "q"', None],
    ["text-to-image", "ByteDance/SDXL-Lightning", "6072/5"],
    ["upscale", "default", "1000/3"],
]
CAPS = {
    "path": "/metrics",
    "json": ["livepeer_price_per_capability", "pipeline", "model_name"],
    "equals": ROWS,
    "compare": "series",
    "flag": "maxPricePerCapability",
}
PRICES = {
    "path": "/status",
    "json": ["BroadcasterPrices"],
    "equals": {"0x2b5ad5c4795c026514f8317c7a215e218dccd6cf": "6072/5", "0x7e": None, "default": "1000"},
    "compare": "entries",
    "flag": "pricePerGateway",
}


def caps(text: str, equals: object = None) -> str:
    return ReadBack.parse({**CAPS, "equals": ROWS if equals is None else equals}).problem(Answer(200, text))


def prices(found: dict[str, str] | None) -> str:
    return ReadBack.parse(PRICES).problem(Answer(200, json.dumps({"BroadcasterPrices": found})))


def test_every_entry_is_there() -> None:
    assert caps(LOADED) == ""


def test_a_dropped_document_names_what_is_missing() -> None:
    assert caps("") == (
        'it did not load 3 of 3 entries of -maxPricePerCapability (live-video-to-video a\\b "q", text-to-image ByteDance/SDXL-Lightning, '
        "upscale default), says /metrics livepeer_price_per_capability; go-livepeer drops a document as a whole when it cannot read it, "
        'look for "could not be parsed" in its log'
    )


def test_many_entries_are_counted() -> None:
    assert "(llm 0, llm 1, llm 2, llm 3, llm 4 and 2 more)" in caps("", [["llm", str(count), "1"] for count in range(7)])


def test_an_entry_of_another_amount_is_told_by_the_exact_one() -> None:
    changed = caps(LOADED.replace(" 1214.4", " 1214.5"))
    assert "runs with text-to-image ByteDance/SDXL-Lightning = 1214.5 of -maxPricePerCapability, planned is 1214.4" in changed
    assert caps(LOADED.replace("333.3333333333333", "333.333333333333")), "the last digit counts"


def test_an_amount_that_follows_its_rate_may_be_any() -> None:
    assert caps(LOADED.replace(" 250", " 260")) == ""


def test_an_entry_that_is_not_planned_is_told() -> None:
    assert "runs with entries of -maxPricePerCapability that are not planned (upscale default)" in caps(LOADED, ROWS[:2])
    assert caps("", []) == ""


def test_prices_of_gateways() -> None:
    loaded = {"0x2b5ad5c4795c026514f8317c7a215e218dccd6cf": "6072/5", "0x7e": "7", "default": "1000"}
    assert prices(loaded) == ""
    assert "runs with default = 1001 of -pricePerGateway, planned is 1000" in prices({**loaded, "default": "1001"})
    dropped = prices({"default": "1000"})
    assert "did not load 2 of 3 entries of -pricePerGateway (0x2b5ad5c4795c026514f8317c7a215e218dccd6cf, 0x7e)" in dropped
    assert "did not load 3 of 3" in prices(None)
    assert "not planned (0xee)" in prices({**loaded, "0xee": "1"})


def test_the_text_format() -> None:
    text = 'a{x="1",y="}"} 2e+06\na 1\naa{x="3"} 3\nb{x="4"} 4\n'
    assert prometheus.series(text, "a", ("x",)) == {("1",): 2_000_000.0, ("",): 1.0}
    assert prometheus.series(text, "a", ("y", "x")) == {("}", "1"): 2_000_000.0, ("", ""): 1.0}


def test_a_document_that_was_dropped_is_not_waited_for(tmp_path: Path) -> None:
    """Meanwhile the gateway would pay any price."""
    world = World(tmp_path, {"livepeer-gateway": UP}, (socket_of("livepeer-gateway"),))
    world.paths.unit("livepeer-gateway").parent.mkdir(parents=True)
    world.paths.unit("livepeer-gateway").write_text("")
    planned = node(expect={"role": "gateway", "version": "0.9.1", "cli": f"127.0.0.1:{CLI}", "settings": [CAPS]})
    world.api.pop("/metrics")
    with pytest.raises(HostError, match="30 seconds after its start: it does not answer /metrics"):
        prove(world.host, planned)
    world.api["/metrics"] = Answer(200, "")
    world.now = 0.0
    with pytest.raises(HostError, match="it did not load 3 of 3 entries"):
        prove(world.host, planned)
    assert world.now == 0.0


@pytest.fixture
def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """A host with a release, whose node shows the series that its configuration asks for, unless they are garbled."""
    monkeypatch.setattr("ansible_collections.livepeer.fleet.plugins.module_utils.commands.NOBODY", tmp_path.stat().st_uid)
    world = World(tmp_path)
    world.release("0.9.1-aaaaaaaaaaaa")

    def starts(unit: str, conf: str) -> object:
        world.api["/metrics"] = Answer(200, LOADED if "maxPricePerCapability good" in conf else "")
        return UP

    world.starts = starts  # type: ignore[assignment]
    return world


def apply_one(world: World, conf: str, settings: list[object]) -> tuple[str, str]:
    expect = {"role": "gateway", "version": "0.9.1", "cli": f"127.0.0.1:{CLI}", "settings": settings}
    part = Part.parse({"schema": 1, "host": "gw1", "nodes": [raw_node(conf=conf, expect=expect)]})
    (outcome,) = apply(world.host, part, {"gateway": {}}, Options())
    return outcome.revision, outcome.error


def test_a_dropped_document_is_a_failed_activation(running: World) -> None:
    first, error = apply_one(running, "maxPricePerCapability good\n", [CAPS])
    assert error == ""
    revision, error = apply_one(running, "maxPricePerCapability bad\n", [CAPS])
    assert revision == first, "what ran before runs again, and was proved again"
    assert "it did not load 3 of 3 entries of -maxPricePerCapability (live-video-to-video" in error
    assert "maxPricePerCapability good" in (running.paths.nodes / "gateway/current/livepeer.conf").read_text()
