# SPDX-License-Identifier: GPL-3.0-or-later
"""What an operator sees of livepeer.fleet.plan: real runs of ansible-playbook, hosts that nobody can reach."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from .conftest import HOSTS, PLAY, Run

Runner = Callable[..., Run]

VAULTED = """!vault |
            $ANSIBLE_VAULT;1.1;AES256
            62313365396662343061393464336163383764373764613633653634306231386433626436623361
            6134333665353966363534333632666535333761666131620a663537646436643839616531643561
            63396265333963386166373632626539326166353965363262633030333630313338646335303630
            3438626666666137650a353638643435666633633964366338633066623234616432373231333331
            6564"""


def inventory(**gateway: object) -> dict[str, Any]:
    """Three hosts, the gateway with further variables."""
    hosts = deepcopy(HOSTS)
    hosts["all"]["children"]["livepeer_gateways"]["hosts"]["gw1"].update(gateway)  # type: ignore[index]
    return hosts


def yaml_inventory(lines: str) -> str:
    """A combined host with these lines among its variables, written as an operator would."""
    return f"""
all:
  vars: {{livepeer_version: 0.9.1, livepeer_archive: archive.tar.gz}}
  children:
    livepeer_combined:
      hosts:
        h:
          ansible_host: 192.0.2.1
          livepeer_orchestrator_service_addr: 192.0.2.1:8935
{lines}
"""


def test_three_hosts_are_planned_once_and_nobody_is_contacted(run: Runner) -> None:
    done = run(inventory(), "-v")
    assert done.status == 0, done.output
    assert done.findings == []
    assert sorted(done.plan["hosts"]) == ["gw1", "o1", "o2"]  # type: ignore[call-overload]
    assert done.output.count("Who gives jobs to whom") == 1
    assert '"rollout": [1, "25%", "100%"]' in done.output


def test_a_limit_changes_the_run_and_not_the_plan(run: Runner) -> None:
    whole = run(inventory()).plan["digest"]
    assert run(inventory(), "--limit", "o1", "--check", "--tags", "nothing").plan["digest"] == whole


def test_a_second_call_and_a_second_play_find_the_plan(run: Runner) -> None:
    play = (
        PLAY
        + PLAY.replace("  tasks:", "  serial: 1\n  tasks:")
        + '    - debug: {msg: "{{ hostvars.localhost.livepeer_fleet_plan.hosts }}"}\n'
    )
    done = run(inventory(), play=play)
    assert done.status == 0, done.output
    assert done.output.count("Who gives jobs to whom") == 1
    assert done.output.count("TASK [Plan]") == 4


def test_every_value_that_cannot_be_read_is_a_finding_with_its_reason(run: Runner) -> None:
    broken = yaml_inventory(
        f"""
          livepeer_gateway_discovery: list
          livepeer_gateway_orch_addr:
            - h
            - url: "{{{{ nowhere.at_all }}}}"
          livepeer_gateway_transcoding_options: "{{{{ lookup('file', '/nonexistent/profiles') }}}}"
          livepeer_gateway_name: {VAULTED}
          livepeer_orchestrator_name: "{{{{ broken"
          livepeer_orchestrator_nvidia: "{{{{ 1 / 0 }}}}"
          ansible_port: "{{{{ nowhere }}}}"
"""
    )
    done = run(broken)
    assert done.status != 0
    assert done.findings == [
        ("LPF504", ["h"], "ansible_port"),
        ("LPF504", ["h"], "livepeer_gateway_name"),
        ("LPF504", ["h"], "livepeer_gateway_orch_addr[1].url"),
        ("LPF504", ["h"], "livepeer_gateway_transcoding_options"),
        ("LPF504", ["h"], "livepeer_orchestrator_name"),
        ("LPF504", ["h"], "livepeer_orchestrator_nvidia"),
    ]
    assert "'nowhere' is undefined" in done.got("livepeer_gateway_orch_addr[1].url")
    assert "/nonexistent/profiles" in done.got("livepeer_gateway_transcoding_options")
    assert "no vault secrets found" in done.got("livepeer_gateway_name")
    assert "division by zero" in done.got("livepeer_orchestrator_nvidia")
    assert "Traceback" not in done.output


def test_a_file_that_cannot_be_decrypted_is_told_with_its_hosts(run: Runner) -> None:
    encrypted = "".join(f"{line.strip()}\n" for line in VAULTED.splitlines()[1:])
    done = run(HOSTS, "--vault-password-file", "pw", files={"pw": "wrong\n", "host_vars/o1.yml": encrypted})
    assert done.status != 0
    assert "There is no plan. The variables of o1 cannot be read: Decryption failed" in done.output
    assert ".." not in done.output.partition("There is no plan.")[2].partition("\n")[0]


def test_a_warning_is_not_one_of_ansible(run: Runner) -> None:
    done = run(inventory(livepeer_gateway_max_price_per_unit=5))
    assert (done.status, [code for code, _hosts, _variable in done.findings]) == (0, ["LPF204"])
    assert "[WARNING]" not in done.output


def test_a_wrong_vault_password(run: Runner) -> None:
    done = run(yaml_inventory(f"          livepeer_gateway_name: {VAULTED}"), "--vault-password-file", "pw", files={"pw": "wrong\n"})
    assert "Decryption failed" in done.got("livepeer_gateway_name")


def test_numbers_that_yaml_reads_otherwise_are_told_as_they_are_written(run: Runner) -> None:
    done = run(
        yaml_inventory(
            """
          livepeer_gateway_max_price_per_unit: 010
          livepeer_gateway_pixels_per_unit: 1:30
          livepeer_orchestrator_price_per_unit: 0.0000000000012
          livepeer_orchestrator_pixels_per_unit: 1_000
          livepeer_gateway_max_price_per_capability: [{pipeline: llm, price_per_unit: 0x10}]
