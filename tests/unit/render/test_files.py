# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a node, held against golden/ (LIVEPEER_GOLDEN=write rewrites them: read the difference before you keep it)."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.livepeer.fleet.plugins.plugin_utils.addresses import AddressError
from ansible_collections.livepeer.fleet.plugins.plugin_utils.companions import WATCH
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.fleet import (
    Discovery,
    Fleet,
    Journal,
    Node,
    Payment,
    RemoteSigner,
    SecretSource,
    placeholder,
)
from ansible_collections.livepeer.fleet.plugins.plugin_utils.prices import PriceError
from ansible_collections.livepeer.fleet.plugins.plugin_utils.render import NodePlan, bare_node, render_node
from ansible_collections.livepeer.fleet.plugins.plugin_utils.templating import RenderError, Templates
from ansible_collections.livepeer.fleet.tests.unit.render.fleets import (
    ACCOUNT,
    ARBITRUM,
    TEMPLATES,
    around,
    fleet,
    gateway,
    orchestrator,
    rendered,
    with_secret,
)
from ansible_collections.livepeer.fleet.tests.unit.rules import fleets as inventories

GOLDEN = Path(__file__).parent / "golden"
PROGRAM = (Path(__file__).parents[3] / "plugins" / "module_utils" / WATCH).read_text(encoding="utf-8")

MODELS = (
    {
        "pipeline": "text-to-image",
        "model_id": "ByteDance/SDXL-Lightning",
        "warm": True,
        "price_per_unit": "4768371",
        "pixels_per_unit": "1",
    },
    {"pipeline": "llm", "model_id": 'an #1 "model"', "url": "http://127.0.0.1:9000", "token": placeholder("ai_models_1_token")},
)


def with_gpus_and_models() -> Node:
    node = orchestrator(
        "orch2",
        name="gpu",
        network=ARBITRUM,
        http_addr="https://[2001:db8::2]:443",
        service_addr="orch2.example.com:443",
        nvidia="0,1",
        ai_worker=True,
        ai_models=MODELS,
        max_sessions="20",
        price_per_unit="0.5",
        pixels_per_unit="1000000000000",
        price_per_gateway=({"ethaddress": "0x00000000000000000000000000000000000000aa", "priceperunit": "0.25", "pixelsperunit": "1e12"},),
        eth_orch_addr="0x00000000000000000000000000000000000000bb",
        flags={"ticketEV": "8000000000"},
        environment={"FAL_API_KEY": placeholder("env_FAL_API_KEY"), "LIVE_AI_WS_PREFIX": 'wss://a.example/ 100% "x" \\'},
    )
    return with_secret(with_secret(node, "ai_models_1_token", "x"), "env_FAL_API_KEY", "y")


WORKERS = inventories.fleet(
    o=inventories.worked(
        orchestrator_service_addr="10.0.0.1:8935",
        orchestrator_ai_models=[{"pipeline": "llm", "model_id": "m", "url": "http://10.0.0.5:9000", "token": "token-of-a-runner"}],
    ),
    t=inventories.transcoder(transcoder_nvidia="0,1", transcoder_max_sessions=20),
    w={
        "group": "livepeer_ai_workers",
        "ai_worker_orchestrator": "o",
        "ai_worker_models_dir": "/srv/models",
        "ai_worker_containers_per_gpu": 2,
        "ai_worker_nvidia": "all",
    },
)
REDEEMED = inventories.fleet(
    o=inventories.asker(1000, orchestrator_redeemer="r", orchestrator_eth_acct_addr=ACCOUNT, **inventories.keys("orchestrator")),
    r=inventories.redeemer(redeemer_eth_orch_addr=ACCOUNT, **inventories.keys("redeemer")),
)

