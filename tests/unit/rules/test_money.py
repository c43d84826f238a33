# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of prices and caps: what they say of AI, signers, currencies and forms of amounts, with the line to write."""

from __future__ import annotations

import pytest
from ansible_collections.livepeer.fleet.plugins.plugin_utils import rules
from ansible_collections.livepeer.fleet.plugins.plugin_utils.edges import Verdict
from ansible_collections.livepeer.fleet.plugins.plugin_utils.findings import Finding, Level
from ansible_collections.livepeer.fleet.plugins.plugin_utils.rules.survey import Survey
from ansible_collections.livepeer.fleet.tests.unit.rules.fleets import Host, asker, check, fleet, gateway, only, orchestrator, payer

CAPS = "livepeer_gateway_max_price_per_capability"
MODELS = "livepeer_orchestrator_ai_models"
ACCOUNT = "0x" + "ab" * 20
IMAGE = {"pipeline": "text-to-image", "model_id": "sd", "price_per_unit": 4000000, "pixels_per_unit": 1}
SPEECH = {"pipeline": "audio-to-text", "model_id": "w", "price_per_unit": "1e7", "pixels_per_unit": 1}
LIVE = {"pipeline": "live-video-to-video", "model_id": "noop", "price_per_unit": 100}
DOLLAR = {"wei_per_usd": {"wei": "500000000000000", "date": "2026-11-20"}}


SIGNER: Host = {
    "gateway_payment": "remote_signer",
    "gateway_remote_signer": {"url": "https://signer:8936", "max_price_per_unit": 9},
    "gateway_workloads": ["live_video"],
}


def found(code: str, **hosts: Host) -> list[Finding]:
    """Every finding of a code, infos too."""
    return [finding for finding in rules.check(Survey(fleet(**hosts))) if finding.code == code]


def ai_payer(cap: object = "any", caps: object = "auto", **variables: object) -> Host:
    return payer(cap, gateway_workloads=["ai"], gateway_max_price_per_capability=caps, **variables)


def server(*models: dict[str, object], price: object = 1000, **variables: object) -> Host:
    return asker(price, orchestrator_ai_models=list(models), **variables)


def live(signer: dict[str, object], **variables: object) -> Host:
    signed = {"gateway_payment": "clearinghouse", "gateway_workloads": ["live_video"], "gateway_remote_signer": signer}
    return gateway(**signed | variables)


def test_the_cap_of_a_model() -> None:
    cap = {"pipeline": "text-to-image", "model_id": "sd", "price_per_unit": 4000000, "pixels_per_unit": 1}
    one = only("LPF201", g=ai_payer(caps=[cap]), o=server(IMAGE))
    assert one.message == "the cap leaves less than 20 % over the price of o for text-to-image sd (4000000), which rises with gas"
    assert (one.variable, one.limit) == (f"{CAPS}[0].price_per_unit", "4800000 to 5200000")
    assert one.hint == f"{CAPS}[0].price_per_unit: 4800000 to 5200000, or auto"
    over = only("LPF202", g=ai_payer(caps=[cap | {"price_per_unit": "5200001"}]), o=server(IMAGE))
    assert over.message == "the cap is more than 30 % over the highest price of the orchestrators for text-to-image sd"


def test_a_model_that_falls_through_to_the_cap_of_video() -> None:
    hosts = {"g": payer(1250, gateway_workloads=["video", "ai"]), "o": server(IMAGE, SPEECH)}
    (low,) = found("LPF201", **hosts)
    assert (low.variable, low.got, low.limit) == (
        "livepeer_gateway_max_price_per_unit",
        "1250",
        "4800000 to 5200000 for text-to-image sd",
    )
    assert low.hint == f"{CAPS}: auto"
    (unit,) = found("LPF207", **hosts)
    assert unit.message == "audio-to-text w: paid by the millisecond, but held against the cap for a pixel"
    assert (unit.variable, unit.got, unit.limit, unit.hint) == (CAPS, "1250 for 1 pixel", "a cap for a millisecond", f"{CAPS}: auto")


@pytest.mark.parametrize(
    ("entry", "hint"),
    [
        ({"pipeline": "audio-to-text", "price_per_unit": "auto"}, ": add {pipeline: text-to-image, model_id: sd, price_per_unit: auto}"),
        ({"pipeline": "text-to-image", "price_per_unit": 0, "pixels_per_unit": 1}, "[0].price_per_unit: auto"),
    ],
)
def test_a_model_under_the_cap_of_video_beside_other_entries(entry: dict[str, object], hint: str) -> None:
    cap = payer(1250, gateway_workloads=["video", "ai"], gateway_max_price_per_capability=[entry])
    (one,) = found("LPF201", g=cap, o=server(IMAGE, SPEECH))
    assert one.hint == CAPS + hint


