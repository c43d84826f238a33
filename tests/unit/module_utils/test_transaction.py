# SPDX-License-Identifier: GPL-3.0-or-later
"""The transaction: forward, back, and what it refuses to begin. The same is cut and starved on a real host (tests/integration/modules)."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.livepeer.fleet.plugins.module_utils import commands, decision, health
from ansible_collections.livepeer.fleet.plugins.module_utils.admin_api import Answer
from ansible_collections.livepeer.fleet.plugins.module_utils.decision import Decision
from ansible_collections.livepeer.fleet.plugins.module_utils.errors import HostError
from ansible_collections.livepeer.fleet.plugins.module_utils.observation import observe
from ansible_collections.livepeer.fleet.plugins.module_utils.plan_part import Part
from ansible_collections.livepeer.fleet.plugins.module_utils.revisions import NodeFolder, Pending
from ansible_collections.livepeer.fleet.plugins.module_utils.transaction import Options, Outcome, apply
from ansible_collections.livepeer.fleet.tests.unit.module_utils.worlds import DOWN, LOOPING, UP, World, raw_node, socket_of

UNIT = "livepeer-gateway"
SECRET = "topsecret-4711"
FAILS = "failing true"
APPLY = Options()


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """A blank host with two releases; a node whose configuration says so fails at its start."""
    # The folder of a test is its user's alone.
    monkeypatch.setattr(commands, "NOBODY", os.geteuid())
    result = World(tmp_path)
    result.starts = lambda unit, conf: LOOPING if FAILS in conf else UP
    for release in ("0.9.1-aaaaaaaaaaaa", "0.9.0-bbbbbbbbbbbb"):
        result.release(release, refuses="nonsense")
    return result


def part(*nodes: dict[str, Any]) -> Part:
    return Part.parse({"schema": 1, "host": "gw1", "nodes": list(nodes)})


def one(world: World, given: dict[str, str] | None = None, options: Options = APPLY, **changes: Any) -> Outcome:
    """Apply one gateway."""
    (outcome,) = apply(world.host, part(raw_node(**changes)), {"gateway": given or {}}, options)
    return outcome


def tree(world: World) -> dict[str, str]:
    """Every file and link with its content."""
    found = {path: str(path.readlink()) if path.is_symlink() else path.read_text() for path in world.root.rglob("*") if not path.is_dir()}
    return {str(path.relative_to(world.root)): text for path, text in found.items()}


def test_new_then_nothing(world: World) -> None:
    first = one(world)
    assert (first.action, first.changed, first.restarted, first.error) == ("new", True, True, "")
    assert world.calls == ["user", "reload", "enable", "restart"]
    world.calls.clear()
    before = tree(world)
    second = one(world)
    assert (second.action, second.changed, second.revision) == ("nothing", False, first.revision)
    assert (world.calls, tree(world)) == ([], before)


def test_what_cannot_be_read_is_not_called_absent(world: World) -> None:
    first = one(world)
    (record,) = world.root.rglob("revision.json")
    record.write_text("{}")
    again = one(world)
    assert (again.action, again.changed, again.error) == ("new", True, "")
    (reason,) = again.reasons
    assert reason.startswith("what is on this host cannot be read") and reason.endswith(f"revision {first.revision}")
    assert not one(world).changed


def test_a_change_of_settings_restarts(world: World) -> None:
    one(world)
    world.calls.clear()
    outcome = one(world, conf="v 6\n")
    assert (outcome.action, outcome.reasons, outcome.restarted) == ("restart", ("livepeer.conf changes",), True)
    assert world.calls == ["user", "restart"], "the unit is the same: systemd need not read it anew"


OLD, NEW = "0.9.0-bbbbbbbbbbbb", "0.9.1-aaaaaaaaaaaa"


@pytest.mark.parametrize(("old", "new", "action"), [(OLD, NEW, "upgrade"), (NEW, OLD, "downgrade")])
def test_another_release(world: World, old: str, new: str, action: str) -> None:
    world.api["/status"] = Answer(200, f'{{"Version": "{old[:5]}"}}')
    one(world, release=old)
    world.starts = lambda unit, conf: (world.api.update({"/status": Answer(200, f'{{"Version": "{new[:5]}"}}')}), UP)[1]
    outcome = one(world, release=new)
    assert (outcome.action, outcome.error) == (action, "")
    assert outcome.reasons[0] == f"release {old} becomes {new}"


def test_not_started_at_boot_is_put_right_without_a_restart(world: World) -> None:
    one(world)
    world.states[UNIT] = replace(UP, enabled="disabled")
    world.calls.clear()
    outcome = one(world)
    assert (outcome.reasons, outcome.restarted, outcome.changed) == (("it is not started at boot",), False, True)
    assert "restart" not in world.calls and "enable" in world.calls


def test_a_failing_change_goes_back_and_says_so(world: World) -> None:
    good = one(world)
    before = tree(world)
    outcome = one(world, conf=f"{FAILS}\n")
    assert "it ended with status 0 soon after its start" in outcome.error
    assert f"The host is back at revision {good.revision}" in outcome.error
    assert (outcome.changed, outcome.restarted) == (False, False)
    assert {path: text for path, text in tree(world).items() if path in before} == before
    assert world.states[UNIT] == UP
    assert one(world).action == "nothing"


def test_a_failing_first_installation_leaves_nothing(world: World) -> None:
    before = tree(world)
    outcome = one(world, conf=f"{FAILS}\n")
    assert "the host is as before" in outcome.error
    assert tree(world) == before
    assert "retire" in world.calls


def test_a_start_that_systemd_refuses_says_why_with_the_log(world: World) -> None:
    def starts(unit: str, conf: str) -> Any:
        raise HostError("systemctl restart failed: exec")

    world.starts = starts
    outcome = one(world)
    assert "systemctl restart failed: exec\nIts last log lines:\nlog of" in outcome.error
    assert "the host is as before" in outcome.error


def test_keys_are_never_removed(world: World) -> None:
    def starts(unit: str, conf: str) -> Any:
        key = world.paths.state / "livepeer-gateway/offchain/keystore/UTC--key"
        key.parent.mkdir(parents=True, exist_ok=True)
        key.write_text("{}")
        return LOOPING

    world.starts = starts
    outcome = one(world)
    assert "which may hold keys" in outcome.error
    assert (world.paths.state / "livepeer-gateway/offchain/keystore/UTC--key").exists()


def test_state_that_was_there_before_stays(world: World) -> None:
    state = world.paths.state / "livepeer-gateway/offchain"
    state.mkdir(parents=True)
    one(world, conf=f"{FAILS}\n")
    assert state.is_dir()


def test_state_of_the_failed_start_goes(world: World) -> None:
    def starts(unit: str, conf: str) -> Any:
        (world.paths.state / "livepeer-gateway/offchain").mkdir(parents=True)
        return LOOPING

    world.starts = starts
    one(world)
    assert not (world.paths.state / "livepeer-gateway").exists()


def test_going_back_may_fail_too(world: World) -> None:
    one(world)
    world.starts = lambda unit, conf: LOOPING
    outcome = one(world, conf="v 6\n")
    assert "Going back failed as well: it ended with status 0" in outcome.error
    world.starts = lambda unit, conf: UP
    assert NodeFolder(world.paths, "gateway").pending
    repaired = one(world, conf="v 6\n")
    assert (repaired.error, NodeFolder(world.paths, "gateway").pending) == ("", None)


def test_a_restart_that_fails_has_no_other_revision_to_go_back_to(world: World) -> None:
    one(world)
    world.states[UNIT] = DOWN
    world.starts = lambda unit, conf: LOOPING
    world.calls.clear()
    assert "There is no other revision to go back to" in one(world).error
    assert world.calls.count("restart") == 1
    world.starts = lambda unit, conf: UP
    assert one(world).error == ""


def test_what_was_staged_goes_if_nothing_was_switched(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    one(world)
    before = tree(world)

    def full(folder: NodeFolder, pending: Pending) -> None:
        raise OSError(28, "No space left", "/etc/livepeer/gateway/pending")

    monkeypatch.setattr(NodeFolder, "set_pending", full)
    assert one(world, conf="v 6\n").error == "/etc/livepeer/gateway/pending: no space left on the device"
    assert tree(world) == before


def test_nothing_to_go_back_to(world: World) -> None:
    one(world)
    (world.paths.releases / "0.9.1-aaaaaaaaaaaa/livepeer").unlink()
    outcome = one(world, release="0.9.0-bbbbbbbbbbbb", conf=f"{FAILS}\n")
    assert "There is nothing to go back to: release 0.9.1-aaaaaaaaaaaa is not on this host any more" in outcome.error


def test_an_interrupted_run_is_repaired_with_a_restart(world: World) -> None:
    good = one(world)
    NodeFolder(world.paths, "gateway").set_pending(Pending("x", fresh_user=False, fresh_state=False))
    world.calls.clear()
    outcome = one(world)
    assert outcome.reasons == ("an earlier run was cut off",)
    assert (outcome.revision, outcome.restarted) == (good.revision, True)


def test_what_the_binary_refuses_touches_nothing(world: World) -> None:
    good = one(world)
    before = tree(world)
    world.calls.clear()
    outcome = one(world, conf="nonsense\n")
    assert "refuses livepeer.conf (status 1): bad nonsense" in outcome.error
    assert (tree(world), world.calls, outcome.revision) == (before, [], good.revision)


def test_a_first_one_that_the_binary_refuses_leaves_nothing(world: World) -> None:
    before = tree(world)
    assert one(world, conf="nonsense\n").error
    assert tree(world) == before


def test_what_systemd_refuses_touches_nothing(world: World) -> None:
    world.complaint = "Unknown key 'X'"
    assert "systemd does not accept the unit file: Unknown key 'X'" in one(world).error
    assert world.calls == []


def test_release_that_is_not_there(world: World) -> None:
    assert "release 0.9.2-cccccccccccc is not on this host: install it first" in one(world, release="0.9.2-cccccccccccc").error
    assert one(world, release="0.9.2-cccccccccccc", options=Options(check=True)).error == ""


def test_check_mode_changes_nothing_and_tells_the_same(world: World) -> None:
    before = tree(world)
    told = one(world, options=Options(check=True))
    assert (tree(world), world.calls) == (before, [])
    done = one(world)
    assert (told.action, told.reasons, told.changed, told.restarted, told.diff) == (
        done.action,
        done.reasons,
        done.changed,
        done.restarted,
        done.diff,
    )
    assert "refuses livepeer.conf" in one(world, conf="nonsense\n", options=Options(check=True)).error


def test_secrets_are_neither_in_diffs_nor_in_errors(world: World) -> None:
    changes: dict[str, Any] = {"secrets": {"eth_url": {"variable": "livepeer_eth_url"}}}
    one(world, {"eth_url": "former-secret-1"}, conf="ethUrl @@livepeer-secret:eth_url@@\n", **changes)
    outcome = one(world, {"eth_url": SECRET}, conf=f"ethUrl @@livepeer-secret:eth_url@@\n{FAILS}\n", **changes)
    assert "log of [secret eth_url] line" in outcome.error
    assert SECRET not in repr(outcome) and "former-secret-1" not in repr(outcome)
    assert [(file.before, file.after) for file in outcome.diff if file.path.endswith("secrets")] == [
        ("eth_url: set\n", "eth_url: changed\n")
    ]


def test_a_secret_that_was_not_handed_over(world: World) -> None:
    with pytest.raises(HostError, match="the secret eth_url is missing or empty: set livepeer_eth_url"):
        one(world, secrets={"eth_url": {"variable": "livepeer_eth_url"}})


def test_strangers_are_named_before_anything_is_touched(world: World) -> None:
    world.sockets = (socket_of("nginx"),)
    with pytest.raises(HostError, match=r"LPF601: node gateway: tcp 127.0.0.1:5935 \(cli\) is held by nginx .* Nothing was changed"):
        one(world)
    assert world.calls == []


def test_busy_nodes_are_left_alone(world: World) -> None:
    one(world)
    world.calls.clear()
    world.api["/status"] = Answer(200, '{"Version": "0.9.1", "Manifests": {"stream": {}}}')
    with pytest.raises(HostError, match=r"running sessions of gateway \(1\).*livepeer_restart_busy"):
        one(world, conf="v 6\n")
    assert world.calls == []
    assert one(world).action == "nothing"
    assert one(world, conf="v 6\n", options=Options(restart_busy=True)).restarted


def test_what_comes_first_is_left_alone_where_the_run_is_refused(world: World) -> None:
    done: list[str] = []
    apply(world.host, part(raw_node()), {}, Options(), first=lambda: done.append(",".join(world.calls)))
    assert done == [""]
    world.sockets = (socket_of("nginx"),)
    with pytest.raises(HostError, match="Nothing was changed"):
        apply(world.host, part(raw_node()), {}, Options(), first=lambda: done.append("too early"))
    assert done == [""]


def test_the_first_failing_node_is_the_last(world: World) -> None:
    nodes = [raw_node("first", conf=f"{FAILS}\n", listeners=[]), raw_node("second", listeners=[])]
    outcomes = apply(world.host, part(*nodes), {}, Options())
    assert [(outcome.node, bool(outcome.error)) for outcome in outcomes] == [("first", True)]


def test_a_node_that_is_still_starting_is_waited_for(world: World) -> None:
    """After a reboot, say: starting it again would only take longer."""
    one(world)
    world.states[UNIT] = replace(UP, age=3.0)
    world.sockets = ()
    world.later = lambda world: setattr(world, "sockets", (socket_of(UNIT),))
    world.calls.clear()
    assert one(world).action == "nothing"
    assert world.calls == []


def test_a_unit_file_that_was_changed_by_hand(world: World) -> None:
    one(world)
    unit = world.paths.unit(UNIT)
    unit.write_text(unit.read_text() + "# mine\n")
    outcome = one(world)
    assert (outcome.reasons, outcome.restarted) == (("its unit file was changed or removed on the host",), True)
    assert "# mine" not in unit.read_text()


def test_a_node_that_hangs_is_restarted(world: World) -> None:
    one(world)
    world.sockets = ()
    outcome = one(world)
    assert outcome.reasons == ("nothing listens on tcp 127.0.0.1:5935 (cli)",)
    assert (outcome.restarted, outcome.error) == (True, "")


@pytest.mark.parametrize(
    ("old", "new", "older"), [("0.9.0", "0.9.1", True), ("0.10.0", "0.9.1", False), ("0.9.1-rc1", "0.9.1", True), ("0.9.1", "0.9.1", False)]
)
def test_order_of_versions(old: str, new: str, older: bool) -> None:
    assert (decision._order(old) < decision._order(new)) is older


def test_a_changed_secret_is_told_by_its_name_alone(world: World) -> None:
    secret = {"orch_secret": {"variable": "livepeer_orchestrator_orch_secret"}}
    one(world, {"orch_secret": "first-secret"}, secrets=secret)
    found = observe(world.host, part(raw_node(secrets=secret)), {"gateway": {"orch_secret": "other-secret"}}, reach=False)
    decided = found["nodes"]["gateway"]["decision"]
    assert decided == {
        "action": "restart",
        "reasons": ["secret orch_secret changes"],
        "restarts": True,
        "secrets": ["orch_secret"],
        "companions": [],
    }


def test_nodes_are_done_in_the_order_of_the_run(world: World) -> None:
    planned = part(raw_node(), raw_node("other", listeners=[]))
    assert [one.node for one in apply(world.host, planned, {}, Options(check=True, order=("other", "gateway")))] == ["other", "gateway"]
    assert [one.node for one in apply(world.host, planned, {}, Options(check=True))] == ["gateway", "other"]


def test_observation_of_all_this(world: World) -> None:
    planned = part(raw_node(), raw_node("other", listeners=[{"purpose": "http", "protocol": "tcp", "address": "", "port": 80}]))
    one(world)
    world.sockets += (socket_of("nginx", 80, "0.0.0.0", 7),)
    world.states["livepeer-gone"] = DOWN
    found = observe(world.host, planned, {}, reach=False)
    nothing = {"action": "nothing", "reasons": [], "restarts": False, "secrets": [], "companions": []}
    assert found["nodes"]["gateway"]["decision"] == nothing
    assert found["nodes"]["other"]["decision"]["action"] == "new"
    assert [(held["node"], held["unit"], held["port"]) for held in found["foreign"]] == [("other", "nginx", 80)]
    assert found["missing_releases"] == ["0.9.1-aaaaaaaaaaaa"], "a folder without our record is no release"
    assert observe(world.host, None, {}, reach=False)["nodes"]["gateway"]["planned"] is False


def test_decision_is_the_one_that_node_info_tells(world: World) -> None:
    outcome = one(world)
    planned = part(raw_node(conf="v 6\n")).nodes[0]
    decided = decision.decide(world.host, planned, {}, health.look(world.host, planned))
    assert decided == Decision("restart", ("livepeer.conf changes",), restarts=True)
    assert outcome.error == ""


def with_journal(text: str) -> dict[str, Any]:
    """Files of a gateway with a journal of its own."""
    return {**raw_node()["files"], "journald.conf": text, "livepeer.service": "[Service]\nLogNamespace=livepeer-gateway\n"}


def test_the_limits_of_a_journal_come_change_and_go_with_the_node(world: World) -> None:
    path = world.paths.journal(UNIT)
    assert one(world, files=with_journal("[Journal]\nSystemMaxUse=1G\n")).changed
    assert path.read_text() == "[Journal]\nSystemMaxUse=1G\n"
    assert one(world, files=with_journal("[Journal]\nSystemMaxUse=1G\n")).action == "nothing"
    world.calls.clear()
    outcome = one(world, files=with_journal("[Journal]\nSystemMaxUse=2G\n"))
    assert (outcome.reasons, outcome.restarted) == (("journald.conf changes",), False)
    assert [diff.path for diff in outcome.diff] == [str(path)]
    assert (path.read_text(), world.calls) == ("[Journal]\nSystemMaxUse=2G\n", ["user", f"reread {UNIT}"])
    path.write_text("[Journal]\n")
    outcome = one(world, files=with_journal("[Journal]\nSystemMaxUse=2G\n"))
    assert (outcome.reasons, outcome.restarted) == (("the limits of its journal were changed on the host",), False)
    assert path.read_text() == "[Journal]\nSystemMaxUse=2G\n"
    assert one(world).restarted, "without a journal of its own the unit is another one"
    assert not path.exists()


def test_a_failed_start_leaves_the_limits_of_before_and_shows_its_own_journal(world: World) -> None:
    before = tree(world)
    failed = one(world, files=with_journal("[Journal]\n") | {"livepeer.conf": FAILS})
    assert f"line in {UNIT}" in failed.error
    assert tree(world) == before
    one(world, files=with_journal("[Journal]\nSystemMaxUse=1G\n"))
    one(world, files=with_journal("[Journal]\nSystemMaxUse=2G\n") | {"livepeer.conf": FAILS})
    assert world.paths.journal(UNIT).read_text() == "[Journal]\nSystemMaxUse=1G\n"
