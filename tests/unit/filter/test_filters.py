# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters: types, errors that name the filter, and what they return. Their examples are run as they stand in the documentation."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible_collections.livepeer.fleet.plugins.filter.fleet import FilterModule

FILTERS = FilterModule().filters()
FOLDER = Path(__file__).parents[3] / "plugins" / "filter"
CLASH = [
    {"node": "orchestrator", "purpose": "cli", "address": "127.0.0.1", "port": 7935},
    {"node": "gateway", "purpose": "http", "address": "", "port": 7935},
]


def call(name: str, *given: Any, **options: Any) -> Any:
    return FILTERS[name](*given, **options)


def test_each_has_a_documentation_of_its_own() -> None:
    assert {path.stem for path in FOLDER.glob("*.yml")} == set(FILTERS)
    for name in FILTERS:
        assert yaml.safe_load((FOLDER / f"{name}.yml").read_text())["DOCUMENTATION"]["name"] == name


@pytest.mark.parametrize(
    ("name", "given", "options", "expected"),
    [
        ("price_cap", [1000], {}, "1250"),
        ("price_cap", ["0.002USD"], {"headroom": 30}, "0.0026USD"),
        ("headroom", [1250, 1000], {}, 25),
        ("headroom", ["1000.5", 1000], {}, 0.05),
        ("headroom", [1250, "1000"], {}, 25),
        ("enforce_headroom", ["1250", 1000], {}, "1250"),
        ("enforce_headroom", [1000, 1000, 0], {}, 1000),
        ("enforce_headroom", [1000, 1000, 20, 30], {"adjusting": False}, 1000),
        ("enforce_ports", [CLASH[:1]], {}, CLASH[:1]),
        ("port_conflicts", [CLASH[:1]], {}, []),
    ],
)
def test_results(name: str, given: list[Any], options: dict[str, Any], expected: object) -> None:
    result = call(name, *given, **options)
    assert result == expected
    assert type(result) is type(expected)


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("price_cap", [0.5], "price_cap: the price is the float 0.5, which is not exact any more; quote it"),
        ("price_cap", [0], "price_cap: no cap can be worked out from the price 0"),
        ("headroom", [1, 0], "headroom: over a price of 0"),
        ("headroom", [None, 1], "headroom: the cap is of type NoneType"),
        ("enforce_headroom", [1000, 1000], "enforce_headroom: the cap 1000 is below the band; write 1200 to 1300"),
        ("port_conflicts", [7935], "port_conflicts: listeners are a list, not of type int"),
        ("port_conflicts", [["a"]], r"port_conflicts: listener \[0\] is of type str"),
        ("enforce_ports", ["a"], "enforce_ports: listeners are a list, not of type str"),
        ("enforce_ports", [{"port": 1}], "enforce_ports: listeners are a list, not of type dict"),
        ("enforce_ports", [CLASH], "enforce_ports: gateway http .* wants the port of orchestrator cli"),
        ("fleet_plan", [[], {}], "fleet_plan: write groups .* groups is of type list"),
        ("fleet_plan", [{}, []], "fleet_plan: write groups .* hostvars is of type list"),
    ],
)
def test_errors_name_the_filter(name: str, given: list[Any], message: str) -> None:
    with pytest.raises(AnsibleFilterError, match=message):
        call(name, *given)


def test_adjusting_is_a_boolean() -> None:
    with pytest.raises(AnsibleFilterError, match="adjusting is true or false, not of type str"):
        call("enforce_headroom", 1, 1, adjusting="no")


@pytest.mark.parametrize(
    ("price", "options", "message"),
    [
        (1000, {}, "missing a required argument: 'gas_gwei'"),
        (1000, {"gass": 1}, "missing|unexpected"),
        (1000, {"gas_gwei": 0.1}, "gas_gwei is the float 0.1, which is not exact any more; quote it"),
        (1000, {"gas_gwei": ["2", "1"]}, "gas_gwei is one amount, or a list of the lowest and the highest"),
        (1000, {"gas_gwei": "much"}, 'gas_gwei is "much"; write a whole number'),
        (1000, {"reserve_eth": "-1"}, 'reserve_eth is "-1"'),
        (1000, {"pool_size": "0.5"}, "pool_size is 0.5; write a whole number above 0"),
        (1000, {"cap": "1USD"}, r"prices and cap are in different currencies \(USD, wei\)"),
        (1000, {"cap": 0}, 'a cap of "0" means any price'),
        (1000, {"workload": "live_runner"}, 'there is no workload "live_runner"'),
        (1000, {"remote_signer": True}, "a remote signer pays for live video only; write workload='live_video'"),
        (1000, {"remote_signer": "yes"}, "remote_signer is of type str; write a boolean"),
        (1000, {"flags": {"ticketEv": 1}}, "flags has no ticketEv; it takes ticketEV, maxFaceValue"),
        (1000, {"flags": {"ticketEV": "0"}}, 'ticketEV is "0": its tickets are worth nothing'),
        (10**20, {"adjusting": False}, "the price is too large to be sent"),
        ([], {}, "there is no price"),
    ],
)
def test_a_price_plan_that_cannot_be_made(price: object, options: dict[str, Any], message: str) -> None:
    given = options if message.startswith("missing") else {"gas_gwei": "0.1", "reserve_eth": 1} | options
    with pytest.raises(AnsibleFilterError, match=f"price_plan: .*{message}"):
        call("price_plan", price, **given)