CASES: dict[str, tuple[Fleet, str]] = {
    "gateway beside an orchestrator": (fleet(gateway("host1"), orchestrator("host1")), "gateway"),
    "orchestrator": (fleet(orchestrator("host1")), "orchestrator"),
    "gateway with a journal of its own": (
        fleet(replace(gateway("host1"), journal=Journal(max_size="500M", retention="14day")), orchestrator("host1")),
        "gateway",
    ),
    "gateway on-chain": (
        fleet(
            gateway(network=ARBITRUM, max_price_per_unit="auto", transcoding_options="P240p30fps16x9", flags={"maxAttempts": "4"}),
            orchestrator(network=ARBITRUM),
        ),
        "gateway",
    ),
    "orchestrator on-chain": (fleet(orchestrator(network=ARBITRUM)), "orchestrator"),
    "orchestrator that prices by model": (
        fleet(orchestrator("host1", network=ARBITRUM, price_per_unit="", transcoder=False, ai_worker=True, ai_models=MODELS[:1])),
        "orchestrator",
    ),
    "orchestrator with gpus and models": (fleet(with_gpus_and_models()), "gpu"),
    "orchestrator with workers": (WORKERS, "orchestrator"),
    "transcoder": (WORKERS, "transcoder"),
    "ai worker": (WORKERS, "ai_worker"),
    "orchestrator with a redeemer": (REDEEMED, "orchestrator"),
    "redeemer": (REDEEMED, "redeemer"),
    "remote signer": (
        inventories.fleet(
            s=inventories.signer(
                remote_signer_http_addr="10.0.0.3:9936",
                remote_signer_webhook_url="https://ask.example.com/token",
                remote_signer_webhook_headers="Authorization:token-of-the-signer",
                remote_signer_eth_acct_addr=ACCOUNT,
                remote_signer_remote_discovery=True,
                **inventories.keys("remote_signer"),
            )
        ),
        "remote_signer",
    ),
}


def test_a_worker_takes_the_secrets_of_its_orchestrator() -> None:
    secret, token = "livepeer_orchestrator_orch_secret", "livepeer_orchestrator_ai_models[0].token"
    own = {"orch_secret": SecretSource(secret), "ai_models_0_token": SecretSource(token)}
    assert one(WORKERS, "orchestrator").secrets == own
    assert one(WORKERS, "transcoder").secrets == {"orch_secret": SecretSource(secret, "o")}
    assert one(WORKERS, "ai_worker").secrets == {name: SecretSource(source.variable, "o") for name, source in own.items()}


def one(of: Fleet, name: str) -> NodePlan:
    return next(node for node in rendered(of) if node.name == name)


@pytest.mark.parametrize("case", CASES)
def test_files_are_as_reviewed(case: str) -> None:
    folder = GOLDEN / case.replace(" ", "-")
    files = dict(one(*CASES[case]).files)
    assert files.pop(WATCH, PROGRAM) == PROGRAM
    if os.environ.get("LIVEPEER_GOLDEN") == "write":
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (folder / name).write_text(text)
    assert files == {path.name: path.read_text() for path in folder.iterdir()}


def test_every_file_says_who_manages_it() -> None:
    for case in CASES.values():
        for name, text in one(*case).files.items():
            assert name in {"aiModels.json", WATCH} or text.startswith("# Managed by livepeer.fleet")


def conf(of: Fleet, name: str) -> dict[str, str]:
    lines = one(of, name).files["livepeer.conf"].splitlines()
    return dict(line.split(" ", 1) for line in lines if line and not line.startswith("#"))


def test_ai_models_are_json_with_amounts_as_they_were_written() -> None:
    text = one(*CASES["orchestrator with gpus and models"]).files["aiModels.json"]
    models = json.loads(text, parse_float=str, parse_int=str)
    assert models == [dict(model) for model in MODELS]
    assert '"price_per_unit":4768371,' in text


def test_without_models_there_is_no_such_file() -> None:
    assert "aiModels.json" not in one(*CASES["orchestrator"]).files


def test_secrets_stand_in_no_file_but_as_placeholders() -> None:
    node = one(*CASES["orchestrator with gpus and models"])
    assert placeholder("eth_url") in node.files["livepeer.conf"]
    assert placeholder("env_FAL_API_KEY") not in node.files["livepeer.service"]
    assert f'FAL_API_KEY="{placeholder("env_FAL_API_KEY")}"\n' in node.files["environment"]
    assert set(node.secrets) == {"ai_models_1_token", "env_FAL_API_KEY", "eth_password", "eth_url", "keystore", "orch_secret"}


def test_off_chain_no_secret_of_a_chain_is_asked_for() -> None:
    node = replace(gateway(), secrets={"eth_url": SecretSource("livepeer_eth_url"), "keystore": SecretSource("livepeer_gateway_keystore")})
    plan = one(fleet(node), "gateway")
    assert plan.secrets == {}
    assert "eth_url" not in "".join(plan.files.values())