@pytest.mark.parametrize(
    ("own", "price", "hint"),
    [
        ({"price_per_unit": "0.45", "currency": "USD"}, ("0.4", "USD"), '"0.48" to "0.52"'),
        ({"price_per_unit": "0.0000000000045", "currency": "ETH"}, ("4000000", "wei"), "4800000 to 5200000, and currency: wei;"),
    ],
)
def test_a_cap_of_the_document_is_proposed_as_it_is_taken_there(own: dict[str, str], price: tuple[str, str], hint: str) -> None:
    many = {"pixels_per_unit": 1000000}
    model = IMAGE | {"price_per_unit": price[0], "currency": price[1]} | many
    caps = [{"pipeline": "text-to-image", "model_id": "sd", **own} | many]
    (one,) = found("LPF201", g=ai_payer(caps=caps), o=server(model, price="2000"))
    assert one.hint.removesuffix("or auto").rstrip(", ") == f"{CAPS}[0].price_per_unit: {hint}"
    for amount in hint.partition(", and")[0].split(" to "):
        currency = "wei" if "wei" in hint else "USD"
        pasted = [caps[0] | {"price_per_unit": amount.strip('"'), "currency": currency}]
        assert not {"LPF201", "LPF202", "LPF205"} & rules_of(g=ai_payer(caps=pasted), o=server(model, price="2000"))


def test_a_cap_raised_for_a_model_is_too_much_for_video() -> None:
    one = only("LPF202", g=payer(4800000, gateway_workloads=["video", "ai"]), o=server(IMAGE))
    assert (one.limit, one.message) == ("1200 to 1300", "the cap is more than 30 % over the highest price of the orchestrators")


def test_one_default_entry_for_dear_and_cheap_models() -> None:
    cheap = IMAGE | {"model_id": "xl", "price_per_unit": 5}
    caps = [{"pipeline": "text-to-image", "price_per_unit": 5000000, "pixels_per_unit": 1}]
    assert not found("LPF202", g=ai_payer(caps=caps), o=server(IMAGE, cheap))
    assert found("LPF202", g=ai_payer(caps=caps), o=server(cheap))


def test_a_model_without_a_cap() -> None:
    caps = [{"pipeline": "text-to-image", "model_id": "sd", "price_per_unit": "auto"}]
    one = only("LPF207", g=payer(gateway_workloads=["ai"], gateway_max_price_per_capability=caps), o=server(IMAGE, SPEECH))
    assert one.message == "audio-to-text w: no cap, so that any price is paid"
    assert (one.got, one.hint) == ("1 caps", f"{CAPS}: add {{pipeline: audio-to-text, model_id: w, price_per_unit: auto}}")


def test_a_model_that_falls_through_to_an_auto_without_a_price_of_video() -> None:
    only_models = server(IMAGE, orchestrator_transcoder=False, orchestrator_ai_worker=True)
    (one,) = found("LPF207", g=payer("auto", gateway_workloads=["video", "ai"]), o=only_models)
    assert one.hint == f"{CAPS}: auto"


def test_strangers_of_the_chain_may_ask_any_price_of_models_that_are_not_named() -> None:
    wanted = {"gateway_discovery": "onchain", "gateway_workloads": ["ai"], "gateway_max_price_per_capability": "auto"}
    one = only("LPF207", g=payer(**wanted), o=server(IMAGE))
    assert one.message == "every model that is not named (ai): no cap, so that any price is paid"
    assert (one.level, one.got) == (Level.WARNING, "auto")
    flag = "livepeer_gateway_max_price_per_unit"
    assert one.hint == f"{flag}: the most you would pay for a pixel of any model, or {CAPS}: any on purpose"
    assert not rules_of(g=payer(**wanted, gateway_max_price_per_unit=9), o=server(IMAGE)) & {"LPF201", "LPF203", "LPF207"}
    assert not rules_of(g=payer(**wanted | {"gateway_max_price_per_capability": "any"}), o=server(IMAGE))
    listed = {"gateway_discovery": "list", "gateway_orch_addr": ["https://a:8935"], "gateway_workloads": ["ai"]}
    assert {one.code: one.level for one in check(g=payer(**listed))} == {"LPF207": Level.ERROR, "LPF213": Level.WARNING}


