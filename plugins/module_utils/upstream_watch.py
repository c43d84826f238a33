# SPDX-License-Identifier: GPL-3.0-or-later
"""Where nginx may go for a node, RPC endpoints and secret URLs, and the parts of its configuration that lead there and nowhere else.

The file is used twice. The modules import it, to tell how the endpoints are. And it is a file of the revision of a node whose proxy asks
for it: the proxy's unit runs it, it runs nginx, asks every endpoint again and again, and looks up the hosts of the URLs. So it needs
nothing but the standard library.

What nginx is given of endpoints are addresses that answered with the right chain a moment ago, never names or addresses that nobody
asked: an endpoint of another chain, one that is silent and one that lags are not in its configuration at all. Without this process
there is no nginx, for both are one unit.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import http.client
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

ASK_SECONDS = 10.0
"""An endpoint that needs longer for its chain id and its head would stop a node that starts."""

ROUND_SECONDS = 15.0
"""How often the endpoints are asked: for so long at most one is used that has changed its chain since."""

LAG_SECONDS = 90
"""An endpoint whose newest block is so much older than the newest of all is left out. Seven blocks of Ethereum's 12 seconds."""

CONF, URLS_CONF = "rpc.conf", "urls.conf"
"""The parts of nginx's configuration that are written here."""

MOST_ADDRESSES = 2
"""Addresses of one endpoint that are asked and used; a name may have many, and every question counts for the provider's quota."""

_ADDRESS_SECONDS = 4.5  # so that a silent address leaves time for another one
_MOST_BYTES = 1 << 20  # a block's header with the hashes of its transactions
_NO_SECRET = 16  # shorter labels of a host name are words
_TRUSTED = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem")
_HOST = re.compile(r"[A-Za-z0-9._-]+|[0-9A-Fa-f:]+")


class EndpointError(ValueError):
    """A text that is no endpoint. It never holds the text itself, which is a secret."""


@dataclass(frozen=True)
class Endpoint:
    """One RPC endpoint, or one secret URL; everything but its number and its shown host is a secret.

    Attributes:
        number: place in the list, from 1 on; 0 for a URL.
        tls: whether it is https.
        host: name or address literal, without brackets.
        port: 1 to 65535.
        target: path and query as they are sent.
        authorization: value of that header, "" for none.
    """

    number: int
    tls: bool
    host: str
    port: int
    target: str
    authorization: str

    @property
    def shown_host(self) -> str:
        """The host for people. Some providers put the key into a label of it, so what is too long for a word is hidden."""
        labels = [label if len(label) < _NO_SECRET else "[hidden]" for label in self.host.split(".")]
        return self.host if ":" in self.host else ".".join(labels)

    @property
    def authority(self) -> str:
        """The Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.tls else 80) else f"{host}:{self.port}"


@dataclass(frozen=True)
class Report:
    """What became of one look at an endpoint; holds no secret.

    Attributes:
        number, host: which one, as people may see it.
        reachable: True if it gave its chain id and its head.
        chain_id: what it says; 0 if it did not.
        head: number of its newest block; 0 if it did not say.
        time: of that block, seconds since 1970; 0 if it did not say.
        foreign: True if it is of another chain.
        usable: True if a node may use it.
        problem: why not, "" if it may.
        addresses: those that answered.
    """

    number: int
    host: str
    reachable: bool = False
    chain_id: int = 0
    head: int = 0
    time: int = 0
    foreign: bool = False
    usable: bool = False
    problem: str = ""
    addresses: tuple[str, ...] = ()


def read_endpoints(text: str) -> tuple[Endpoint, ...]:
    """Read endpoints, one URL a line.

    Raises:
        EndpointError: what is wrong with which of them.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        raise EndpointError("there is no RPC endpoint")
    return tuple(_endpoint(number, line) for number, line in enumerate(lines, 1))


def _endpoint(number: int, line: str) -> Endpoint:
    which = f"RPC endpoint {number}"
    if line.lower().startswith(("ws://", "wss://")):
        scheme = line.partition(":")[0].lower()
        raise EndpointError(
            f"{which} is a websocket ({scheme}://): the proxy speaks HTTP to providers. Write the provider's https:// URL, or turn "
            "the proxy off (livepeer_eth_proxy: false)"
        )
    return _read(number, which, line)


