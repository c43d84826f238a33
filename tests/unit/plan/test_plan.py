# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan: nodes with and without errors, its files, its digest."""

from __future__ import annotations

import json
import stat
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.livepeer.fleet.plugins.plugin_utils import plan as plan_module
from ansible_collections.livepeer.fleet.plugins.plugin_utils import rules
from ansible_collections.livepeer.fleet.plugins.plugin_utils.edges import Verdict
from ansible_collections.livepeer.fleet.plugins.plugin_utils.findings import Finding, Level
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import Discovery, Fleet, OrchAddr
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.inventory import Inventory
from ansible_collections.livepeer.fleet.plugins.plugin_utils.plan import (
    Plan,
    PlanError,
    host_file,
    make_plan,
    plan_fleet,
    plan_from_dict,
    read_plan,
    write_plan,
)
from ansible_collections.livepeer.fleet.plugins.plugin_utils.rules.survey import Survey
from ansible_collections.livepeer.fleet.tests.unit.render.fleets import ARBITRUM, TEMPLATES, fleet, gateway, orchestrator

COMBINED = fleet(gateway("host1"), orchestrator("host1"))
PAID = fleet(gateway(network=ARBITRUM), orchestrator(network=ARBITRUM, price_per_unit="1010.5"))


def planned(of: Fleet, *findings: Finding) -> Plan:
    return plan_fleet(of, findings, TEMPLATES)


def inventory(**variables: object) -> Inventory:
    values = {
        "livepeer_version": "0.9.1",
        "livepeer_archive": "/archive.tar.gz",
        "livepeer_orchestrator_service_addr": "h.example.com:8935",
    }
    return Inventory(groups={"livepeer_combined": ["host1"]}, hostvars={"host1": {**values, **variables}})


def made(**variables: object) -> Plan:
    return make_plan(inventory(**variables), archive_checksum=lambda _archive: "ab" * 32, templates=TEMPLATES)


def test_an_inventory_becomes_a_plan() -> None:
    plan = made()
    assert not plan.refused
    assert [node.name for node in plan.hosts["host1"].nodes] == ["orchestrator", "gateway"]
    assert {listener.port for listener in plan.listeners} == {1935, 5935, 7935, 8935, 9935, 15935, 17935}
    assert plan.hosts["host1"].releases[0].name == "0.9.1-abababababab"


def test_the_same_inventory_gives_the_same_bytes() -> None:
    first, second = (json.dumps(made().to_dict()) for _attempt in range(2))
    assert first == second


def test_another_setting_gives_another_digest() -> None:
    digests = {made().digest, made(livepeer_log_level=4).digest, made(livepeer_gateway_cli_addr="127.0.0.1:5936").digest}
    assert len(digests) == 3


def test_bad_input_is_findings_of_a_plan_that_stands_all_the_same() -> None:
    plan = made(livepeer_gateway_http_addr="127.0.0.1:7935", livepeer_gateway_htpp_addr="x")
    assert plan.refused
    assert {"LPF101", "LPF503"} <= {finding.code for finding in plan.findings}
    assert {edge.workload.kind for edge in plan.edges} == {"video"}


SEPARATE: Mapping[str, Mapping[str, object]] = {
    "g": {"livepeer_gateway_max_price_per_unit": 1250},
    "o": {
        "livepeer_orchestrator_ai_models": [
            {"pipeline": pipeline, "model_id": "m", "price_per_unit": 1} for pipeline in ("text-to-image", "live-video-to-video")
        ],
        "livepeer_orchestrator_service_addr": "192.0.2.2:8935",
        "livepeer_orchestrator_price_per_unit": 1000,
        "livepeer_orchestrator_auto_adjust_price": True,
        "livepeer_orchestrator_reward": False,
    },
}
CHAIN = {
    "livepeer_version": "0.9.1",
    "livepeer_archive": "/archive.tar.gz",
    "livepeer_network": ARBITRUM,
    "livepeer_eth_url": "https://rpc.example/key",
    **{f"livepeer_{role}_keystore": "the key file" for role in ("gateway", "orchestrator")},
    **{f"livepeer_{role}_eth_password": "long enough" for role in ("gateway", "orchestrator")},
}