@pytest.mark.parametrize(
    ("host", "kinds"),
    [
        (payer(9, gateway_workloads=["video", "ai", "live_video"], gateway_max_price_per_capability="any"), "AI jobs and live video"),
        (gateway(**SIGNER), "live video"),
        (gateway(**SIGNER | {"gateway_workloads": ["ai"]}), ""),
        (gateway(gateway_workloads=["ai", "live_video"]), ""),
        (payer(9, gateway_workloads=["live_runner"]), ""),
    ],
)
def test_nobody_knows_what_a_stranger_asks_for_models(host: Host, kinds: str) -> None:
    known = {"url": "https://a:8935", "price_per_unit": 7}
    found = check(g=host | {"gateway_discovery": "list", "gateway_orch_addr": [known]})
    said = [one.message for one in found if one.code == "LPF213"]
    assert said == (
        [f"nobody says what https://a:8935 asks for {kinds}, so that nothing can be said of the caps over its prices"] if kinds else []
    )


def rules_of(**hosts: Host) -> set[str]:
    """Codes of all errors and warnings."""
    return {finding.code for finding in rules.check(Survey(fleet(**hosts))) if finding.level is not Level.INFO}


def test_a_signer_whose_cap_is_0_or_not_said() -> None:
    where = "livepeer_gateway_remote_signer.max_price_per_unit"
    one = only("LPF203", g=live({"url": "https://s:8935", "max_price_per_unit": 0}), o=server(LIVE))
    assert (one.level, one.variable, one.got) == (Level.ERROR, where, "0")
    assert one.hint == f"{where}: the cap that the signer has, or any where it has none"
    (one,) = found("LPF203", g=live({"url": "https://s:8935"}), o=server(LIVE))
    assert (one.level, one.variable, one.got) == (Level.INFO, where, "(not set)")
    assert one.hint == "livepeer_gateway_remote_signer: {url: the same, max_price_per_unit: the cap that the signer has, or any}"


@pytest.mark.parametrize("price", [0, "0.5"])
def test_a_signer_pays_no_price_of_0(price: object) -> None:
    hosts = {"g": live({"url": "https://s:8935", "max_price_per_unit": "any"}), "o": server(LIVE | {"price_per_unit": price}, price=price)}
    told = found("LPF301", **hosts)
    edges = {edge.verdict for edge in Survey(fleet(**hosts)).edges}
    if price:
        assert (told, edges) == ([], {Verdict.GOOD})
        return
    (one,) = told
    assert one.message == "a signer pays for live-video-to-video noop at g, and refuses a price of 0"
    assert (one.hosts, one.hint, edges) == (("o", "g"), f'{one.variable}: "1"', {Verdict.REFUSED})


def test_an_entry_of_0_takes_the_number_of_the_flag_without_its_currency() -> None:
    caps = [{"pipeline": "text-to-image", "price_per_unit": 0, "pixels_per_unit": 1, "currency": "USD"}]
    hosts = {"g": ai_payer("0.000000000005USD", caps=caps), "o": server(IMAGE | {"price_per_unit": "0.000000000004", "currency": "usd"})}
    (one,) = found("LPF205", **hosts)
    assert one.variable == f"{CAPS}[0].price_per_unit"
    assert "takes the number of -maxPricePerUnit instead, without its currency" in one.message
    assert one.hint == f"{CAPS}[0].price_per_unit: auto, or any on purpose"


@pytest.mark.parametrize(
    ("price", "says", "hint"),
    [
        (
            "0.5e-2USD",
            "cannot read it and stops with exit status 0",
            f'{MODELS}[0].price_per_unit: "0.005" and {MODELS}[0].currency: "USD"',
        ),
        ("0x10", "cannot read it and stops with exit status 0", f'{MODELS}[0].price_per_unit: "16"'),
        ("1,000", "cannot read it and stops with exit status 0", f'{MODELS}[0].price_per_unit: "1000"'),
        ("-1", "reads -1 and stops with exit status 2", ""),
        ("0", "reads 0 and charges the price of video instead", f"remove {MODELS}[0].price_per_unit, or give video no price"),
    ],
)
def test_forms_of_the_price_of_a_model(price: str, says: str, hint: str) -> None:
    (one,) = found("LPF205", o=server(IMAGE | {"price_per_unit": price}))
    assert says in one.message
    assert (one.variable, one.hint) == (f"{MODELS}[0].price_per_unit", hint)
    assert one.level is (Level.WARNING if price == "0" else Level.ERROR)