def read_url(text: str) -> Endpoint:
    """Read a secret URL.

    Raises:
        EndpointError: what is wrong with it.
    """
    return _read(0, "it", text.strip())


def _read(number: int, which: str, line: str) -> Endpoint:
    try:
        url = urlsplit(line)
        port = url.port
    except ValueError:
        raise EndpointError(f"{which} is no URL") from None
    if url.scheme not in ("http", "https"):
        raise EndpointError(f"{which} does not start with https:// or http://")
    if not url.hostname or not _HOST.fullmatch(url.hostname):
        raise EndpointError(f"{which} has no host that can be asked")
    if any(ord(character) <= 0x20 or ord(character) >= 0x7F for character in line):
        raise EndpointError(f"{which} has a blank or another character in it that no URL has")
    user = "" if url.username is None else f"{unquote(url.username)}:{unquote(url.password or '')}"
    target = (url.path or "/") + (f"?{url.query}" if url.query else "")
    return Endpoint(
        number=number,
        tls=url.scheme == "https",
        host=url.hostname,
        port=port or (443 if url.scheme == "https" else 80),
        # What would mean something to nginx is sent as its escape, which means the same to every server.
        target=quote(target, safe="/?&=%:;,@+!*'()~#[]-._|^"),
        authorization=f"Basic {base64.b64encode(user.encode()).decode()}" if user else "",
    )


def check(endpoints: Sequence[Endpoint], chain_id: int, known: Mapping[int, Sequence[str]]) -> tuple[Report, ...]:
    """Ask all endpoints at once, and judge them.

    Args:
        endpoints: whom.
        chain_id: of the chain that they have to be of; 0 where nobody knows it, and they only have to agree.
        known: for an endpoint's number the addresses that are in use: they stay as long as they answer.
    """
    found: dict[int, Report] = {}

    def look(endpoint: Endpoint) -> None:
        found[endpoint.number] = _look(endpoint, known.get(endpoint.number, ()))

    threads = [threading.Thread(target=look, args=(endpoint,), daemon=True) for endpoint in endpoints]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + ASK_SECONDS
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    # A copy: a thread that is still under way may not change what was judged.
    silent = f"it does not answer within {ASK_SECONDS:g} seconds"
    return judge([found.get(one.number) or Report(one.number, one.shown_host, problem=silent) for one in endpoints], chain_id)


def judge(reports: Sequence[Report], chain_id: int) -> tuple[Report, ...]:
    """Say which of the endpoints that answered may be used; see ``check``."""
    chains = {one.chain_id for one in reports if one.reachable}
    right = chain_id or (chains.pop() if len(chains) == 1 else 0)
    newest = max((one.time for one in reports if one.reachable and one.chain_id == right), default=0)
    return tuple(_judged(one, right, newest) for one in reports)


def _judged(report: Report, chain_id: int, newest: int) -> Report:
    if not report.reachable:
        return report
    if not chain_id:
        return replace(report, foreign=True, problem=f"it is of chain {report.chain_id}, another endpoint of the list is not")
    if report.chain_id != chain_id:
        return replace(report, foreign=True, problem=f"it is of chain {report.chain_id}, not {chain_id}")
    if newest - report.time > LAG_SECONDS:
        return replace(report, problem=f"its newest block {report.head} is {newest - report.time} seconds behind")
    return replace(report, usable=True)


def _look(endpoint: Endpoint, known: Sequence[str]) -> Report:
    """Ask some of an endpoint's addresses. Those that answer have to agree."""
    report = Report(endpoint.number, endpoint.shown_host)
    try:
        candidates = list(dict.fromkeys([*known, *_addresses(endpoint)]))
    except OSError:
        candidates = list(known)
        report = replace(report, problem="its host name has no address")
    for address in candidates:
        try:
            chain_id, head, when = _ask(endpoint, address)
        except (OSError, ValueError, http.client.HTTPException) as error:
            report = report if report.reachable else replace(report, problem=_reason(error))
            continue
        if report.reachable and chain_id != report.chain_id:
            problem = f"one of its addresses is of chain {report.chain_id}, another one of {chain_id}"
            return replace(report, reachable=False, foreign=True, addresses=(), problem=problem)
        oldest = min(when, report.time) if report.reachable else when
        report = replace(report, reachable=True, chain_id=chain_id, head=head, time=oldest, problem="")
        report = replace(report, addresses=(*report.addresses, address))
        if len(report.addresses) == MOST_ADDRESSES:
            break
    return report


