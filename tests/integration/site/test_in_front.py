# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands in front of nodes, with the real nginx: metrics alone for other hosts, and RPC endpoints whose keys nobody sees."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import HOSTS, Site

NODE_HOST, OTHER_HOST, PROVIDER_HOST = "combined1", "gateway1", "orchestrator2"
FIRST_KEY, SECOND_KEY, NEW_KEY = "KEY-first-planted-4711", "KEY-second-planted-4712", "KEY-third-planted-4713"
ACCOUNTS = ["front-gateway", "front-orchestrator"]

# Two providers in front of the stand-in chain: each wants a path, which is its key, notes what it is asked, and fails as its file says.
PROVIDER = r"""
import json, sys, threading, urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
CHAIN = sys.argv[1]
def mode(port):
    try:
        return open(f"/run/provider-{port}").read().strip()
    except OSError:
        return ""
class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        port = self.server.server_port
        body = self.rfile.read(int(self.headers["Content-Length"]))
        told = json.loads(body)
        method = told["method"] if isinstance(told, dict) else "batch"
        with open(f"/run/asked-{port}", "a") as log:
            log.write(f"{method} {self.path} {self.headers['Host']}\n")
        how = mode(port)
        if how == "hang":
            threading.Event().wait(120)
        if not self.path.startswith("/v3/KEY-") or how.isdigit():
            text = f"no such key: {self.path}".encode()
            self.send_response(int(how) if how.isdigit() else 404)
        else:
            text = urllib.request.urlopen(urllib.request.Request(CHAIN, data=body, headers={"Content-Type": "application/json"})).read()
            if how == "other" and method == "eth_chainId":
                text = b'{"jsonrpc": "2.0", "id": 1, "result": "0x1"}'
            self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
    def log_message(self, *arguments): pass
servers = [ThreadingHTTPServer(("0.0.0.0", port), Handler) for port in (8600, 8601)]
for server in servers[1:]:
    threading.Thread(target=server.serve_forever, daemon=True).start()
servers[0].serve_forever()
"""
ASK = """
import http.client, json, sys
answer = http.client.HTTPConnection("127.0.0.1", 25935, timeout=60)
answer.request("POST", "/", json.dumps({"jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber", "params": []}))
told = answer.getresponse()
print(told.status, told.read().decode())
"""
# What somebody on another host may try on a metrics port; all of it but the first has to be refused.
TRICKS = r"""
import json, socket
HOST = ("combined1", 15935)
LINE = "{} {} HTTP/1.1\r\nHost: combined1\r\nConnection: close\r\n{}\r\n"
paths = ["/metrics", "/", "/metrics/", "//metrics", "/metrics?x=1", "/metrics%2f", "/%6detrics", "/METRICS", "/metrics/../transferTokens",
  "//metrics/../transferTokens", "/metrics%2f..%2ftransferTokens", "/transferTokens?to=0x1&amount=1", "/withdraw", "/signMessage?message=x",
  "/status", "/debug/pprof/", "/debug/pprof/cmdline", "http://combined1/transferTokens", "http://combined1:5935/status", "/metrics;x",
  "/metrics#x", "*", "/./metrics", "/x/../metrics", "\\metrics"]
asked = {f"GET {path}": LINE.format("GET", path, "") for path in paths}
EMPTY = "Content-Length: 0\r\n"
methods = "HEAD POST PUT DELETE PATCH OPTIONS TRACE CONNECT X".split()
asked |= {f"{method} {path}": LINE.format(method, path, EMPTY) for method in methods for path in ("/metrics", "/transferTokens")}
inner = "GET /transferTokens HTTP/1.1\r\nHost: x\r\n\r\n"
asked["0.9"] = "GET /metrics\r\n"
asked["0.9 wallet"] = "GET /transferTokens\r\n"
asked["length and chunks"] = "GET /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + inner
asked["odd chunks"] = "GET /metrics HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n" + inner
answers = {}
for name, text in asked.items():
    with socket.create_connection(HOST, timeout=10) as one:
        one.settimeout(3)
        one.sendall(text.encode())
        told = b""
        try:
            while part := one.recv(65536):
                told += part
        except OSError:
            pass
    answers[name] = [told.split(b" ")[1].decode() if told.startswith(b"HTTP/") else "", told.count(b"HTTP/1.1 200"), b"livepeer_" in told]
with socket.create_connection(HOST, timeout=10) as one:  # a body that is a request of its own
    one.settimeout(3)
    one.sendall(f"GET /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: {len(inner)}\r\n\r\n{inner}".encode())
    told = b""
    try:
        while part := one.recv(65536):
            told += part
    except OSError:
        pass
answers["a request as body"] = ["", told.count(b"HTTP/1.1 200"), b"livepeer_" in told]
print(json.dumps(answers))
"""


