# SPDX-License-Identifier: GPL-3.0-or-later
"""From an inventory to a fleet: groups, machines, releases, networks, what a node cannot do without."""

from __future__ import annotations

import pytest
from ansible_collections.livepeer.fleet.plugins.plugin_utils.findings import Level
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.control import read_control
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.definitions import definitions
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import START_ORDER, Discovery, Payment, Role, SecretSource
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.inventory import Inventory, Present, Unreadable
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.machines import machine_key
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.parser import parse_fleet
from hypothesis import given
from hypothesis import strategies as st

from .inventories import BASE, CHAIN, CHECKSUM, ORCHESTRATOR, brief, checksum, gateway, orchestrator, parse

URL = "https://archives.example/livepeer-linux-amd64.tar.gz"


def test_a_fleet_with_nothing_wrong() -> None:
    fleet, findings = parse({"gw1": BASE, "o1": ORCHESTRATOR, "db1": {}}, gateways=["gw1"], orchestrators=["o1"])
    assert findings == ()
    assert list(fleet.hosts) == ["gw1", "o1"]
    node = fleet.hosts["gw1"].nodes[0]
    assert (node.role, node.unit, node.state_directory) == (Role.GATEWAY, "livepeer-gateway", "livepeer-gateway/offchain")
    assert node.release.name == f"0.9.1-{CHECKSUM[:12]}"
    assert node.settings.http_addr == "127.0.0.1:9935"
    assert node.sources["http_addr"].default is True
    assert node.settings.discovery is Discovery.INVENTORY
    assert (node.start_timeout, node.log_level, node.headroom_min, node.headroom_max) == (120, 3, "20", "30")


@pytest.mark.parametrize("groups", [{"combined": ["h"]}, {"gateways": ["h"], "orchestrators": ["h"]}])
def test_a_combined_host_routes_to_itself_and_starts_its_orchestrator_first(groups: dict[str, list[str]]) -> None:
    fleet, findings = parse({"h": ORCHESTRATOR}, **groups)
    host = fleet.hosts["h"]
    assert findings == ()
    assert host.combined
    assert [node.role for node in host.nodes] == [Role.ORCHESTRATOR, Role.GATEWAY]
    assert host.nodes[1].settings.discovery is Discovery.LOCAL


def test_groups_can_be_renamed() -> None:
    hosts = {"a": {**BASE, "livepeer_groups": {"gateways": "edge"}}}
    fleet, findings = parse_fleet(Inventory({"edge": ["a"], "livepeer_gateways": ["b"]}, hosts), archive_checksum=checksum)
    assert (list(fleet.hosts), findings) == (["a"], ())


def test_hosts_that_differ_about_the_whole_fleet() -> None:
    hosts = {
        "a": {**BASE, "livepeer_groups": {"gateways": "edge"}, "livepeer_plan_dir": "x"},
        "b": {**BASE, "livepeer_groups": {"gateways": "edges"}, "livepeer_plan_dir": "y"},
    }
    _fleet, findings = parse_fleet(Inventory({"edge": ["a", "b"]}, hosts), archive_checksum=checksum)
    assert brief(findings) == [("LPF504", "livepeer_groups"), ("LPF504", "livepeer_plan_dir")]
    assert (findings[1].got, findings[1].limit) == ("y", "x")


def test_a_group_that_is_almost_spelled_right() -> None:
    _fleet, findings = parse({"gw1": BASE, "o1": ORCHESTRATOR}, gateway=["gw1"], orchestrators=["o1"])
    assert [(finding.code, finding.variable, finding.limit) for finding in findings] == [
        ("LPF503", "livepeer_gateway", "livepeer_gateways")
    ]


def test_a_part_of_a_group_may_be_called_like_it() -> None:
    assert parse({"gw1": BASE}, gateways=["gw1"], gateways_eu=["gw1"], fleet=["gw1"])[1] == ()


def test_a_host_can_have_every_role() -> None:
    fleet, _findings = parse({"h": {**BASE, "livepeer_orchestrator_service_addr": "h:8935"}}, **{f"{role.value}s": ["h"] for role in Role})
    assert [node.role for node in fleet.hosts["h"].nodes] == list(START_ORDER)
    assert fleet.hosts["h"].combined
    assert [node.unit for node in fleet.hosts["h"].nodes if node.role is Role.AI_WORKER] == ["livepeer-ai_worker"]