def paid(**changes: Mapping[str, object]) -> Plan:
    """The plan of a gateway ``g`` that pays an orchestrator ``o``, with these variables changed or added."""
    hosts: dict[str, Mapping[str, object]] = {name: {**CHAIN, **own, **changes.get(name, {})} for name, own in SEPARATE.items()}
    groups = {"livepeer_gateways": ["g"], "livepeer_orchestrators": ["o"]}
    return make_plan(Inventory(groups, hosts), archive_checksum=lambda _archive: "ab" * 32, templates=TEMPLATES)


@pytest.mark.parametrize(
    ("host", "variables"),
    [
        ("g", {"max_price_per_unit": 0.1}),
        ("g", {"pixels_per_unit": 0.1}),
        ("g", {"payment": "nobody"}),
        ("g", {"network": 5}),
        ("g", {"discovery": "lokal"}),
        ("g", {"discovery": "lokal", "orch_addr": ["o"]}),
        ("g", {"discovery": "list", "orch_addr": "o"}),
        ("g", {"discovery": "list", "orch_addr": [["o"]]}),
        ("g", {"workloads": ["vidio"], "max_price_per_unit": "auto"}),
        ("g", {"workloads": [5], "http_addr": "0.0.0.0:9935"}),
        ("g", {"workloads": ["ai"], "max_price_per_capability": "any", "http_addr": "0.0.0.0:9935", "auth_webhook_url": 5}),
        ("g", {"http_addr": 1935}),
        ("g", {"payment": "onchain", "network": "offchain"}),
        ("g", {"payment": "onchain", "network": "offchain", "discovery": "onchain"}),
        ("g", {"payment": "remote_signer", "remote_signer": 5, "workloads": ["live_video"], "max_price_per_unit": "any"}),
        ("o", {"price_per_unit": 0.1}),
        ("o", {"pixels_per_unit": 0.1}),
        ("o", {"auto_adjust_price": "perhaps"}),
        ("o", {"network": 5}),
        ("o", {"service_addr": 8935}),
        ("o", {"http_addr": 8935, "service_addr": "http://192.0.2.2:8935"}),
        ("o", {"cli_addr": 8935}),
        ("o", {"name": 5}),
        ("o", {"price_per_gateway": [5]}),
    ],
)
def test_a_refused_value_is_one_finding(host: str, variables: Mapping[str, object]) -> None:
    role = {"g": "gateway", "o": "orchestrator"}[host]
    found = paid(**{host: {f"livepeer_{role}_{name}": value for name, value in variables.items()}}).findings
    assert len([finding for finding in found if finding.level is not Level.INFO]) == 1, found


@pytest.mark.parametrize("cap", [1, "auto", "any"])
@pytest.mark.parametrize(
    "variables",
    [
        {"livepeer_headroom_min": "20%"},
        {"livepeer_headroom_min": "20."},
        {"livepeer_headroom_max": -5},
        {"livepeer_headroom_min": 40},
        {"livepeer_network": 5},
        {"livepeer_version": 0.9},
        {"livepeer_archive": 5},
        {"livepeer_archive": "https://archives.example/x.tar.gz", "livepeer_archive_checksum": "none"},
        {"livepeer_archive": "ftp://archives.example/x.tar.gz"},
    ],
)
def test_and_one_for_all_hosts(variables: Mapping[str, object], cap: object) -> None:
    cheap = {"livepeer_orchestrator_price_per_unit": 1, "livepeer_orchestrator_auto_adjust_price": False}
    found = paid(g={**variables, "livepeer_gateway_max_price_per_unit": cap}, o={**variables, **cheap}).findings
    assert [finding.hosts for finding in found if finding.level is not Level.INFO] == [("g", "o")], found


@pytest.mark.parametrize("cap", [1000, "auto"])
def test_what_a_price_is_compared_with_is_said_first(cap: object) -> None:
    """An orchestrator that has not said whether it adjusts its price: nothing is said of the cap."""
    silent = {name: value for name, value in SEPARATE["o"].items() if "auto_adjust" not in name}
    hosts: Mapping[str, Mapping[str, object]] = {
        "g": {**CHAIN, "livepeer_gateway_max_price_per_unit": cap},
        "o": {**CHAIN, **silent},
    }
    groups = {"livepeer_gateways": ["g"], "livepeer_orchestrators": ["o"]}
    plan = make_plan(Inventory(groups, hosts), archive_checksum=lambda _archive: "ab" * 32, templates=TEMPLATES)
    assert [one.variable for one in plan.findings if one.level is not Level.INFO] == ["livepeer_orchestrator_auto_adjust_price"]
    assert [(edge.verdict, edge.codes) for edge in plan.edges] == [(Verdict.UNKNOWN, ())]