def test_a_price_plan() -> None:
    found = call(
        "price_plan", [1000, {"price_per_unit": "1100", "auto_adjust_price": False}], gas_gwei=["0.05", "2"], reserve_eth=1, cap=1250
    )
    assert [(row["gas_gwei"], row["lowest"], row["highest"]) for row in found["table"]] == [
        ("0.05", "1010", "1100"),
        ("0.1", "1012", "1100"),
        ("1", "1100", "1120"),
        ("2", "1100", "1240"),
        ("2.083341666", "1100", "1250"),
    ]
    assert (found["survives_gwei"], found["ends_by"], found["codes"]) == ("2.083341666", "cap", [])


def test_conflicts_name_both_sides() -> None:
    (found,) = call("port_conflicts", CLASH)
    assert (found["port"], found["protocol"], found["machine"]) == (7935, "tcp", "")
    assert found["listener"] == {"host": "", "node": "gateway", "purpose": "http", "address": "", "port": 7935}
    assert [other["node"] for other in found["others"]] == ["orchestrator"]
    assert "wants the port of" in found["message"]


def test_a_plan_of_dictionaries(tmp_path: Path) -> None:
    archive = tmp_path / "livepeer.tar.gz"
    archive.write_bytes(b"archive")
    hostvars = {"h": {"livepeer_version": "0.9.1", "livepeer_archive": str(archive), "livepeer_orchestrator_service_addr": "h:8935"}}
    plan = call("fleet_plan", {"livepeer_combined": ["h"]}, hostvars)
    # The defect that every gateway off-chain has.
    assert [finding["code"] for finding in plan["findings"]] == ["LPF506"]
    assert sorted(plan["hosts"]["h"]["nodes"]) == ["gateway", "orchestrator"]
    hostvars["h"]["livepeer_gateway_http_addr"] = ":7935"
    assert [finding["code"] for finding in call("fleet_plan", {"livepeer_combined": ["h"]}, hostvars)["findings"]] == ["LPF101", "LPF506"]


INVENTORY = """
all:
  vars: {livepeer_version: 0.9.1, livepeer_archive: archive.tar.gz}
  children:
    livepeer_combined:
      hosts:
        h: {livepeer_orchestrator_service_addr: "h:8935", livepeer_gateway_http_addr: "{{ ':' ~ 7935 }}"}
"""


def test_the_examples_run_as_they_stand(tmp_path: Path) -> None:
    texts = [yaml.safe_load(path.read_text())["EXAMPLES"] for path in sorted(FOLDER.glob("*.yml"))]
    tasks = [task for text in texts for task in yaml.safe_load(text)]
    for place, task in enumerate(tasks):
        task["register"] = f"result{place}"
    results = ", ".join(f"result{place}.msg" for place in range(len(tasks)))
    tasks.append({"ansible.builtin.copy": {"content": f"{{{{ [{results}] | to_json }}}}", "dest": "results.json", "mode": "0600"}})
    (tmp_path / "hosts.yml").write_text(INVENTORY)
    (tmp_path / "archive.tar.gz").write_text("archive")
    (tmp_path / "play.yml").write_text(yaml.safe_dump([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]))
    environment = os.environ | {"ANSIBLE_COLLECTIONS_PATH": str(FOLDER.parents[1] / ".cache" / "collections")}
    playbook = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", "hosts.yml", "play.yml"]
    run = subprocess.run(playbook, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    promised = [json.loads(line.partition("# => ")[2]) for text in texts for line in text.splitlines() if "# => " in line]
    assert json.loads((tmp_path / "results.json").read_text()) == promised