@pytest.mark.parametrize(
    ("name", "hostvars", "key"),
    [
        ("gw1", {}, "gw1"),
        ("GW1.Example.", {}, "gw1.example"),
        ("gw1", {"ansible_host": "192.0.2.1"}, "192.0.2.1"),
        ("gw2", {"ansible_host": "192.0.2.1", "ansible_port": 22}, "192.0.2.1"),
        ("gw3", {"ansible_host": "127.0.0.1", "ansible_port": 2201}, "localhost:2201"),
        ("gw3", {"ansible_host": "127.0.0.1", "ansible_port": "2202"}, "localhost:2202"),
        ("gw4", {"ansible_host": "[2001:DB8::0:1]"}, "2001:db8::1"),
        ("gw4", {"ansible_host": "2001:db8::1", "ansible_port": 2222}, "[2001:db8::1]:2222"),
        ("gw5", {"ansible_host": "::1"}, "localhost"),
        ("gw6", {"ansible_host": "localhost", "ansible_port": True}, "localhost"),
        ("gw7", {"ansible_host": Unreadable("why"), "ansible_port": "ssh"}, "gw7"),
        ("gw8", {"ansible_host": ""}, "gw8"),
    ],
)
def test_the_machine_behind_a_host(name: str, hostvars: dict[str, object], key: str) -> None:
    assert machine_key(name, hostvars) == key


@given(st.text(), st.one_of(st.none(), st.text(), st.integers()))
def test_any_name_and_port_have_a_machine(name: str, port: object) -> None:
    assert isinstance(machine_key(name, {"ansible_port": port}), str)


@pytest.mark.parametrize(
    ("values", "codes", "behaves_like"),
    [
        ({"version": "0.8.11"}, [], "0.8.11"),
        ({"version": "0.9.0"}, [], "0.9.0"),
        ({"version": "0.8.10"}, [("LPF505", "livepeer_version")], "0.8.10"),
        ({"version": "0.7.0"}, [("LPF505", "livepeer_version")], "0.7.0"),
        ({"version": "0.9.2"}, [("LPF505", "livepeer_version")], "0.9.1"),
        ({"version": "1.0.0", "version_like": "0.9.0"}, [], "0.9.0"),
        ({"version": "0.9.1-abc1234", "version_like": "0.9.1"}, [], "0.9.1"),
        ({"version": "1.0.0", "version_like": "0.8.5"}, [("LPF505", "livepeer_version_like")], "0.9.1"),
        ({"version": "1.0.0", "version_like": 0.9}, [("LPF504", "livepeer_version_like")], "0.9.1"),
        ({"version": "0.9.0", "version_like": "0.9.3"}, [("LPF505", "livepeer_version_like")], "0.9.0"),
        ({"version": "0.9.1", "version_like": "0.9.1"}, [], "0.9.1"),
        ({"version": "0.9.1", "version_like": "0.9.0"}, [("LPF505", "livepeer_version_like")], "0.9.1"),
        ({"version": "v0.9.1"}, [("LPF505", "livepeer_version")], "0.9.1"),
        ({"version": "latest"}, [("LPF505", "livepeer_version")], "0.9.1"),
    ],
)
def test_versions(values: dict[str, object], codes: list[tuple[str, str]], behaves_like: str) -> None:
    node, findings = gateway(**values)
    assert brief(findings) == codes
    assert node.release.behaves_like == behaves_like


def test_why_an_old_version_is_refused_and_what_to_write() -> None:
    finding = gateway(version="0.8.8")[1][0]
    assert "SIGTERM" in finding.message
    assert (finding.level, finding.hint) == (Level.ERROR, "0.9.1")
    assert gateway(version="v0.9.1")[1][0].hint == "0.9.1"


def test_no_version_is_one_finding() -> None:
    _fleet, findings = parse({"gw1": {"livepeer_archive": "/srv/x"}}, gateways=["gw1"])
    assert brief(findings) == [("LPF505", "livepeer_version")]