def test_a_secret_that_is_a_file_is_handed_over_by_path() -> None:
    settings = conf(*CASES["orchestrator on-chain"])
    folder = "/run/credentials/livepeer-orchestrator.service"
    assert settings["orchSecret"] == f"{folder}/orch_secret"
    assert settings["ethPassword"] == f"{folder}/eth_password"
    assert settings["ethKeystorePath"] == folder
    unit = one(*CASES["orchestrator on-chain"]).files["livepeer.service"]
    for name in ("orch_secret", "eth_password", "keystore"):
        assert f"LoadCredential={name}:/etc/livepeer/orchestrator/current/secrets/{name}\n" in unit
    assert "eth_url" not in unit


def test_prices_and_caps_are_written_on_a_chain_only() -> None:
    off = fleet(gateway(max_price_per_unit="1250"), orchestrator(price_per_unit="1000", auto_adjust_price=True, reward=True))
    for node in rendered(off):
        for flag in ("maxPricePerUnit", "pixelsPerUnit", "pricePerUnit", "autoAdjustPrice", "reward", "ethUrl"):
            assert f"\n{flag} " not in node.files["livepeer.conf"]


@pytest.mark.parametrize(("cap", "written"), [("1200", "1200"), ("1300", "1300"), ("1301", "1301"), ("auto", "1300")])
def test_a_cap_that_the_rules_let_pass_is_written(cap: str, written: str) -> None:
    of = fleet(gateway(network=ARBITRUM, max_price_per_unit=cap), orchestrator(network=ARBITRUM))
    assert conf(of, "gateway")["maxPricePerUnit"] == written


@pytest.mark.parametrize("cap", ["1000", "1199", "1"])
def test_a_cap_below_the_band_cannot_be_written(cap: str) -> None:
    of = fleet(gateway(network=ARBITRUM, max_price_per_unit=cap), orchestrator(network=ARBITRUM))
    with pytest.raises(PriceError, match=r"write (1200 to 1300|at least 1200)"):
        rendered(of)


def test_no_cap_on_purpose_writes_none() -> None:
    of = fleet(gateway(network=ARBITRUM, max_price_per_unit="any"), orchestrator(network=ARBITRUM))
    assert "maxPricePerUnit" not in conf(of, "gateway")


def test_a_cap_without_a_known_price_is_written_as_it_is() -> None:
    of = fleet(gateway(network=ARBITRUM, discovery=Discovery.ONCHAIN, max_price_per_unit="7"))
    assert conf(of, "gateway")["maxPricePerUnit"] == "7"
    assert "orchAddr" not in conf(of, "gateway")


def test_two_listeners_on_one_port_cannot_be_written() -> None:
    with pytest.raises(AddressError, match="7935"):
        rendered(fleet(gateway("host1", http_addr="127.0.0.1:7935"), orchestrator("host1")))


def test_a_port_of_another_host_on_the_same_machine_counts() -> None:
    with pytest.raises(AddressError, match="8935"):
        rendered(fleet(gateway("gw1", machine="m", http_addr="127.0.0.1:8935"), orchestrator("o1", machine="m")))


@pytest.mark.parametrize(
    ("written", "bound"),
    [
        (":9935", "127.0.0.1:9935"),
        ("0.0.0.0:9935", "0.0.0.0:9935"),
        ("[::]:9935", "0.0.0.0:9935"),
        ("[::1]:9935", "[::1]:9935"),
        ("10.0.0.1", "10.0.0.1:9935"),
    ],
)
def test_addresses_are_written_out(written: str, bound: str) -> None:
    assert conf(fleet(gateway(http_addr=written)), "gateway")["httpAddr"] == bound


def test_the_scheme_of_an_orchestrator_is_kept() -> None:
    of = fleet(orchestrator(http_addr="http://0.0.0.0:8936"))
    assert conf(of, "orchestrator")["httpAddr"] == "http://0.0.0.0:8936"


def test_a_remote_signer_is_named() -> None:
    of = fleet(gateway(payment=Payment.CLEARINGHOUSE, remote_signer=RemoteSigner(url="https://signer.example.com")))
    assert conf(of, "gateway")["remoteSignerUrl"] == "https://signer.example.com"