def _addresses(endpoint: Endpoint) -> list[str]:
    infos = socket.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM)
    return [str(info[4][0]) for info in infos]


def _reason(error: Exception) -> str:
    """Why an endpoint did not answer: never with its own words, which may repeat the key."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted (reason {error.verify_code} of OpenSSL's verify)"
    if isinstance(error, ssl.SSLError):
        return "it does not speak TLS"
    if isinstance(error, socket.timeout):
        return f"it does not answer within {_ADDRESS_SECONDS:g} seconds"
    if isinstance(error, OSError):
        return error.strerror or "the connection was cut"
    return str(error) if isinstance(error, EndpointError) else "it does not answer as an RPC endpoint does"


class _Connection(http.client.HTTPConnection):
    """To one address of an endpoint; cut after a time, however slowly the answer drips."""

    def __init__(self, endpoint: Endpoint, address: str) -> None:
        super().__init__(endpoint.host, endpoint.port, timeout=_ADDRESS_SECONDS)
        self._endpoint = endpoint
        self._address = address
        self._opened: socket.socket | None = None
        self._timer = threading.Timer(_ADDRESS_SECONDS, self._cut)
        self._timer.daemon = True

    def __enter__(self) -> _Connection:
        self._timer.start()
        return self

    def __exit__(self, *_what: object) -> None:
        self._timer.cancel()
        self.close()

    def connect(self) -> None:
        self.sock = socket.create_connection((self._address, self._endpoint.port), timeout=_ADDRESS_SECONDS)
        if self._endpoint.tls:
            name = self._endpoint.host
            self.sock = _tls().wrap_socket(self.sock, server_hostname=name, do_handshake_on_connect=False)
        self._opened = self.sock
        if isinstance(self.sock, ssl.SSLSocket):
            self.sock.do_handshake()

    def _cut(self) -> None:
        # An answer that says "Connection: close" has taken the socket out of the connection already.
        with contextlib.suppress(OSError):
            if self._opened is not None:
                self._opened.shutdown(socket.SHUT_RDWR)


@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=trusted())


def _ask(endpoint: Endpoint, address: str) -> tuple[int, int, int]:
    """Chain id, number and time of the newest block at one address."""
    with _Connection(endpoint, address) as connection:
        chain_id = _number(_call(connection, endpoint, "eth_chainId", []))
        block = _call(connection, endpoint, "eth_getBlockByNumber", ["latest", False])
        if not isinstance(block, dict):
            raise EndpointError("it has no newest block")
        return chain_id, _number(block.get("number")), _number(block.get("timestamp"))


def _call(connection: _Connection, endpoint: Endpoint, method: str, params: list[object]) -> object:
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
    headers = {"Host": endpoint.authority, "Content-Type": "application/json"}
    if endpoint.authorization:
        headers["Authorization"] = endpoint.authorization
    connection.request("POST", endpoint.target, body, headers)
    response = connection.getresponse()
    text = response.read(_MOST_BYTES)
    if response.status != http.client.OK:
        raise EndpointError(f"it answers with status {response.status}")
    answer = json.loads(text)
    if not isinstance(answer, dict) or answer.get("result") is None:
        raise EndpointError(f"it answers {method} with an error")
    return answer["result"]


def _number(value: object) -> int:
    if not isinstance(value, str) or not re.fullmatch(r"0x[0-9a-fA-F]{1,16}", value):
        raise EndpointError("it does not answer as an RPC endpoint does")
    return int(value, 16)


def trusted() -> str:
    """The certificates that this host trusts: the same for asking and for nginx."""
    return next((path for path in _TRUSTED if os.path.isfile(path)), _TRUSTED[0])


# nginx


def nginx_conf(endpoints: Iterable[Endpoint], reports: Iterable[Report], folder: str) -> str:
    """The part of nginx's configuration that leads to the usable endpoints: the first, and the others where it fails.

    Each endpoint has a server of its own on a socket in ``folder``, because path, host header and server name of providers differ and
    nginx keeps them when it goes on to the next server of a list. These servers log nothing: what nginx logs of a failing request is its
    URL, key included. Nor do they let a provider's error page through, which may repeat the key.
    """
    usable = {one.number: one for one in reports if one.usable}
    used = [one for one in endpoints if one.number in usable]
    places = [f"    server unix:{folder}/endpoint-{one.number}.sock max_fails=1 fail_timeout=10s" for one in used]
    lines = [f"{place}{' backup' if number else ''};" for number, place in enumerate(places)]
    parts = [_server(one, usable[one.number].addresses, folder) for one in used]
    if not used:
        lines = [f"    server unix:{folder}/none.sock;"]
        parts = [_NONE.format(folder=folder)]
    return "\n".join(["upstream rpc {", *lines, "}", *parts])


_NONE = """\
server {{
    listen unix:{folder}/none.sock;
    default_type text/plain;
    return 503 "no RPC endpoint can be used: the journal of this proxy's unit says why";
}}
"""

# Endpoints and URLs alike: who answers is held against the certificates that this host trusts.
_VERIFIED = """\
        proxy_ssl_protocols TLSv1.2 TLSv1.3;
        proxy_ssl_verify on;
        proxy_ssl_verify_depth 5;
        proxy_ssl_trusted_certificate {trusted};
        proxy_ssl_server_name on;
        proxy_ssl_name "{host}";