def test_an_inventory_without_livepeer_hosts_says_which_groups_it_lacks() -> None:
    empty = Inventory(groups={"all": ["web1"]}, hostvars={"web1": {}})
    (finding,) = make_plan(empty, archive_checksum=str, templates=TEMPLATES).findings
    assert (finding.level, finding.variable) == (Level.WARNING, "livepeer_groups")
    assert finding.limit == (
        "livepeer_gateways, livepeer_orchestrators, livepeer_combined, livepeer_remote_signers, livepeer_transcoders,"
        " livepeer_ai_workers, livepeer_redeemers"
    )


def test_a_node_with_an_error_of_its_own_is_not_rendered_its_neighbour_is() -> None:
    error = Finding("LPF504", Level.ERROR, "broken", hosts=("host1",), node="gateway")
    files = {node.name: bool(node.files) for node in planned(COMBINED, error).hosts["host1"].nodes}
    assert files == {"orchestrator": True, "gateway": False}


@pytest.mark.parametrize("hosts", [("host1",), ("elsewhere", "host1")])
def test_an_error_of_a_whole_host_keeps_all_of_its_nodes(hosts: tuple[str, ...]) -> None:
    plan = planned(COMBINED, Finding("LPF504", Level.ERROR, "broken", hosts=hosts))
    assert [node.files for node in plan.hosts["host1"].nodes] == [{}, {}]


def test_an_error_with_a_node_says_nothing_of_that_name_on_the_other_host() -> None:
    plan = planned(COMBINED, Finding("LPF101", Level.ERROR, "taken", hosts=("elsewhere", "host1"), node="gateway"))
    assert [node.files for node in plan.hosts["host1"].nodes] == [{}, {}]


def test_a_warning_keeps_nobody() -> None:
    plan = planned(COMBINED, Finding("LPF503", Level.WARNING, "unknown", hosts=("host1",)))
    assert all(node.files for node in plan.hosts["host1"].nodes)
    assert not plan.refused


def test_a_price_that_cannot_be_read_ends_in_a_finding() -> None:
    plan = planned(fleet(gateway(network=ARBITRUM), orchestrator(network=ARBITRUM, price_per_unit="1e3")))
    assert plan.refused


def test_what_a_file_cannot_carry_is_a_finding_with_its_variable() -> None:
    plan = planned(fleet(gateway(transcoding_options="P240p30fps16x9 # and more"), orchestrator()))
    (finding,) = (finding for finding in plan.findings if finding.code == "LPF504")
    assert (finding.hosts, finding.node, finding.variable) == (("gw1",), "gateway", "livepeer_gateway_transcoding_options")
    assert plan.hosts["gw1"].nodes[0].files == {}


def test_so_is_a_flag_among_the_other_flags() -> None:
    plan = planned(fleet(gateway(flags={"region": "a\nb"}), orchestrator()))
    (finding,) = (finding for finding in plan.findings if finding.code == "LPF504")
    assert (finding.variable, finding.got) == ("livepeer_gateway_flags.region", r"'a\nb'")


def test_and_an_amount_inside_a_list() -> None:
    models = ({"pipeline": "llm", "model_id": "a"}, {"pipeline": "llm", "model_id": "m", "pixels_per_unit": "1000 USD"})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan_module.rules, "check", lambda _survey: ())
        plan = planned(fleet(orchestrator(ai_worker=True, ai_models=models)))
    (finding,) = plan.findings
    assert (finding.code, finding.variable) == ("LPF504", "livepeer_orchestrator_ai_models[1].pixels_per_unit")


def test_an_orchestrator_that_prices_by_model_only_is_planned() -> None:
    model = {"pipeline": "text-to-image", "model_id": "sd", "price_per_unit": "4000000"}
    seller = orchestrator(network=ARBITRUM, price_per_unit="", transcoder=False, ai_worker=True, ai_models=(model,))
    payer = gateway(network=ARBITRUM, workloads=("ai",), max_price_per_unit="any", max_price_per_capability="auto")
    plan = planned(fleet(payer, seller))
    assert [finding for finding in plan.findings if finding.level is Level.ERROR] == []
    (node,) = plan.hosts["orch1"].nodes
    assert "pricePerUnit" not in node.files["livepeer.conf"]
    (edge,) = plan.edges
    assert (edge.workload.pipeline, edge.price, edge.verdict) == ("text-to-image", 4000000, Verdict.GOOD)


