# SPDX-License-Identifier: GPL-3.0-or-later
"""plan.html in a headless Chromium, as an operator uses it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

from ansible_collections.livepeer.fleet.plugins.plugin_utils.findings import Finding, Level
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.inventory import Inventory
from ansible_collections.livepeer.fleet.plugins.plugin_utils.plan import Plan, make_plan
from ansible_collections.livepeer.fleet.tests.unit.render.fleets import ARBITRUM, TEMPLATES, gateway, orchestrator
from ansible_collections.livepeer.fleet.tests.unit.report.plans import EMPTY, costly, large, planned, three
from selenium.webdriver.common.keys import Keys

from .conftest import Page

Show = Callable[..., Page]


def mixed() -> Plan:
    """Paid and free work, a combined host, a node with a name of its own."""
    return planned(
        gateway("gw1", network=ARBITRUM, max_price_per_unit="1100"),
        gateway("gw2", name="free"),
        orchestrator("orch1", network=ARBITRUM),
        orchestrator("orch2", network=ARBITRUM, price_per_unit="900"),
        gateway("media1"),
        orchestrator("media1"),
    )


def test_hosts_are_boxes_with_their_nodes_and_edges_lead_from_one_to_the_other(show: Show) -> None:
    page = show(three())
    assert sorted(page.texts(".box text.name")) == ["gw1", "orch1", "orch2"]
    assert sorted(page.texts(".box text.node")) == ["gateway", "orchestrator", "orchestrator"]
    assert sorted(edge.get_attribute("aria-label") or "" for edge in page.all(".edge")) == [
        "gw1 → orch1: video 25 %, good",
        "gw1 → orch2: video ~23.7 %, good",
    ]
    assert page.texts("#conclusion") == ["✓ can be applied 3 nodes on 3 hosts: no findings."]


def test_an_edge_turns_red_when_its_price_is_broken(show: Show) -> None:
    for scheme in ("light", "dark"):
        page = show(three(), scheme=scheme)
        before = {page.colour(line) for line in page.all(".edge .line")}
        page = show(three("1100"), scheme=scheme)
        lines = page.all(".edge .line.refused")
        assert len(lines) == 2
        for line in lines:
            red, green, blue = page.colour(line)
            assert red > 150 and red > green + 80 and red > blue + 80
            assert (red, green, blue) not in before
        assert page.texts(".signs .mark") == ["✕", "✕"], "colour is not the only sign"
        assert page.texts("#conclusion") == ["✕ refused 3 nodes on 3 hosts: 1 error."]


def test_one_broken_price_leaves_the_other_edge_as_it_is(show: Show) -> None:
    plan = planned(
        gateway("gw1", network=ARBITRUM, max_price_per_unit="1250"),
        orchestrator("orch1", network=ARBITRUM),
        orchestrator("orch2", network=ARBITRUM, price_per_unit="1240"),
    )
    page = show(plan)
    labels = [str(edge.get_attribute("aria-label")) for edge in page.all(".edge")]
    verdicts = {label.split(":")[0]: label for label in labels}
    assert verdicts["gw1 → orch2"].endswith("refused")
    assert not verdicts["gw1 → orch1"].endswith("refused")


def test_a_finding_leads_to_its_edge(show: Show) -> None:
    page = show(mixed())
    assert page.all(".chosen") == []
    (finding,) = [item for item in page.all("#findings li") if "LPF201" in item.text]
    finding.find_element("tag name", "button").click()
    chosen = page.all(".edge.chosen")
    assert [edge.get_attribute("aria-label") for edge in chosen] == ["gw1 → orch1: video 10 %, refused"]
    assert page.driver.switch_to.active_element == chosen[0]
    top = page.driver.execute_script("return arguments[0].getBoundingClientRect().top", chosen[0])
    assert 0 <= top < page.driver.execute_script("return innerHeight")
    assert "gw1 → orch1" in page.one("#detail").text


def test_each_finding_of_a_gateway_leads_to_the_edge_with_its_own_code(show: Show) -> None:
    plan = three("1100")
    single = [edge for whole in plan.edges for edge in whole.each()]
    edges = tuple(replace(edge, codes=(code,)) for edge, code in zip(single, ("LPF201", "LPF208"), strict=True))
    findings = tuple(Finding(code, Level.ERROR, "it does not fit", hosts=("gw1",)) for code in ("LPF208", "LPF201"))
    page = show(replace(plan, edges=edges, findings=findings))
    for button, orchestrator_ in zip(page.all("#findings button"), ("orch2", "orch1"), strict=True):
        button.click()
        (label,) = [edge.get_attribute("aria-label") or "" for edge in page.all(".edge.chosen")]
        assert label.startswith(f"gw1 → {orchestrator_}:")


def test_a_finding_that_the_filter_hides_is_led_to_all_the_same(show: Show) -> None:
    page = show(mixed())
    page.one("#verdicts input[value=refused]").click()
    assert page.all(".edge .line.refused") == []
    page.driver.execute_script("document.querySelector('#findings li.error button').click()")
    assert len(page.all(".edge.chosen .line.refused")) == 1


def test_a_finding_about_a_host_leads_to_its_box(show: Show) -> None:
    about = Finding("LPF101", Level.ERROR, "two listeners want one port", hosts=("orch2",), node="orchestrator")
    page = show(replace(three(), findings=(about,)))
    page.one("#findings li button").click()
    assert page.texts(".box.chosen text.name") == ["orch2"]


def test_a_code_beside_an_edge_leads_to_its_finding(show: Show) -> None:
    page = show(mixed())
    page.one("#edges button.code[type=button]").click()
    assert page.one("#findings li.chosen").get_attribute("data-code") == "LPF201"


def test_filters_narrow_picture_and_tables_and_let_go_again(show: Show) -> None:
    page = show(mixed())
    everything = len(page.all("#edges tbody tr"))
    page.search("MEDIA")
    assert set(page.texts(".box text.name")) == {"gw2", "media1"}
    assert all("media1" in row for row in page.texts("#edges tbody tr"))
    assert set(page.texts("#listeners h3")) == {"media1"}
    page.search("nothing has this name")
    assert page.texts("#drawing .none") == ["Nothing fits the filter."]
    page.one("button[type=reset]").click()
    assert len(page.all("#edges tbody tr")) == everything
    page.one("#verdicts input[value=free]").click()
    assert page.all(".line.free") == []
    assert "of" in page.one("#shown").text


def test_a_workload_can_be_chosen(show: Show) -> None:
    page = show(three())
    assert page.texts("#workload option") == ["all", "video"]
    page.one("#workload").send_keys("video")
    assert len(page.all(".edge")) == 2


def test_the_keyboard_is_enough(show: Show) -> None:
    page = show(three("1100"))
    page.driver.switch_to.active_element.send_keys("/")
    assert page.driver.switch_to.active_element == page.one("#search")
    page.all(".edge")[0].send_keys(Keys.ENTER)
    assert len(page.all(".edge.chosen")) == 1
    page.driver.switch_to.active_element.send_keys(Keys.ESCAPE)
    assert page.all(".chosen") == []


def test_a_thousand_hosts_stay_a_page(show: Show) -> None:
    plan = large(1000, low=17)
    assert sum(edge.count for edge in plan.edges) == 100 * 900
    page = show(plan)
    assert page.elements() < 3000
    assert page.texts("#shown") == ["90,000 edges"]
    assert "99 × gw0 …" in page.texts(".box text.name") and "gw17" in page.texts(".box text.name")
    assert (len(page.all(".box")), len(page.all(".edge"))) == (9, 14), "hosts that are alike share a box, and all are drawn"
    page.search("gw17")
    assert "gw17" in page.texts(".box text.name")
    assert len(page.all(".edge .line.refused")) > 0
    assert page.texts("#shown") == ["900 of 90,000 edges"]
    page.one("button[type=reset]").click()
    page.all("#findings li.error button")[0].click()
    assert len(page.all(".edge.chosen .line.refused")) > 0


def test_in_a_large_fleet_a_host_with_a_finding_has_a_box_and_a_click_leaves_the_hosts_of_the_finding(show: Show) -> None:
    plan = large(1000)
    places = ("orch7", "orch77", "orch777")
    found = [Finding("LPF102", Level.ERROR, "a CLI port is reachable", hosts=(name,), node="orchestrator") for name in places]
    other = Finding("LPF208", Level.ERROR, "the cap is in USD", hosts=("gw3", "orch7"), node="gateway")
    page = show(replace(plan, findings=(*found, other)))
    assert {*places, "gw3"} <= set(page.texts(".box text.name"))
    page.one("#findings li[data-code=LPF102] button").click()
    assert page.one("#search").get_attribute("value") == "orch7, orch77, orch777"
    assert sorted(page.texts(".box.chosen text.name")) == list(places)
    assert page.texts("#shown") == ["300 of 90,000 edges"]


def test_many_hosts_with_the_same_finding_share_a_box_of_their_own(show: Show) -> None:
    found = [Finding("LPF102", Level.ERROR, "a CLI port is reachable", hosts=(f"orch{place}",)) for place in range(40, 80)]
    page = show(replace(large(1000, prices=1), findings=tuple(found)))
    assert "40 × orch40 …" in page.texts(".box text.name")


def test_the_whole_of_a_name_means_that_host_alone(show: Show) -> None:
    page = show(large(1000))
    page.search("gw3")
    assert page.texts("#shown") == ["900 of 90,000 edges"]
    page.search("gw3, gw4")
    assert page.texts("#shown") == ["1,800 of 90,000 edges"]


def test_a_finding_of_many_hosts_names_them_all(show: Show) -> None:
    found = Finding("LPF209", Level.WARNING, "it does not survive", hosts=tuple(f"gw{place}" for place in range(300)))
    page = show(replace(EMPTY, findings=(found,)))
    assert not page.one("#findings summary").text.endswith("gw299")
    page.one("#findings summary").click()
    assert page.one("#findings details").text.endswith("gw298, gw299")


def test_a_thousand_prices_stay_a_page(show: Show) -> None:
    page = show(large(600, prices=600))
    assert page.elements() < 6000
    assert len(page.all(".box")) <= 48


def overlap(one: dict[str, float], other: dict[str, float]) -> bool:
    """True for rectangles that have a point in common."""
    return all(one[at] < other[at] + other[size] and other[at] < one[at] + one[size] for at, size in (("x", "width"), ("y", "height")))


def test_no_words_of_the_picture_lie_on_others(show: Show) -> None:
    page = show(
        planned(
            gateway("gw1", network=ARBITRUM, max_price_per_unit="1300"),
            gateway("gw2", network=ARBITRUM, max_price_per_unit="1300"),
            orchestrator("orch1", network=ARBITRUM, name="orch-second"),
            orchestrator("orch2", network=ARBITRUM, name="an-orchestrator-with-a-long-name"),
        )
    )
    assert "orch-second" in page.texts(".box text.node"), "rather the name alone than cut beside the network"
    labels, boxes = ([element.rect for element in page.all(f"#drawing {kind}")] for kind in (".label", ".box .host, .signs .mark circle"))
    assert len(labels) == 4
    assert not [(one, other) for place, one in enumerate(labels) for other in (*labels[:place], *boxes) if overlap(one, other)]
    names, networks = ([element.rect for element in page.all(f".box text.{kind}")] for kind in ("node", "net"))
    assert not [(one, other) for one in names for other in networks if overlap(one, other)]


def test_long_units_leave_room_for_the_ends_of_an_edge(show: Show) -> None:
    (edge,) = three().edges[:1]
    long = replace(edge, unit="pixel of 1280x720 at 30 frames a second, whatever it is in truth")
    page = show(replace(EMPTY, edges=(long,)))
    table, ends = page.one("#edges table"), page.all("#edges tbody td")[1]
    assert ends.rect["width"] > 250
    assert table.rect["width"] <= page.one("#edges .table").rect["width"], "nothing is cut off"


def test_the_chart_shows_each_price_under_its_cap(show: Show) -> None:
    page = show(three())
    assert page.texts("#prices figcaption") == ["video, wei per pixel"]
    assert page.texts("#prices .row .who") == ["gw1 → orch1", "gw1 → orch2"]
    assert page.texts("#prices .row .value") == ["25 %", "~23.7 %"]
    assert [row.get_attribute("textContent") for row in page.all("#prices .row title")] == [
        "gw1 → orch1: price 1000 wei, cap 1250 wei, headroom 25 %, good",
        "gw1 → orch2: price 1010.5 wei, cap 1250 wei, headroom ~23.7 %, good",
    ]
    prices, caps = page.all("#prices .row .bar"), page.all("#prices .row .cap")
    ends = [price.rect["x"] + price.rect["width"] for price in prices]
    assert ends[0] < ends[1] < caps[0].rect["x"] == caps[1].rect["x"]
    bands = page.all("#prices .row .band")
    assert len(bands) == 4, "over the price, and in percent"
    assert all(band.rect["x"] < caps[0].rect["x"] < band.rect["x"] + band.rect["width"] for band in bands[::2])


def test_gas_is_one_table_that_opens_to_each_gas_price_and_what_would_help(show: Show) -> None:
    page = show(costly())
    row = page.texts("#gas > .table > table > tbody > tr:first-child > td")
    assert row == ["gw1", "video", "1000 to 1010.5 wei per pixel", "1010 to 3031.5", "1250", "~23.7 (cap)", row[6], "LPF209"]
    assert not page.one("#gas pre").is_displayed()
    page.one("#gas button.opens").click()
    assert "a reserve of 102 ETH with a deposit of 1.02 ETH is safe at 200 gwei" in page.one("#gas pre").text
    assert page.texts("#gas .by-gas tbody tr:last-child td")[:3] == ["200", "highest", "3000 to 3031.5"]
    page.one("#gas button.code").click()
    assert page.one("#findings li.chosen").get_attribute("data-code") == "LPF209"


def test_gas_has_a_row_for_each_payer_and_no_empty_column(show: Show) -> None:
    (figures,) = three().pricing
    weak = replace(figures, gateways=("gw9",), survives_gwei=Fraction(2))
    page = show(replace(three(), pricing=(figures, weak)))
    assert page.texts("#gas button.opens") == ["gw9", "gw1"], "the weakest first"
    assert page.texts("#gas > .table > table > thead th")[-1] == "Deposit needed", "nobody has findings"
    assert "Refused" not in page.texts("#gas .by-gas th")


def test_whatever_an_inventory_says_is_text(show: Show) -> None:
    nasty = "<img src=x onerror=alert(1)></script><script>alert(1)</script>"
    found = Finding("LPF503", Level.WARNING, nasty, hosts=("gw1",), node=nasty, variable=nasty, got=nasty, limit=nasty, hint=nasty)
    page = show(replace(three(), findings=(found,)))
    assert page.all("img") == []
    assert nasty in page.one("#findings").text


def test_a_secret_of_the_inventory_is_nowhere(show: Show) -> None:
    planted = "correct-horse-battery-staple"
    variables = {
        "livepeer_version": "0.9.1",
        "livepeer_archive": "/archive.tar.gz",
        "livepeer_network": ARBITRUM,
        "livepeer_eth_url": f"https://rpc.example.com/{planted}",
        "livepeer_gateway_eth_password": planted,
        "livepeer_gateway_keystore": f'{{"version": 3, "id": "{planted}"}}',
        "livepeer_gateway_environment": {"MY_TOKEN": planted},
        "livepeer_orchestrator_orch_secret": planted,
        "livepeer_orchestrator_service_addr": "h.example.com:8935",
    }
    inventory = Inventory({"livepeer_combined": ["h"]}, {"h": variables})
    page = show(make_plan(inventory, archive_checksum=lambda _archive: "ab" * 32, templates=TEMPLATES))
    assert page.texts(".box text.name") == ["h"]
    assert planted not in page.driver.page_source


def test_an_empty_fleet_is_said(show: Show) -> None:
    page = show(EMPTY)
    assert page.texts("#drawing .none") == ["There is no host in this fleet."]


def test_on_paper_nothing_is_left_of_the_controls(show: Show) -> None:
    page = show(three("1100"), media="print", scheme="dark")
    assert not page.one("#filter").is_displayed()
    assert page.one("#picture .scroll svg").is_displayed()
    assert page.colour(page.one("body"), "backgroundColor") == (255, 255, 255)