def test_off_chain_only_what_cannot_be_read_counts() -> None:
    models = [IMAGE | {"price_per_unit": price, "model_id": price} for price in ("-1", "0", "1,000")]
    (one,) = found("LPF205", o=orchestrator(orchestrator_ai_models=models))
    assert one.variable == f"{MODELS}[2].price_per_unit"


def test_a_model_without_any_price() -> None:
    (one,) = found("LPF205", o=server({"pipeline": "llm", "model_id": "m"}, price=0))
    assert one.message == "neither the model nor video has a price above 0: go-livepeer stops with exit status 2"


def test_a_list_that_shows_0() -> None:
    (one,) = found("LPF205", o=server(IMAGE | {"price_per_unit": "0.5"}))
    assert one.level is Level.INFO
    assert "names the price 0" in one.message


@pytest.mark.parametrize(
    ("price", "pixels", "adjusts"),
    [("0.0009", 1, True), (999, "1000000", True), ("0.159000000000000000001", 1, False), ("0.0000000000000000009USD", 1, True)],
)
def test_free_by_rounding(price: object, pixels: object, adjusts: bool) -> None:
    (one,) = found("LPF205", o=asker(price, adjusts=adjusts, orchestrator_pixels_per_unit=pixels, **DOLLAR))
    assert "advertised as 0: the work is free" in one.message


@pytest.mark.parametrize(
    ("price", "pixels", "level"),
    [
        ("0.50USD", 1, Level.ERROR),
        ("1ETH", 1, Level.ERROR),
        (2 * 10**9, 1, Level.WARNING),
        ("2000000000wei", 1, Level.WARNING),
        ("0.5USD", "1000", Level.WARNING),
    ],
)
def test_amounts_without_their_pixels(price: object, pixels: object, level: Level) -> None:
    (one,) = found("LPF205", o=asker(price, orchestrator_pixels_per_unit=pixels))
    assert one.level is level
    assert "is the number of pixels missing?" in one.message
    assert ("livepeer_orchestrator_pixels_per_unit" in one.hint) == (pixels == 1)


def test_a_foreign_price_that_would_be_advertised_as_0() -> None:
    listed = {"gateway_discovery": "list", "gateway_orch_addr": [{"url": "https://a:8935", "price_per_unit": "0.0005"}]}
    (one,) = found("LPF205", g=payer("any", **listed))
    assert (one.level, one.variable) == (Level.WARNING, "livepeer_gateway_orch_addr[0].price_per_unit")
    assert one.hint == "livepeer_gateway_orch_addr[0].price_per_unit: what it really asks"


def test_a_cap_without_its_pixels() -> None:
    (one,) = found("LPF205", g=payer("0.41USD"), o=asker("0.5USD", orchestrator_pixels_per_unit=10**12))
    assert (one.level, one.got) == (Level.ERROR, "0.41USD for 1")
    assert one.hint == 'livepeer_gateway_pixels_per_unit: "1000000000000"'
    (one,) = found("LPF205", o=server(IMAGE | {"price_per_unit": 12882811, "currency": "USD"}))
    assert one.level is Level.WARNING


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({}, ""),
        ({"network": "mainnet"}, "go-livepeer's own price feed is on arbitrum-one-mainnet: on mainnet it does not start with a currency"),
        ({"network": "mainnet", "orchestrator_flags": {"priceFeedAddr": ACCOUNT}, "gateway_flags": {"priceFeedAddr": ACCOUNT}}, ""),
        ({"orchestrator_price_per_unit": "0.5EUR"}, "the price feed knows no EUR, so that go-livepeer does not start"),
    ],
)
def test_currencies_that_no_feed_tells(variables: Host, says: str) -> None:
    units = {"orchestrator_pixels_per_unit": 10**12, "gateway_pixels_per_unit": 10**12}
    own = {"group": "livepeer_combined", "gateway_discovery": "local", "gateway_max_price_per_unit": "0.625USD"}
    hosts = {"c": asker("0.5USD", **units) | own | variables}
    assert {one.message for one in found("LPF205", **hosts)} == ({says} if says else set())
    (edge,) = Survey(fleet(**hosts)).edges
    assert (edge.verdict, "LPF205" in edge.codes) == ((Verdict.REFUSED, True) if says else (Verdict.GOOD, False))