"""

_SERVER = (
    """\
upstream endpoint-{number} {{
{addresses}
    keepalive 8;
}}
server {{
    listen unix:{folder}/endpoint-{number}.sock;
    error_log /dev/null;
    location / {{
        proxy_pass "{scheme}://endpoint-{number}{target}";
        proxy_http_version 1.1;
        proxy_set_header Host "{authority}";
        proxy_set_header Connection "";
        proxy_set_header Authorization "{authorization}";
        proxy_connect_timeout 5s;
        proxy_read_timeout 30s;
        proxy_next_upstream error timeout non_idempotent;
"""
    + _VERIFIED
    + """\
        proxy_intercept_errors on;
        error_page 300 301 302 303 304 307 308 400 401 402 403 404 405 406 407 408 409 410 411 413 414 415 418 421 422 429 431 451
            500 501 502 503 504 505 520 521 522 523 524 525 526 527 529 530 = @failed;
    }}
    location @failed {{
        default_type text/plain;
        return 502 "RPC endpoint {number} failed";
    }}
}}
"""
)


def _server(endpoint: Endpoint, addresses: Sequence[str], folder: str) -> str:
    places = [f"    server {f'[{one}]' if ':' in one else one}:{endpoint.port} max_fails=1 fail_timeout=10s;" for one in addresses]
    return _SERVER.format(
        number=endpoint.number,
        addresses="\n".join(places),
        folder=folder,
        scheme="https" if endpoint.tls else "http",
        target=endpoint.target,
        authority=endpoint.authority,
        authorization=endpoint.authorization,
        trusted=trusted(),
        host=endpoint.host,
    )


_URL = (
    """\