@pytest.mark.parametrize(
    ("values", "codes"),
    [
        ({}, []),
        ({"archive_checksum": f"sha256:{CHECKSUM.upper()}"}, []),
        ({"archive_checksum": f"sha256:{'cd' * 32}"}, ["livepeer_archive_checksum"]),
        ({"archive": "/nowhere/x"}, ["livepeer_archive"]),
        ({"archive": URL}, ["livepeer_archive_checksum"]),
        ({"archive": URL, "archive_checksum": f"sha256:{CHECKSUM}"}, []),
        ({"archive": "https://archives.example/a@b.tar.gz", "archive_checksum": f"sha256:{CHECKSUM}"}, []),
        ({"archive": "https://[x/y", "archive_checksum": f"sha256:{CHECKSUM}"}, []),
        ({"archive": "ftp://x/y", "archive_checksum": f"sha256:{CHECKSUM}"}, ["livepeer_archive"]),
    ],
)
def test_archives(values: dict[str, object], codes: list[str]) -> None:
    node, findings = gateway(**values)
    assert brief(findings) == [("LPF504", variable) for variable in codes]
    assert node.release.archive == values.get("archive", BASE["livepeer_archive"])


def test_a_password_in_the_url_of_an_archive_is_refused_and_kept_nowhere() -> None:
    url = "https://me:hush@archives.example/a@b.tar.gz"
    node, findings = gateway(archive=url, archive_checksum=f"sha256:{CHECKSUM}")
    assert brief(findings) == [("LPF504", "livepeer_archive")]
    assert "hush" not in f"{node} {findings}"


def test_a_token_in_the_url_of_an_archive_is_not_printed() -> None:
    _node, findings = gateway(archive=f"{URL}?token=hush")
    assert brief(findings) == [("LPF504", "livepeer_archive_checksum")]
    assert "hush" not in str(findings)


def test_the_official_archive_needs_its_checksum_and_says_where_it_is() -> None:
    values = {"livepeer_version": "0.9.1", "livepeer_flavor": "gpu"}
    fleet, findings = parse({"gw1": values}, gateways=["gw1"])
    assert fleet.nodes[0].release.archive.endswith("/v0.9.1/livepeer-linux-gpu-amd64.tar.gz")
    assert brief(findings) == [("LPF504", "livepeer_archive_checksum")]
    assert "v0.9.1_checksums.txt" in findings[0].hint
    assert fleet.nodes[0].release.name == "0.9.1"


@pytest.mark.parametrize(
    ("values", "network", "payment", "codes"),
    [
        ({}, "offchain", Payment.NONE, []),
        ({"network": "arbitrum-one-mainnet"}, "arbitrum-one-mainnet", Payment.ONCHAIN, []),
        ({"gateway_network": "offchain", "network": "arbitrum-one-mainnet"}, "offchain", Payment.NONE, []),
        ({"network": "arbitrum-one-mainnet", "gateway_payment": "none"}, "offchain", Payment.NONE, []),
        ({"network": "arbitrum-one-mainnet", "gateway_payment": "onchain"}, "arbitrum-one-mainnet", Payment.ONCHAIN, []),
        ({"gateway_payment": "onchain"}, "offchain", Payment.ONCHAIN, [("LPF303", "livepeer_network")]),
        (
            {"gateway_payment": "onchain", "network": "mainnet", "gateway_network": "offchain"},
            "offchain",
            Payment.ONCHAIN,
            [("LPF303", "livepeer_gateway_network")],
        ),
        (
            {"gateway_payment": "none", "gateway_network": "arbitrum-one-mainnet"},
            "offchain",
            Payment.NONE,
            [("LPF303", "livepeer_gateway_network")],
        ),
        (
            {"gateway_payment": "remote_signer", "gateway_remote_signer": "signer1", "network": "arbitrum-one-mainnet"},
            "offchain",
            Payment.REMOTE_SIGNER,
            [],
        ),
        ({"gateway_payment": "clearinghouse"}, "offchain", Payment.CLEARINGHOUSE, [("LPF504", "livepeer_gateway_remote_signer")]),
        ({"gateway_remote_signer": "signer1"}, "offchain", Payment.NONE, [("LPF303", "livepeer_gateway_payment")]),
        ({"network": "arbitrum-one-mainet"}, "arbitrum-one-mainet", Payment.ONCHAIN, [("LPF504", "livepeer_network")]),
        ({"network": "devnet", "gateway_flags": {"ethController": "0x" + "0" * 40}}, "devnet", Payment.ONCHAIN, []),
    ],
)
def test_who_pays_settles_the_network(values: dict[str, object], network: str, payment: Payment, codes: list[tuple[str, str]]) -> None:
    secrets = {name.removeprefix("livepeer_"): value for name, value in CHAIN.items() if name != "livepeer_network"}
    node, findings = gateway(**{**secrets, **values})
    assert (node.network, node.settings.payment) == (network, payment)
    assert brief(findings) == codes