def test_a_number_of_units_has_no_currency() -> None:
    own = [{"ethaddress": ACCOUNT, "priceperunit": 1000, "pixelsperunit": "1000USD"}]
    (one,) = found("LPF205", o=asker(1000, orchestrator_price_per_gateway=own))
    assert (one.variable, one.hint) == ("livepeer_orchestrator_price_per_gateway[0].pixelsperunit", "")
    (one,) = found("LPF205", o=asker(1000, orchestrator_pixels_per_unit="1,000"))
    assert one.hint == 'livepeer_orchestrator_pixels_per_unit: "1000"'


def test_prices_of_single_gateways_are_in_the_grammar_of_documents() -> None:
    own = [{"ethaddress": ACCOUNT, "priceperunit": "1e3", "pixelsperunit": "1e0"}]
    assert not found("LPF205", o=asker(1000, orchestrator_price_per_gateway=own))
    own[0]["priceperunit"] = "0.5USD"
    (one,) = found("LPF205", o=asker(1000, orchestrator_price_per_gateway=own))
    assert "drops every price of the document" in one.message
    assert 'priceperunit: "0.5" and livepeer_orchestrator_price_per_gateway[0].currency: "USD"' in one.hint


def test_the_price_for_one_account_is_on_the_edge_of_that_gateway_alone() -> None:
    own = [{"ethaddress": ACCOUNT, "priceperunit": 2000, "pixelsperunit": 1}]
    hosts = {"g": payer(1250, gateway_eth_acct_addr=ACCOUNT), "h": payer(1250), "o": asker(1000, orchestrator_price_per_gateway=own)}
    one = only("LPF201", **hosts)
    assert (one.hosts, one.limit) == (("g", "o"), "2400 to 2600")


def test_an_auto_cap_that_one_orchestrator_sets_alone() -> None:
    hosts = {"a": asker(1000), "b": asker(1100), "c": asker(1000000)}
    (one,) = found("LPF202", g=payer("auto"), **hosts)
    assert (one.level, one.hosts) == (Level.INFO, ("g", "c"))
    assert one.message == "c alone sets the cap: the next price is 1100"
    assert (one.got, one.limit) == ("auto, which is 1300000", "1000000 at c")
    assert not found("LPF202", g=payer("auto"), **hosts | {"c": asker(2200)})
    assert not found("LPF202", g=payer("auto"), **hosts | {"d": asker(1000000)})
    assert not found("LPF202", g=payer("any"), **hosts)


def test_a_pipeline_that_the_parser_refused_is_no_second_finding() -> None:
    caps = [{"pipeline": "text-to-imag", "model_id": "sd", "price_per_unit": 5000000}]
    assert not found("LPF206", g=ai_payer(caps=caps), o=server(IMAGE))
    assert found("LPF206", g=ai_payer(caps=[caps[0] | {"pipeline": "text-to-image", "model_id": "s"}]), o=server(IMAGE))


def test_over_a_price_that_is_too_small_no_cap_is_too_high() -> None:
    assert rules_of(g=payer(1), o=asker("0.0009")) == {"LPF205"}
    assert rules_of(g=payer(1), o=asker("0.0009"), p=asker("0.001")) == {"LPF205", "LPF202"}


def test_own_routing_that_is_free_as_it_is_proposed() -> None:
    own = [{"ethaddress": ACCOUNT, "priceperunit": 0, "pixelsperunit": 1}]
    server_of_own = asker(1000, orchestrator_price_per_gateway=own)
    assert not rules_of(g=payer(1, gateway_eth_acct_addr=ACCOUNT), o=server_of_own)


def test_currencies_with_a_rate_are_compared_and_a_warning() -> None:
    one = only("LPF208", g=payer("0.0000000000005USD", **DOLLAR), o=asker(200))
    assert one.level is Level.WARNING
    assert "compared at 500000000000000 wei for 1 USD of 2026-11-20, and go-livepeer reads its own rate each hour" in one.message
    (low,) = found("LPF201", g=payer("0.0000000000005USD", **DOLLAR), o=asker(300))
    assert low.limit == "0.00000000000072USD to 0.00000000000078USD"
    assert "is worth" not in one.hint


def test_a_currency_without_a_rate_can_be_given_one() -> None:
    fed = {"orchestrator_flags": {"priceFeedAddr": ACCOUNT}}
    (one,) = found("LPF208", g=payer(1250), o=asker("7EUR", **fed), p=asker("0.000000000002USD"))
    rates = "livepeer_wei_per_usd: {wei: …, date: …} and livepeer_exchange_rates: [{currency: EUR, wei: …, date: …}]"
    assert one.hint.endswith(rates)