upstream {name} {{
{addresses}
}}
map $http_authorization ${name}_authorization {{
    default $http_authorization;
    "" "{authorization}";
}}
server {{
    listen unix:{folder}/{name}.sock;
    error_log /dev/null;
    client_max_body_size 0;
    large_client_header_buffers 8 64k;
    underscores_in_headers on;
    ignore_invalid_headers off;
    location / {{
        proxy_pass "{scheme}://{name}{target}";
        proxy_http_version 1.1;
        proxy_set_header Host "{authority}";
        proxy_set_header Authorization ${name}_authorization;
        proxy_connect_timeout 10s;
        proxy_read_timeout 1h;
        proxy_send_timeout 1h;
        proxy_buffer_size 64k;
        proxy_buffers 8 64k;
        proxy_ignore_headers X-Accel-Redirect X-Accel-Expires X-Accel-Limit-Rate X-Accel-Buffering X-Accel-Charset;
"""
    + _VERIFIED
    + """\
        proxy_intercept_errors on;
        error_page 301 302 303 307 308 = @elsewhere;
    }}
    location @elsewhere {{
        default_type text/plain;
        return 502 "it answers with a redirect, which may hold the secret and is not followed: say the URL that it leads to";
    }}
}}
"""
)

_NO_ADDRESS = """\
server {{
    listen unix:{folder}/{name}.sock;
    default_type text/plain;
    return 502 "its host name has no address";
}}
"""


def url_conf(name: str, url: Endpoint, addresses: Sequence[str], folder: str) -> str:
    """The part of nginx's configuration that asks a secret URL: request and answer pass as they are, as if the node had asked.

    The password of the URL becomes a header, as with Go, where the request has none of its own. A redirect does not pass: the node
    would follow it by itself, and write the address to its journal where that fails. This server logs nothing, as those of endpoints.

    Args:
        name: of the secret; its socket in ``folder`` is called after it.
        url: what is asked.
        addresses: of its host, the one to be preferred first; none if it has none.
        folder: runtime directory of the unit.
    """
    if not addresses:
        return _NO_ADDRESS.format(name=name, folder=folder)
    places = [f"    server {f'[{one}]' if ':' in one else one}:{url.port} max_fails=0" for one in addresses]
    return _URL.format(
        name=name,
        addresses="\n".join(f"{place}{' backup' if number else ''};" for number, place in enumerate(places)),
        folder=folder,
        scheme="https" if url.tls else "http",
        target=url.target,
        authority=url.authority,
        authorization=url.authorization,
        trusted=trusted(),
        host=url.host,
    )


class _Endpoints:
    """The part of nginx's configuration that leads to RPC endpoints."""

    file = CONF

    def __init__(self, endpoints: Sequence[Endpoint], chain_id: int, folder: Path) -> None:
        self._endpoints = endpoints
        self._chain_id = chain_id
        self._folder = folder
        self._reports: tuple[Report, ...] = ()

    def look(self) -> str:
        """Ask them all, tell what is new, and return the text."""
        reports = check(self._endpoints, self._chain_id, {one.number: one.addresses for one in self._reports})
        before = {one.number: (one.usable, one.problem) for one in self._reports}
        for one in reports:
            if before.get(one.number) != (one.usable, one.problem):
                what = f"is used (chain {one.chain_id}, block {one.head})" if one.usable else f"is left out: {one.problem}"
                _say(f"RPC endpoint {one.number} ({one.host}) {what}")
        if not self._chain_id:  # nobody knows the chain of this network; from now on it is the one that they agreed on
            self._chain_id = next((one.chain_id for one in reports if one.usable), 0)
        self._reports = reports
        return nginx_conf(self._endpoints, reports, str(self._folder))


class _Urls:
    """The part of nginx's configuration that leads to secret URLs."""

    file = URLS_CONF

    def __init__(self, urls: Mapping[str, Endpoint], folder: Path) -> None:
        self._urls = urls
        self._folder = folder
        self._addresses: dict[str, tuple[str, ...]] = {}

    def look(self) -> str:
        """Look up the hosts, all at once, tell what is new, and return the text."""
        found: dict[str, tuple[str, ...]] = {}

        def look(name: str, url: Endpoint) -> None:
            with contextlib.suppress(OSError):
                found[name] = tuple(dict.fromkeys(_addresses(url)))

        threads = [threading.Thread(target=look, args=item, daemon=True) for item in self._urls.items()]
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + ASK_SECONDS
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        known, self._addresses = self._addresses, {}
        for name, url in self._urls.items():
            self._addresses[name] = _kept(known.get(name, ()), found.get(name, ()))
            if name not in known or bool(known[name]) != bool(self._addresses[name]):
                what = "is asked for the node" if self._addresses[name] else "cannot be asked: its host name has no address"
                _say(f"{name} ({url.shown_host}) {what}")
        return "\n".join(url_conf(name, url, self._addresses[name], str(self._folder)) for name, url in self._urls.items())


