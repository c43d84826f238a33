# SPDX-License-Identifier: GPL-3.0-or-later
"""One signer and several gateways: however each spells its URL, it is one payer; what nobody opened is compared with nothing."""

from __future__ import annotations

import pytest
from ansible_collections.livepeer.fleet.plugins.plugin_utils import rules
from ansible_collections.livepeer.fleet.plugins.plugin_utils.findings import Finding
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.inventory import Present
from ansible_collections.livepeer.fleet.plugins.plugin_utils.rules.survey import Survey
from ansible_collections.livepeer.fleet.tests.unit.rules.fleets import Host, asker, fleet, gateway, only, signer

LIVE = {"pipeline": "live-video-to-video", "model_id": "noop", "price_per_unit": 100}
VARIABLE = "livepeer_gateway_remote_signer"


def live(url: object, cap: object = None, **variables: object) -> Host:
    signer = url if cap is None else {"url": url, "max_price_per_unit": cap}
    signed = {"gateway_payment": "clearinghouse", "gateway_workloads": ["live_video"], "gateway_remote_signer": signer}
    return gateway(**signed | variables)


def found(code: str, **hosts: Host) -> list[Finding]:
    """Every finding of a code, infos too."""
    return [finding for finding in rules.check(Survey(fleet(**hosts))) if finding.code == code]


@pytest.mark.parametrize("other", ["http://s:8935/", "HTTP://S:8935", "http://s.:8935"])
def test_a_signer_is_the_same_in_every_spelling(other: str) -> None:
    hosts = {"a": live("http://s:8935", 130), "b": live(other, 125), "o": asker(1000, orchestrator_ai_models=[LIVE])}
    one = only("LPF204", **hosts)
    assert one.hosts == ("a", "b")
    assert "the signer http://s:8935 has one cap" in one.message


@pytest.mark.parametrize(("other", "hosts"), [("http://s:1/", []), ("http://s:2", [("a",)])])
def test_a_signer_has_to_pay_the_dearest_of_all_its_gateways(other: str, hosts: list[tuple[str, ...]]) -> None:
    """Each has its own orchestrators; the cap is one."""
    by_list = {"gateway_discovery": "list"}
    models = {name: asker(1000, orchestrator_ai_models=[LIVE | {"price_per_unit": price}]) for name, price in (("p", 100), ("q", 200))}
    a, b = (live(url, 250, gateway_orch_addr=[name], **by_list) for url, name in (("http://s:1", "p"), (other, "q")))
    assert [finding.hosts for finding in found("LPF202", a=a, b=b, **models)] == hosts


def test_signers_that_nobody_opened_are_not_compared() -> None:
    hosts = {"a": live(Present(), 130), "b": live(Present(), 125), "o": asker(1000, orchestrator_ai_models=[LIVE])}
    assert found("LPF204", **hosts) == []
    (one,) = found("LPF203", a=live(Present()), o=hosts["o"])
    assert "(a URL that is a secret)" in one.message


def test_a_signer_with_a_password_is_named_by_its_endpoint() -> None:
    (one,) = found("LPF203", a=live("https://u:hunter2secret@s"), o=asker(1000, orchestrator_ai_models=[LIVE]))
    assert "(https://s:443)" in one.message


def test_an_orchestrator_at_the_url_of_a_signer_with_a_password() -> None:
    one = only("LPF304", g=live("https://u:hunter2secret@o:8935"), o=asker(1000, orchestrator_ai_models=[LIVE]))
    assert (one.got, one.variable) == ("https://o:8935", VARIABLE)


@pytest.mark.parametrize(
    ("url", "count"), [("https://10.0.0.5:9936", 1), ("http://10.0.0.5:9936", 0), ("https://10.0.0.5:9999", 0), ("s", 0)]
)
def test_a_signer_of_the_fleet_speaks_no_tls(url: str, count: int) -> None:
    """``server/remote_signer.go:StartRemoteSignerServer``; what ends TLS in front of it listens elsewhere."""
    paying = signer("auto", remote_signer_http_addr="10.0.0.5:9936", remote_signer_webhook_url="{{ hook }}")
    findings = found("LPF304", s=paying, g=live(url, gateway_payment="remote_signer"), o=asker(1000, orchestrator_ai_models=[LIVE]))
    assert [(one.hosts, one.variable, one.hint) for one in findings] == [(("g", "s"), VARIABLE, f'{VARIABLE}: "s"')] * count