@pytest.fixture
def paid(site: Site, tmp_path: Path) -> Iterator[Site]:
    """A gateway and an orchestrator on-chain on one host, and two providers on another."""
    document = tmp_path / "chain.json"
    document.write_text(json.dumps({"accounts": ACCOUNTS, "state": {}}))
    site.fleet.up(HOSTS, chain=document)
    chain = site.fleet.chain
    own: dict[str, object] = {
        "livepeer_network": "arbitrum-one-mainnet",
        "livepeer_eth_url": urls(FIRST_KEY),
        "livepeer_gateway_payment": "onchain",
        "livepeer_gateway_max_price_per_unit": 1250,
        "livepeer_gateway_metrics_proxy_addr": "0.0.0.0:15935",
        "livepeer_metrics_allow": ["172.16.0.0/12", "10.0.0.0/8", "192.168.0.0/16"],
        "livepeer_orchestrator_price_per_unit": 1000,
        "livepeer_orchestrator_auto_adjust_price": True,
        "livepeer_orchestrator_reward": False,
        "livepeer_start_timeout": 30,
    }
    for role in ("gateway", "orchestrator"):
        keystore, password = chain.keystore(f"front-{role}"), chain.password(f"front-{role}")
        own[f"livepeer_{role}_keystore"] = keystore.read_text()
        own[f"livepeer_{role}_eth_password"] = password.read_text().strip()
        own[f"livepeer_{role}_eth_acct_addr"] = f"0x{json.loads(keystore.read_text())['address'].removeprefix('0x')}"
    site.variables["livepeer_plan_dir"] = str(tmp_path / "plan")
    site.hosts = {NODE_HOST: own}
    script = f"cat > /run/provider.py <<'END'\n{PROVIDER}END\nsystemd-run -q --unit=provider python3 /run/provider.py {chain.url}"
    site.execute(PROVIDER_HOST, script)
    yield site
    site.execute(PROVIDER_HOST, "systemctl stop provider; rm -f /run/provider* /run/asked*")


def urls(first: str) -> list[str]:
    return [f"http://{PROVIDER_HOST}:8600/v3/{first}?x=y", f"http://{PROVIDER_HOST}:8601/v3/{SECOND_KEY}"]


def providers(site: Site, first: str, second: str) -> None:
    """How they answer from now on; what they were asked so far is forgotten."""
    site.execute(PROVIDER_HOST, f"echo {first} > /run/provider-8600; echo {second} > /run/provider-8601; rm -f /run/asked-*")


def asked(site: Site, port: int) -> str:
    return site.execute(PROVIDER_HOST, f"cat /run/asked-{port} 2>/dev/null; true")


def python(site: Site, host: str, script: str) -> str:
    return site.execute(host, f"python3 - <<'END'\n{script}END")


def test_what_stands_in_front_of_nodes(paid: Site, tmp_path: Path) -> None:
    told = paid.play("site", "-vvv")
    told.done()
    nothing_but_metrics(paid)
    endpoints_fail_over(paid)
    another_chain_is_never_used(paid)
    a_new_key_restarts_what_uses_it(paid)
    without_a_chain_nothing_is_stopped(paid)
    keys_are_nowhere(paid, tmp_path, told.output)


def nothing_but_metrics(site: Site) -> None:
    answers = json.loads(python(site, OTHER_HOST, TRICKS))
    assert answers.pop("GET /metrics") == ["200", 1, True]
    assert answers.pop("a request as body")[1] == 1, "the body was not answered"
    assert {name: told for name, told in answers.items() if told[1] or told[2] or told[0].startswith("2")} == {}
    assert {told[0] for told in answers.values()} <= {"", "400", "404", "405", "501"}