def _kept(known: Sequence[str], found: Sequence[str]) -> tuple[str, ...]:
    """Addresses to use: those in use, as long as nobody says otherwise, for many names give their addresses in ever another order."""
    return tuple(one for one in known if one in found) or tuple(found) or tuple(known)


class Watch:
    """nginx, and where it may go."""

    def __init__(self, nginx: Sequence[str], parts: Sequence[_Endpoints | _Urls], folder: Path) -> None:
        self._nginx = nginx
        self._parts = parts
        self._folder = folder
        self._written: dict[str, str] = {}
        self._process: subprocess.Popen[bytes] | None = None

    def run(self, listener: tuple[str, int]) -> int:
        """Until nginx ends, or this process is told to; returns the exit status.

        Args:
            listener: where nginx listens for the node; when it does, systemd is told.
        """
        self._round()
        self._process = subprocess.Popen(list(self._nginx))
        try:
            self._await(listener)
            _tell_systemd("READY=1")
            while self._process.poll() is None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._process.wait(ROUND_SECONDS)
                    break
                self._round()
            return 1
        finally:
            self._process.terminate()
            self._process.wait()

    def _await(self, listener: tuple[str, int]) -> None:
        """Sockets tell nobody that they are open: asking again is the one way to see it."""
        while self._process is not None and self._process.poll() is None:
            with contextlib.suppress(OSError):
                socket.create_connection(listener, timeout=1).close()
                return
            time.sleep(0.05)

    def _round(self) -> None:
        changed = False
        for part in self._parts:
            text = part.look()
            if text != self._written.get(part.file):
                new = self._folder / f"{part.file}.new"
                new.write_text(text, encoding="ascii")
                new.replace(self._folder / part.file)
                self._written[part.file] = text
                changed = True
        if changed and self._process is not None:
            self._process.send_signal(signal.SIGHUP)


def _tell_systemd(message: str) -> None:
    place = os.environ.get("NOTIFY_SOCKET", "")
    if place:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.connect("\0" + place[1:] if place.startswith("@") else place)
            sender.sendall(message.encode())


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def _end(_number: int, _frame: object) -> None:
    raise SystemExit(0)


def _parts(said: argparse.Namespace, folder: Path) -> list[_Endpoints | _Urls]:
    """What nginx is to be given; EndpointError where a credential is no URL."""
    credentials = Path(os.environ["CREDENTIALS_DIRECTORY"])
    parts: list[_Endpoints | _Urls] = []
    if said.chain is not None:
        parts.append(_Endpoints(read_endpoints((credentials / "eth_url").read_text(encoding="utf-8")), said.chain, folder))
    urls: dict[str, Endpoint] = {}
    for name in [*said.url, *said.base]:
        try:
            urls[name] = read_url((credentials / name).read_text(encoding="utf-8"))
        except EndpointError as error:
            raise EndpointError(f"{name}: {error}") from None
    # go-livepeer puts paths of its own in the place of those of a base.
    urls.update({name: replace(urls[name], target="/") for name in said.base})
    return [*parts, _Urls(urls, folder)] if urls else parts


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="upstream_watch.py", description="As a unit with RuntimeDirectory= and credentials.")
    parser.add_argument("listener", help="host:port at which nginx listens for the node")
    parser.add_argument("--chain", type=int, help="chain id of the endpoints in the credential eth_url; 0 if nobody knows it")
    parser.add_argument("--url", action="append", default=[], help="credential that holds a URL")
    parser.add_argument("--base", action="append", default=[], help="the same, of a URL that paths are put behind")
    parser.add_argument("nginx", nargs="+", help="how nginx is started")
    return parser


def main(arguments: Sequence[str]) -> int:
    """The program."""
    said = _arguments().parse_args(arguments)
    os.umask(0o077)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _end)
    folder = Path(os.environ["RUNTIME_DIRECTORY"])
    try:
        parts = _parts(said, folder)
    except EndpointError as error:
        _say(str(error))
        return 1
    host, _colon, port = said.listener.rpartition(":")
    return Watch(said.nginx, parts, folder).run((host.strip("[]"), int(port)))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