"""
        )
    )
    assert done.got("livepeer_gateway_max_price_per_unit") == "010"
    assert done.got("livepeer_gateway_pixels_per_unit") == "1:30"
    assert done.got("livepeer_orchestrator_price_per_unit") == "0.0000000000012"
    assert done.got("livepeer_gateway_max_price_per_capability[0].price_per_unit") == "0x10"
    assert len([code for code, *_rest in done.findings if code == "LPF504"]) == 4


@pytest.mark.parametrize(
    ("play", "files"),
    [
        (PLAY.replace("  tasks:", "  vars: {livepeer_gateway_http_addr: ':1'}\n  tasks:"), {}),
        (PLAY.replace("  tasks:", "  vars_files: [more.yml]\n  tasks:"), {"more.yml": "livepeer_gateway_http_addr: ':1'\n"}),
        (PLAY.replace("      tags: always", "      vars: {livepeer_gateway_http_addr: ':1'}"), {}),
        (PLAY.replace("  tasks:", "  tasks:\n    - set_fact: {livepeer_gateway_http_addr: ':1'}"), {}),
        (PLAY.replace("  tasks:", "  tasks:\n    - include_vars: more.yml"), {"more.yml": "livepeer_gateway_http_addr: ':1'\n"}),
    ],
    ids=["play", "vars_files", "task", "set_fact", "include_vars"],
)
def test_what_a_fleet_view_cannot_see_is_refused(run: Runner, play: str, files: dict[str, str]) -> None:
    done = run(inventory(livepeer_gateway_http_addr=":9935"), play=play, files=files)
    assert done.status != 0
    assert [(code, variable) for code, _hosts, variable in done.findings] == [("LPF504", "livepeer_gateway_http_addr")]
    assert "move it to the inventory" in next(one["hint"] for one in done.plan["findings"] if one["code"] == "LPF504")  # type: ignore[attr-defined]


def test_extra_vars_count_for_every_host(run: Runner) -> None:
    done = run(inventory(), "-e", "livepeer_gateway_http_addr=127.0.0.1:7777", "-e", "livepeer_restart_busy=true")
    assert done.status == 0, done.output
    assert "127.0.0.1:7777" in done.output


def test_a_refused_plan_is_told_once_and_the_task_in_one_line(run: Runner) -> None:
    done = run(inventory(livepeer_gateway_htp_addr="x"))
    assert done.status != 0
    assert done.output.count("[LPF503]") == 1
    assert "The plan is refused: 1 error, printed above. No host was contacted." in done.output
    assert "Traceback" not in done.output


def test_secrets_are_neither_opened_nor_shown(run: Runner) -> None:
    chain = {
        "livepeer_network": "arbitrum-one-mainnet",
        "livepeer_eth_url": "https://rpc.example/planted-secret-1",
        "livepeer_gateway_keystore": "{{ lookup('file', '/nonexistent/key') }}",
        "livepeer_gateway_eth_password": "planted-secret-2",
        "livepeer_gateway_flags": {"kafkaPassword": "planted-secret-3"},
        "livepeer_gateway_auth_webhook_url": "https://hook.example/planted-secret-4",
    }
    done = run(inventory(**chain), "-vvv")
    assert "planted-secret" not in done.output + str(done.plan)
    assert [finding for finding in done.findings if "keystore" in finding[2]] == []
    full = run(inventory(**chain, livepeer_plan_secrets="full"), "-vvv")
    assert "/nonexistent/key" in full.got("livepeer_gateway_keystore")
    assert "planted-secret" not in full.output + str(full.plan)


def test_a_plan_of_another_run_in_a_fact_cache_is_none(run: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANSIBLE_CACHE_PLUGIN", "jsonfile")
    monkeypatch.setenv("ANSIBLE_CACHE_PLUGIN_CONNECTION", "facts")
    for _attempt in range(2):
        done = run(inventory())
        assert done.status == 0, done.output
        assert done.output.count("Who gives jobs to whom") == 1


def test_a_directory_that_cannot_be_written_is_named(run: Runner) -> None:
    done = run(inventory(livepeer_plan_dir="/proc/nowhere"))
    assert done.status != 0
    assert "/proc/nowhere" in done.output
    assert "livepeer_plan_dir" in done.output
    assert "Traceback" not in done.output


def test_an_empty_fleet_has_an_empty_plan(run: Runner) -> None:
    done = run({"all": {"hosts": {"db1": {"ansible_host": "192.0.2.9"}}}})
    assert done.status == 0, done.output
    assert done.plan["hosts"] == {}