def endpoints_fail_over(site: Site) -> None:
    assert python(site, NODE_HOST, ASK).startswith("200 ")
    assert f"eth_blockNumber /v3/{FIRST_KEY}?x=y {PROVIDER_HOST}:8600" in asked(site, 8600), "path, query and host are its own"
    for failure in ("429", "503", "401"):
        providers(site, failure, "")
        assert python(site, NODE_HOST, ASK).startswith("200 "), failure
        assert f"eth_blockNumber /v3/{SECOND_KEY}" in asked(site, 8601)
    providers(site, "", "")


def another_chain_is_never_used(site: Site) -> None:
    providers(site, "other", "")
    wait_for(site, "RPC endpoint 1 (orchestrator2) is left out: it is of chain 1, not 31337")
    providers(site, "other", "503")
    assert python(site, NODE_HOST, ASK).split(" ")[0] in {"502", "503"}, "rather no chain than another one"
    assert "eth_blockNumber" not in asked(site, 8600)
    providers(site, "other", "")
    told = site.play("verify").done().output
    assert "warning[LPF613]" in told and "livepeer_eth_chain_id: 1" in told
    providers(site, "", "")
    site.execute(NODE_HOST, "systemctl restart livepeer-gateway-proxy livepeer-orchestrator-proxy")


def a_new_key_restarts_what_uses_it(site: Site) -> None:
    before = site.running(NODE_HOST)
    site.hosts[NODE_HOST]["livepeer_eth_url"] = urls(NEW_KEY)
    site.play("site", "--check").done()
    assert site.running(NODE_HOST) == before
    site.play("site").done()
    after = site.running(NODE_HOST)
    assert {unit for unit in before if before[unit] != after[unit]} == {
        "livepeer-gateway-proxy.service",
        "livepeer-orchestrator-proxy.service",
    }
    providers(site, "", "")
    assert python(site, NODE_HOST, ASK).startswith("200 ") and NEW_KEY in asked(site, 8600)
    assert set(site.play("site").done().changed.values()) == {0}


def without_a_chain_nothing_is_stopped(site: Site) -> None:
    before = site.running(NODE_HOST)
    providers(site, "503", "503")
    site.hosts[NODE_HOST]["livepeer_log_level"] = 5
    site.play("site").refused("LPF611", "Nothing was changed")
    assert site.running(NODE_HOST) == before
    # As it is after a power cut: the nodes look for their chain, and what they and nginx say of it is in the journal.
    site.execute(NODE_HOST, "systemctl restart livepeer-gateway-proxy livepeer-gateway")
    wait_for(site, "is left out: it answers with status 503")


def keys_are_nowhere(site: Site, tmp_path: Path, output: str) -> None:
    keys = "4711|4712|4713"
    assert not any(key in output for key in (FIRST_KEY, SECOND_KEY, NEW_KEY))
    found = site.execute(NODE_HOST, f"journalctl --no-pager -o export | grep -cE 'planted-({keys})'; true").strip()
    assert found == "0"
    assert (
        site.execute(NODE_HOST, f"cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | grep -caE 'planted-({keys})'; true").strip()
        == "0"
    )
    search = f"grep -rlE 'planted-({keys})' /etc /run /var/lib /var/log /tmp --exclude-dir=journal 2>/dev/null | xargs -r stat -c '%A %n'"
    open_files = [
        line for line in site.execute(NODE_HOST, f"{search}; true").splitlines() if not line.startswith(("-rw-------", "-r--------"))
    ]
    assert open_files == []
    plan = [path for path in (tmp_path / "plan").rglob("*") if path.is_file()]
    assert plan and not any("planted-47" in path.read_text(errors="replace") for path in plan)


def wait_for(site: Site, text: str) -> None:
    """A round of the program that asks the endpoints takes 15 seconds."""
    deadline = time.monotonic() + 60
    while text not in site.execute(NODE_HOST, "journalctl -u livepeer-gateway-proxy --no-pager -o cat"):
        assert time.monotonic() < deadline, f"waited in vain for {text}"
        time.sleep(1)