def test_and_one_whose_variable_nobody_knows() -> None:
    (finding,) = (f for f in planned(fleet(gateway(name="a$b"), orchestrator())).findings if f.code == "LPF504")
    assert (finding.variable, finding.got) == ("", "'a$b'")


@pytest.mark.parametrize(
    ("of", "code"),
    [
        (fleet(gateway(network=ARBITRUM, max_price_per_unit="1000"), orchestrator(network=ARBITRUM)), "LPF201"),
        (fleet(gateway("host1", http_addr=":7935"), orchestrator("host1")), "LPF101"),
    ],
)
def test_the_templates_refuse_what_the_rules_overlook(of: Fleet, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(plan_module.rules, "check", lambda _survey: ())
        plan = planned(of)
    assert {finding.code for finding in plan.findings} == {code}
    assert plan.refused
    by_the_rules = [finding for finding in planned(of).findings if finding.code == code]
    assert by_the_rules == [finding for finding in rules.check(Survey(of)) if finding.code == code]


@pytest.mark.parametrize("of", [COMBINED, PAID, fleet()])
def test_a_plan_survives_its_file(of: Fleet, tmp_path: Path) -> None:
    plan = planned(of, Finding("LPF503", Level.WARNING, "unknown", hosts=("host1",), variable="livepeer_x"))
    write_plan(plan, tmp_path / "deep" / "plan")
    assert read_plan(tmp_path / "deep" / "plan") == plan


def test_amounts_are_exact_text() -> None:
    edge = planned(PAID).to_dict()["edges"][0]  # type: ignore[index]
    assert (edge["price"], edge["cap"], edge["headroom"]) == ("2021/2", "1250", "47900/2021")


def test_a_file_has_one_edge_a_line(tmp_path: Path) -> None:
    write_plan(planned(COMBINED), tmp_path)
    lines = (tmp_path / "plan.json").read_text().splitlines()
    assert sum('"workload": "video"' in line for line in lines) == 1
    assert sum('"purpose": "http"' in line for line in lines if line.startswith("  {")) == 1


def test_hosts_get_their_part_and_nothing_of_others(tmp_path: Path) -> None:
    plan = planned(PAID)
    write_plan(plan, tmp_path)
    part = json.loads((tmp_path / "hosts" / "gw1.json").read_text())
    assert (part["schema"], part["plan"], part["host"], part["machine"]) == (1, plan.digest, "gw1", "gw1")
    assert [node["name"] for node in part["nodes"]] == ["gateway"]
    assert part["nodes"][0]["reach"] == ["https://orch1.example.com:8935"]
    assert part["releases"][0]["checksum"].startswith("sha256:1a2b3c4d5e6f")


def test_an_orchestrator_of_others_is_not_probed() -> None:
    foreign = OrchAddr(url="https://elsewhere.example.org:8935")
    of = fleet(gateway(discovery=Discovery.LIST, orch_addr=(foreign, OrchAddr(host="orch1"))), orchestrator())
    assert planned(of).hosts["gw1"].nodes[0].reach == ("https://orch1.example.com:8935",)


def test_a_refused_plan_leaves_nothing_to_apply(tmp_path: Path) -> None:
    write_plan(planned(COMBINED), tmp_path)
    assert (tmp_path / "hosts" / "host1.json").exists()
    refused = planned(COMBINED, Finding("LPF505", Level.ERROR, "no version", hosts=("host1",)))
    write_plan(refused, tmp_path)
    assert list((tmp_path / "hosts").iterdir()) == []
    assert read_plan(tmp_path).refused


def test_hosts_that_left_the_inventory_leave_the_folder(tmp_path: Path) -> None:
    write_plan(planned(fleet(gateway("old"), orchestrator("o"))), tmp_path)
    write_plan(planned(fleet(gateway("new"), orchestrator("o"))), tmp_path)
    assert sorted(path.name for path in (tmp_path / "hosts").iterdir()) == ["new.json", "new.nft", "o.json", "o.nft"]


def test_only_its_owner_reads_it(tmp_path: Path) -> None:
    folder = tmp_path / "plan"
    write_plan(planned(COMBINED), folder)
    for path in (folder, *folder.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600)


def test_a_folder_that_was_there_keeps_its_mode(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    write_plan(planned(COMBINED), tmp_path)
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755


def test_files_of_others_are_not_taken_for_an_old_plan(tmp_path: Path) -> None:
    (tmp_path / "hosts").mkdir()
    (tmp_path / "hosts" / "inventory.json").write_text("{}")
    with pytest.raises(PlanError, match="livepeer_plan_dir"):
        write_plan(planned(COMBINED), tmp_path)
    assert (tmp_path / "hosts" / "inventory.json").exists()


@pytest.mark.parametrize(
    ("host", "file"),
    [("gw1", "gw1.json"), ("../../etc/cron.d/x", "..%2F..%2Fetc%2Fcron.d%2Fx.json"), ("..", "...json"), ("a b", "a%20b.json")],
)
def test_a_host_cannot_name_a_file_elsewhere(host: str, file: str) -> None:
    assert host_file(host) == file
    assert "/" not in host_file(host)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "plan").write_text("a file")
    with pytest.raises(PlanError, match=str(tmp_path / "plan")):
        write_plan(planned(COMBINED), tmp_path / "plan")


def test_a_write_that_fails_leaves_no_half_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_arguments: object, **_options: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(plan_module, "document", full)
    with pytest.raises(PlanError, match="No space left"):
        write_plan(planned(COMBINED), tmp_path)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_no_plan_at_all_is_said(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="there is no plan"):
        read_plan(tmp_path)


@pytest.mark.parametrize(
    ("content", "reason"), [("{", "not JSON"), ("[]", "schema None"), ('{"schema": 2}', "schema 2"), ('{"schema": 1}', "not a plan")]
)
def test_what_is_no_plan_is_refused(content: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text(content)
    with pytest.raises(PlanError, match=reason):
        read_plan(tmp_path)


def test_an_edited_plan_is_refused() -> None:
    data = planned(COMBINED).to_dict()
    data["hosts"]["host1"]["nodes"]["gateway"]["files"]["livepeer.conf"] += "v 6\n"  # type: ignore[index]
    with pytest.raises(PlanError, match="changed since it was made"):
        plan_from_dict(data)


def test_a_release_that_two_nodes_share_is_listed_once() -> None:
    assert len(planned(COMBINED).hosts["host1"].releases) == 1
    gw, orch = COMBINED.hosts["host1"].nodes
    newer = replace(gw, release=replace(gw.release, version="0.9.0"))
    assert len(planned(fleet(newer, orch)).hosts["host1"].releases) == 2


def test_a_price_that_nobody_can_read_is_one_finding() -> None:
    """That no cap follows from it is no news."""
    model = {"pipeline": "llm", "model_id": "m", "price_per_unit": 5, "pixels_per_unit": 1, "currency": "US$"}
    chain = {f"livepeer_{role}_{name}": "12345678" for role in ("gateway", "orchestrator") for name in ("keystore", "eth_password")}
    plan = made(
        livepeer_network=ARBITRUM,
        livepeer_eth_url="12345678",
        livepeer_gateway_max_price_per_unit="auto",
        livepeer_gateway_max_price_per_capability="auto",
        livepeer_gateway_workloads=["ai"],
        livepeer_orchestrator_ai_models=[model],
        livepeer_orchestrator_ai_worker=True,
        livepeer_orchestrator_price_per_unit=1000,
        livepeer_orchestrator_auto_adjust_price=True,
        livepeer_orchestrator_reward=True,
        **chain,
    )
    assert [finding.code for finding in plan.findings if finding.level is Level.ERROR] == ["LPF205"]


def test_two_nodes_of_one_name_are_refused_and_both_are_in_the_plan() -> None:
    plan = made(livepeer_gateway_name="one", livepeer_orchestrator_name="one")
    assert "LPF106" in {finding.code for finding in plan.findings}
    read = plan_from_dict(json.loads(json.dumps(plan.to_dict())))
    assert [(node.name, node.role.value) for node in read.hosts["host1"].nodes] == [("one", "orchestrator"), ("one", "gateway")]