def test_caps_of_capabilities_are_one_line_of_json() -> None:
    entry = {"pipeline": "llm", "model_id": "a #b", "price_per_unit": "0.5"}
    of = fleet(gateway(network=ARBITRUM, max_price_per_capability=(entry,)), orchestrator(network=ARBITRUM))
    text = conf(of, "gateway")["maxPricePerCapability"]
    assert json.loads(text, parse_float=str) == {"capabilities_prices": [{**entry, "pixels_per_unit": 1}]}
    assert '"price_per_unit":0.5' in text and "#" not in text


@pytest.mark.parametrize(("price", "fits"), [("5200000", True), ("4799999", False), ("5200000.5", True)])
def test_the_caps_of_capabilities_are_guarded_where_they_are_written(price: str, fits: bool) -> None:
    """Above the band the rules only warn."""
    entry = {"pipeline": "text-to-image", "model_id": "sd", "price_per_unit": price}
    model = {"pipeline": "text-to-image", "model_id": "sd", "price_per_unit": "4e6"}
    payer = gateway(network=ARBITRUM, payment=Payment.ONCHAIN, workloads=("ai",), max_price_per_capability=(entry,))
    of = fleet(payer, orchestrator(network=ARBITRUM, ai_worker=True, ai_models=(model,)))
    if fits:
        assert f'"price_per_unit":{price},' in conf(of, "gateway")["maxPricePerCapability"]
    else:
        with pytest.raises(PriceError, match=r"below the band; write 4800000 to 5200000"):
            rendered(of)


@pytest.mark.parametrize(
    "value",
    ["a\nv 6", "a\rb", "a\tb", "a #b", "#a", " a", "a ", "", "a\x00", "a\u2028b", "x" * 70000],
)
def test_what_a_configuration_cannot_carry_is_refused(value: str) -> None:
    with pytest.raises(RenderError):
        rendered(fleet(gateway(flags={"region": value})))


def test_a_flag_cannot_stand_twice() -> None:
    with pytest.raises(RenderError, match="monitor stands twice"):
        rendered(fleet(gateway(flags={"monitor": "false"})))


@pytest.mark.parametrize("value", ["a\nRestart=no", "a\x00b"])
def test_what_a_unit_cannot_carry_is_refused(value: str) -> None:
    with pytest.raises(RenderError):
        rendered(fleet(gateway(environment={"LIVE_AI_NAT_IP": value})))


@pytest.mark.parametrize("name", ["a%n", 'a"b', "a\\", "a$b"])
def test_a_name_that_systemd_reads_otherwise_is_refused(name: str) -> None:
    with pytest.raises(RenderError):
        rendered(fleet(gateway(name=name)))


def test_an_amount_that_is_no_number_is_refused_in_json() -> None:
    with pytest.raises(RenderError, match="price_per_unit"):
        rendered(fleet(orchestrator(ai_models=({"pipeline": "llm", "model_id": "m", "price_per_unit": "0.5USD"},))))


def test_a_port_below_1024_gets_the_one_capability_it_needs() -> None:
    assert "CAP_NET_BIND_SERVICE" in one(*CASES["orchestrator with gpus and models"]).files["livepeer.service"]
    assert "CAP_" not in one(*CASES["orchestrator"]).files["livepeer.service"]


def test_a_node_without_files_is_not_to_be_applied() -> None:
    node = gateway()
    plan = bare_node(node, around(fleet(node)).of(node))
    assert (plan.files, plan.digest) == ({}, "")
    assert sorted(listener.port for listener in plan.listeners) == [1935, 5935, 9935]


def test_the_digest_changes_with_a_file_and_with_a_secret_of_another_name() -> None:
    plain, other = gateway(), gateway(flags={"maxAttempts": "4"})
    digests = {one(fleet(node), "gateway").digest for node in (plain, other, with_secret(plain, "flag_authWebhookUrl", "x"))}
    assert len(digests) == 3


def test_rendering_twice_gives_the_same_bytes() -> None:
    node = with_gpus_and_models()
    templates = Templates(TEMPLATES)
    surroundings = around(fleet(node)).of(node)
    assert render_node(node, surroundings, templates) == render_node(node, surroundings, templates)