def test_auto_over_several_currencies_takes_wei_where_a_rate_is_known() -> None:
    one = only("LPF208", g=payer("auto", **DOLLAR), o=asker(300), p=asker("0.000000000001USD"))
    assert (one.level, one.got) == (Level.WARNING, "650")


def test_a_signer_s_declared_cap() -> None:
    low = only("LPF201", g=live({"url": "https://s:8935", "max_price_per_unit": 110}), o=server(LIVE))
    assert low.variable == "livepeer_gateway_remote_signer.max_price_per_unit"
    assert low.hint == "on the signer maxPricePerUnit: 120 to 130, and the same in livepeer_gateway_remote_signer.max_price_per_unit"


def test_a_signer_has_one_cap_for_all_of_its_gateways() -> None:
    hosts = {name: live({"url": "https://s:8935", "max_price_per_unit": cap}) for name, cap in (("g", 120), ("h", 130))}
    one = only("LPF204", **hosts, o=server(LIVE))
    assert (one.hosts, one.got, one.limit) == (("g", "h"), "120 for 1 pixel", "130 for 1 pixel at h")


def test_a_cap_blocks_live_runners() -> None:
    signer = {"url": "https://s:8935", "max_price_per_unit": 120}
    one = only("LPF207", g=live(signer, gateway_workloads=["live_runner"]), o=asker(1, orchestrator_flags={"useLiveRunners": True}))
    assert "pays for none of them" in one.message
    assert one.hint.endswith("livepeer_gateway_remote_signer.max_price_per_unit: any")


def test_a_flag_that_undoes_the_cap() -> None:
    one = only("LPF203", g=payer(1250, gateway_flags={"ignoreMaxPriceIfNeeded": True}), o=asker(1000))
    assert (one.level, one.variable) == (Level.WARNING, "livepeer_gateway_flags.ignoreMaxPriceIfNeeded")
    assert not found("LPF203", g=payer("any", gateway_flags={"ignoreMaxPriceIfNeeded": True}), o=asker(1000))


@pytest.mark.parametrize(("version", "told"), [("0.9.1", True), ("0.8.5", False)])
def test_jobs_in_containers_of_one_s_own_have_no_cap(version: str, told: bool) -> None:
    one = found("LPF203", g=ai_payer() | {"version": version}, o=server(IMAGE))
    assert [finding.level for finding in one] == ([Level.INFO] if told else [])


def test_any_for_ai_under_a_cap_of_video() -> None:
    hosts = {"g": payer(1250, gateway_workloads=["video", "ai"], gateway_max_price_per_capability="any"), "o": server(IMAGE, SPEECH)}
    assert not [finding for finding in rules.check(Survey(fleet(**hosts))) if finding.level is not Level.INFO]


def test_a_stranger_s_price() -> None:
    one = only("LPF213", g=payer("any", gateway_discovery="list", gateway_orch_addr=["https://far:8935"]))
    assert (one.variable, one.got) == ("livepeer_gateway_orch_addr[0]", "https://far:8935")


def test_a_cap_for_nobody_names_what_there_is() -> None:
    caps = [{"pipeline": "text-to-image", "model_id": "sdd", "price_per_unit": 1}]
    (one,) = found("LPF206", g=ai_payer(caps=caps), o=server(IMAGE))
    assert (one.got, one.limit, one.hint) == ("text-to-image sdd", "text-to-image sd", "sd, or remove the entry")


@pytest.mark.parametrize(
    ("pool", "gas", "right"),
    [(100, "5", "1600"), (101, "5", "1606"), (100, "2.3", "1276 to 1300"), (100, "1", "1200 to 1300")],
)
@pytest.mark.parametrize(("cap", "code"), [(1100, "LPF201"), (2000, "LPF202")])
def test_no_line_to_write_is_refused_under_gas(pool: int, gas: str, right: str, cap: int, code: str) -> None:
    stated = {"expected_gas_gwei": ["0.05", gas], "pool_size": pool}
    funds = {"gateway_reserve_eth": "1", "gateway_deposit_eth": "1"}
    (one,) = found(code, g=payer(cap, **stated, **funds), o=asker(1000, **stated))
    assert (one.limit, one.hint) == (right, f"livepeer_gateway_max_price_per_unit: {right}, or auto")
    for pasted in right.split(" to "):
        assert not rules_of(g=payer(pasted, **stated, **funds), o=asker(1000, **stated))
