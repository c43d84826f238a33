# SPDX-License-Identifier: GPL-3.0-or-later
"""RPC endpoints: how they are read, asked and judged, and what nginx is given of them. nginx itself runs in tests/integration."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from ansible_collections.livepeer.fleet.plugins.module_utils import rpc, upstream_watch
from ansible_collections.livepeer.fleet.plugins.module_utils.upstream_watch import (
    LAG_SECONDS,
    Endpoint,
    EndpointError,
    Report,
    check,
    judge,
    nginx_conf,
    read_endpoints,
    read_url,
    url_conf,
)

KEY = "KEY-planted-4711"
ARBITRUM = 42161


@dataclass
class Provider:
    """An RPC endpoint that answers what a test says, and remembers how it was asked."""

    chain_id: object = hex(ARBITRUM)
    status: int = 200
    asked: list[tuple[str, dict[str, str], str]] = field(default_factory=list)
    server: ThreadingHTTPServer | None = None

    def answer(self, method: str) -> object:
        return self.chain_id if method == "eth_chainId" else {"number": "0x10", "timestamp": "0x64"}

    @property
    def where(self) -> str:
        assert self.server is not None
        return f"127.0.0.1:{self.server.server_port}"


@pytest.fixture
def provider() -> Iterator[Provider]:
    told = Provider()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            told.asked.append((self.path, dict(self.headers.items()), body["method"]))
            text = json.dumps({"jsonrpc": "2.0", "id": 1, "result": told.answer(body["method"]), "echo": self.path}).encode()
            self.send_response(told.status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_arguments: object) -> None: ...

    told.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=told.server.serve_forever, daemon=True)
    thread.start()
    yield told
    told.server.shutdown()
    told.server.server_close()


def test_endpoints_as_providers_write_them() -> None:
    first, second, third = read_endpoints(f"https://rpc.example/v3/{KEY}?a=b\n\n http://u:p%40ss@10.0.0.1:8545 \nhttps://[2001:db8::1]/\n")
    assert first == Endpoint(1, True, "rpc.example", 443, f"/v3/{KEY}?a=b", "")
    assert (second.port, second.target, second.authority, second.authorization) == (8545, "/", "10.0.0.1:8545", "Basic dTpwQHNz")
    assert (third.number, third.host, third.authority) == (3, "2001:db8::1", "[2001:db8::1]")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "there is no RPC endpoint"),
        (f"wss://rpc.example/{KEY}", r"RPC endpoint 1 is a websocket \(wss://\)"),
        (f"https://a.example/\nrpc.example/{KEY}", "RPC endpoint 2 does not start with"),
        (f"ipc:///{KEY}", "does not start with"),
        (f"https:///{KEY}", "has no host"),
        (f"https://rpc.example:port/{KEY}", "is no URL"),
        (f"https://rpc.example/{KEY} more", "has a blank"),
        (f"https://rpc.ex;ample/{KEY}", "has no host that can be asked"),
    ],
)
def test_what_is_no_endpoint_is_told_without_its_key(text: str, said: str) -> None:
    with pytest.raises(EndpointError, match=said) as error:
        read_endpoints(text)
    assert KEY not in str(error.value)


@pytest.mark.parametrize(
    ("host", "shown"),
    [("rpc.example", "rpc.example"), ("0123456789abcdef0123.rpc.example", "[hidden].rpc.example"), ("10.0.0.1", "10.0.0.1")],
)
def test_a_key_in_the_host_name_is_hidden(host: str, shown: str) -> None:
    assert read_endpoints(f"https://{host}/")[0].shown_host == shown


def test_an_endpoint_is_asked_as_its_url_says(provider: Provider) -> None:
    (report,) = check(read_endpoints(f"http://u:{KEY}@{provider.where}/v3/x?y=z"), ARBITRUM, {})
    assert (report.usable, report.chain_id, report.head, report.problem) == (True, ARBITRUM, 16, "")
    assert [(path, method) for path, _headers, method in provider.asked] == [
        ("/v3/x?y=z", "eth_chainId"),
        ("/v3/x?y=z", "eth_getBlockByNumber"),
    ]
    assert provider.asked[0][1]["Host"] == provider.where and provider.asked[0][1]["Authorization"].startswith("Basic ")
    assert KEY not in repr(report)


@pytest.mark.parametrize(
    ("changes", "foreign", "said"),
    [
        ({"chain_id": "0x1"}, True, "it is of chain 1, not 42161"),
        ({"status": 429}, False, "it answers with status 429"),
        ({"chain_id": None}, False, "it answers eth_chainId with an error"),
        ({"chain_id": 42161}, False, "it does not answer as an RPC endpoint does"),
        ({"chain_id": "0x" + "f" * 40}, False, "it does not answer as an RPC endpoint does"),
    ],
)
def test_what_cannot_be_used(provider: Provider, changes: dict[str, Any], foreign: bool, said: str) -> None:
    for name, value in changes.items():
        setattr(provider, name, value)
    (report,) = rpc.look(f"http://{provider.where}/{KEY}", ARBITRUM)
    assert (report.usable, report.foreign, report.problem) == (False, foreign, said)


def test_one_that_accepts_and_never_answers_ends_in_time(monkeypatch: pytest.MonkeyPatch, provider: Provider) -> None:
    monkeypatch.setattr(upstream_watch, "_ADDRESS_SECONDS", 0.2)
    waiting = threading.Event()
    monkeypatch.setattr(Provider, "answer", lambda self, method: waiting.wait(5))
    (report,) = check(read_endpoints(f"http://{provider.where}/"), ARBITRUM, {})
    waiting.set()
    assert (report.usable, report.reachable) == (False, False) and report.problem


def test_nobody_listens_and_nobody_knows_the_name() -> None:
    refused, unknown = check(read_endpoints("http://127.0.0.1:1/\nhttp://nobody.invalid/"), ARBITRUM, {})
    assert (refused.problem, unknown.problem) == ("Connection refused", "its host name has no address")


def reported(number: int, chain_id: int = ARBITRUM, when: int = 1000, reachable: bool = True) -> Report:
    return Report(number, "rpc.example", reachable, chain_id, 7, when, addresses=("10.0.0.1",))


@pytest.mark.parametrize(
    ("reports", "chain_id", "usable"),
    [
        ([reported(1), reported(2, chain_id=1)], ARBITRUM, [1]),
        ([reported(1, reachable=False), reported(2, chain_id=1)], ARBITRUM, []),
        ([reported(1, when=1000), reported(2, when=1000 + LAG_SECONDS + 1)], ARBITRUM, [2]),
        ([reported(1, when=1000), reported(2, when=1000 + LAG_SECONDS)], ARBITRUM, [1, 2]),
        # One of another chain does not make ours old.
        ([reported(1), reported(2, chain_id=1, when=9999)], ARBITRUM, [1]),
        # Where nobody knows the chain they have to agree.
        ([reported(1, chain_id=7), reported(2, chain_id=7)], 0, [1, 2]),
        ([reported(1, chain_id=7), reported(2, chain_id=8)], 0, []),
    ],
)
def test_who_may_be_used(reports: list[Report], chain_id: int, usable: list[int]) -> None:
    judged = judge(reports, chain_id)
    assert [one.number for one in judged if one.usable] == usable
    assert all(one.problem for one in judged if one.reachable and not one.usable)


def test_nginx_is_given_what_may_be_used_and_nothing_else() -> None:
    endpoints = read_endpoints(f'https://a.example/{KEY}\nhttps://b.example/two$x"{{y}}\nhttp://c.example:81/')
    text = nginx_conf(endpoints, judge([reported(1, chain_id=1), reported(2), reported(3)], ARBITRUM), "/run/x")
    assert KEY not in text and "a.example" not in text
    assert "server unix:/run/x/endpoint-2.sock max_fails=1 fail_timeout=10s;" in text
    assert "server unix:/run/x/endpoint-3.sock max_fails=1 fail_timeout=10s backup;" in text
    assert 'proxy_pass "https://endpoint-2/two%24x%22%7By%7D";' in text, "nothing that means something to nginx"
    assert text.count("error_log /dev/null;") == text.count("proxy_pass "), "what nginx logs of a failure is the URL"
    assert "proxy_ssl_verify on;" in text and 'proxy_ssl_name "b.example";' in text


def test_without_a_usable_endpoint_nginx_says_so_at_once() -> None:
    text = nginx_conf(read_endpoints(f"https://a.example/{KEY}"), [reported(1, reachable=False)], "/run/x")
    assert "return 503" in text and "proxy_pass" not in text


def test_nginx_asks_a_secret_url_as_go_would() -> None:
    text = url_conf("hook", read_url(f"https://u:{KEY}@hooks.example/x$y?z=1"), ("10.0.0.1", "2001:db8::1"), "/run/x")
    assert "server 10.0.0.1:443 max_fails=0;" in text and "server [2001:db8::1]:443 max_fails=0 backup;" in text
    assert 'proxy_pass "https://hook/x%24y?z=1";' in text and 'proxy_ssl_name "hooks.example";' in text
    assert f'"" "Basic {base64.b64encode(f"u:{KEY}".encode()).decode()}";' in text
    assert text.count("error_log /dev/null;") == text.count("proxy_pass "), "what nginx logs of a failure is the URL"


def test_a_name_without_an_address_does_not_keep_nginx_from_starting() -> None:
    text = url_conf("hook", read_url(f"https://nobody.invalid/{KEY}"), (), "/run/x")
    assert "return 502" in text and "proxy_pass" not in text and KEY not in text


@pytest.mark.parametrize(
    "text", [f"ftp://hooks.example/{KEY}", f"hooks.example/{KEY}", f"https://hooks.example/{KEY} x", f"https:///{KEY}"]
)
def test_what_is_no_url_is_told_without_its_key(text: str) -> None:
    with pytest.raises(EndpointError) as error:
        read_url(text)
    assert KEY not in str(error.value)


@pytest.mark.parametrize(
    ("known", "found", "used"),
    [
        ((), ("a", "b"), ("a", "b")),
        (("a", "b"), ("b", "a"), ("a", "b")),
        (("a", "b"), ("b", "c"), ("b",)),
        (("a",), ("b",), ("b",)),
        (("a",), (), ("a",)),
    ],
)
def test_addresses_stay_as_long_as_they_may(known: tuple[str, ...], found: tuple[str, ...], used: tuple[str, ...]) -> None:
    assert upstream_watch._kept(known, found) == used


def test_the_chain_behind_a_proxy(provider: Provider) -> None:
    assert rpc.problem(provider.where, ARBITRUM) == ""
    assert rpc.problem(provider.where, 0) == ""
    assert rpc.problem(provider.where, 1) == f"chain 42161 answers at the RPC proxy {provider.where}, planned is 1"
    provider.status = 503
    assert rpc.problem(provider.where, ARBITRUM).endswith("has no endpoint that it can use (status 503)")
    assert rpc.problem("127.0.0.1:1", ARBITRUM) == "no chain answers at the RPC proxy 127.0.0.1:1"


def test_a_text_that_is_no_endpoint_is_a_report() -> None:
    (report,) = rpc.look(f"wss://rpc.example/{KEY}", ARBITRUM)
    assert report.number == 0 and "websocket" in report.problem and KEY not in report.problem