def test_a_misspelt_network_is_told_the_right_one() -> None:
    finding = next(one for one in gateway(network="arbitrum-one-mainet")[1] if one.code == "LPF504")
    assert finding.hint == "arbitrum-one-mainnet"


def test_what_an_orchestrator_on_a_chain_cannot_do_without() -> None:
    _fleet, findings = orchestrator(network="arbitrum-one-mainnet")
    names = ["price_per_unit", "auto_adjust_price", "reward"]
    assert brief(findings) == [
        *(("LPF504", f"livepeer_orchestrator_{name}") for name in names),
        ("LPF404", "livepeer_eth_url"),
        ("LPF404", "livepeer_orchestrator_keystore"),
        ("LPF404", "livepeer_orchestrator_eth_password"),
    ]
    assert orchestrator()[1] == []


def test_an_ai_orchestrator_may_price_by_model_only() -> None:
    chain = {name.removeprefix("livepeer_"): value for name, value in CHAIN.items() if name != "livepeer_orchestrator_price_per_unit"}
    assert brief(orchestrator(**chain)[1]) == [("LPF504", "livepeer_orchestrator_price_per_unit")]
    assert orchestrator(**chain, orchestrator_ai_worker=True)[1] == []


def test_a_service_address_is_needed_and_a_broken_one_is_one_finding() -> None:
    assert brief(parse({"o1": BASE}, orchestrators=["o1"])[1]) == [("LPF504", "livepeer_orchestrator_service_addr")]
    assert brief(orchestrator(orchestrator_service_addr=8935)[1]) == [("LPF504", "livepeer_orchestrator_service_addr")]


def test_secrets_of_a_node_are_names_of_variables() -> None:
    node, findings = orchestrator(**{name.removeprefix("livepeer_"): value for name, value in CHAIN.items()})
    assert findings == []
    assert {name: source.variable for name, source in node.secrets.items()} == {
        "eth_url": "livepeer_eth_url",
        "keystore": "livepeer_orchestrator_keystore",
        "eth_password": "livepeer_orchestrator_eth_password",
        "orch_secret": "",
    }
    for secret in ("0123456789", "correct horse", '{"version": 3}'):
        assert secret not in repr(node)


def test_off_chain_nothing_is_asked_of_the_account() -> None:
    assert gateway(eth_url="https://rpc.example")[0].secrets == {}


def test_skipped_secrets_are_taken_to_be_there() -> None:
    node, findings = gateway(network="arbitrum-one-mainnet", plan_secrets="skip", eth_url=Present())
    assert findings == []
    assert {name: source.variable for name, source in node.secrets.items()} == {
        "eth_url": "livepeer_eth_url",
        "keystore": "livepeer_gateway_keystore",
        "eth_password": "livepeer_gateway_eth_password",
    }


def test_the_token_of_a_model_is_a_secret() -> None:
    models = [{"pipeline": "llm", "model_id": "m"}, {"pipeline": "llm", "model_id": "n", "token": "0123456789"}]
    node, findings = orchestrator(orchestrator_ai_models=models)
    assert findings == []
    assert node.settings.ai_models[1]["token"] == "@@livepeer-secret:ai_models_1_token@@"
    assert node.secrets["ai_models_1_token"] == SecretSource("livepeer_orchestrator_ai_models[1].token")


def test_a_list_of_orchestrators_counts_with_discovery_list_only() -> None:
    assert brief(gateway(gateway_orch_addr=["o1"])[1]) == [("LPF504", "livepeer_gateway_discovery")]


def test_the_same_finding_of_many_hosts_is_one() -> None:
    hosts = {f"gw{n}": {**BASE, "livepeer_gatewy_name": "x"} for n in range(1, 4)}
    _fleet, findings = parse(hosts, gateways=list(hosts))
    assert [(finding.code, finding.hosts) for finding in findings] == [("LPF503", ("gw1", "gw2", "gw3"))]


@pytest.mark.parametrize(
    ("name", "level", "better"),
    [
        ("livepeer_gateway_http_adr", Level.ERROR, "livepeer_gateway_http_addr"),
        ("livepeer_gateway_httpAddr", Level.ERROR, "livepeer_gateway_http_addr"),
        ("livepeer_gateway_service_addr", Level.ERROR, "livepeer_orchestrator_service_addr"),
        ("livepeer_price_per_unit", Level.ERROR, "livepeer_orchestrator_price_per_unit"),
        ("livepeer_orchestrator_max_price_per_unit", Level.ERROR, "livepeer_gateway_max_price_per_unit"),
        ("livepeer_gateway_version", Level.ERROR, "livepeer_version"),
        ("livepeer_verson", Level.ERROR, "livepeer_version"),
        ("livepeer_gateway_max_attempts", Level.ERROR, "livepeer_gateway_flags.maxAttempts"),
        ("livepeer_orchestrator_ticketEV", Level.ERROR, "livepeer_orchestrator_flags.ticketEV"),
        ("livepeer_my_own_thing", Level.WARNING, ""),
        ("livepeer_monitoring_something", Level.WARNING, ""),
    ],
)
def test_names_that_nobody_reads(name: str, level: Level, better: str) -> None:
    _fleet, findings = parse({"gw1": {**BASE, name: None}}, gateways=["gw1"])
    assert [(finding.code, finding.level, finding.limit) for finding in findings] == [("LPF503", level, better)]


@pytest.mark.parametrize("name", ["livepeer_user_http_addr", "livepeer_fleet_plan", "other_livepeer_version", "livepeer"])
def test_names_of_others_are_never_looked_at(name: str) -> None:
    assert parse({"gw1": {**BASE, name: Unreadable("why")}}, gateways=["gw1"])[1] == ()


def test_variables_of_a_role_that_a_host_has_not_are_not_looked_at() -> None:
    assert gateway(orchestrator_log_levels=None)[1] != []
    assert gateway(orchestrator_max_sessions=Unreadable("why"))[1] == []


RAW = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.just(Unreadable("why")), st.just(Present())),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(sorted(definitions())), RAW, max_size=6))
def test_no_inventory_makes_it_raise(values: dict[str, object]) -> None:
    inventory = Inventory({"livepeer_combined": ["h"]}, {"h": values})
    fleet, findings = parse_fleet(inventory, archive_checksum=checksum)
    assert all(finding.variable for finding in findings)
    if "livepeer_groups" not in values:
        assert len(fleet.hosts["h"].nodes) == 2
    read_control(inventory)


def test_control_variables() -> None:
    hosts = {
        "a": {"livepeer_rollout": ["2", "50%"], "livepeer_restart_busy": "true", "livepeer_keep_releases": 5},
        "b": {"livepeer_restart_busy": "maybe"},
    }
    control = read_control(Inventory({"livepeer_gateways": ["b", "a"]}, hosts))
    assert control.rollout == (2, "50%")
    assert control.restart_busy == ("a",)
    assert control.keep_releases == {"a": 5, "b": 2}
    assert (control.plan_dir, control.plan_secrets) == ("livepeer-plan", "presence")
    assert read_control(Inventory({}, {})).rollout == (1, "25%", "100%")


def test_a_wrong_wave_leaves_the_others() -> None:
    hosts = {"a": {"livepeer_rollout": [0]}}
    assert read_control(Inventory({"livepeer_gateways": ["a"]}, hosts)).rollout == (1,)
