# SPDX-License-Identifier: GPL-3.0-or-later
"""URLs and bind addresses as Go reads them (package net/url, net.SplitHostPort)."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, replace

from .govalues import quote

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_HOST_CHARACTERS = re.compile(r"[A-Za-z0-9\-_.~!$&'()*+,;=:\[\]<>\"%]|[^\x00-\x7f]", re.ASCII)
_USER_CHARACTERS = re.compile(r"[A-Za-z0-9\-._:~!$&'()*+,;=%@]*", re.ASCII)
_BAD_ESCAPE = re.compile(r"%(?![0-9a-fA-F]{2}).{0,2}")


class URLError(ValueError):
    """A text that Go does not take as a URL; the message is Go's own."""


@dataclass(frozen=True)
class URL:
    """The parts of net/url.URL that go-livepeer looks at."""

    scheme: str = ""
    opaque: str = ""
    user: str = ""
    host: str = ""
    path: str = ""
    query: str = ""

    @property
    def hostname(self) -> str:
        """URL.Hostname: without the port, without the brackets."""
        host = self.host
        colon = host.rfind(":")
        if colon != -1 and re.fullmatch(r":[0-9]*", host[colon:], re.ASCII):
            host = host[:colon]
        return host[1:-1] if host.startswith("[") and host.endswith("]") else host

    @property
    def port(self) -> str:
        """URL.Port: the digits after the last colon, empty when there are none."""
        host = self.host
        colon = host.rfind(":")
        if colon == -1 or re.fullmatch(r":[0-9]*", host[colon:], re.ASCII) is None:
            return ""
        return host[colon + 1 :]

    @property
    def redacted(self) -> str:
        """URL.Redacted: a password is five x."""
        name, colon, _password = self.user.partition(":")
        return str(replace(self, user=f"{name}:xxxxx") if colon else self)

    def __str__(self) -> str:
        start = f"{self.scheme}:" if self.scheme else ""
        if self.opaque:
            start += self.opaque
        else:
            user = f"{self.user}@" if self.user else ""
            start += (f"//{user}{self.host}" if self.scheme or self.host or user else "") + self.path
        return start + (f"?{self.query}" if self.query else "")


def parse(text: str) -> URL:
    """url.Parse."""
    try:
        return _parse(text.partition("#")[0], via_request=False)
    except URLError as error:
        raise URLError(f"parse {quote(text)}: {error}") from None


def parse_request_uri(text: str) -> URL:
    """url.ParseRequestURI: absolute URL or absolute path."""
    try:
        return _parse(text, via_request=True)
    except URLError as error:
        raise URLError(f"parse {quote(text)}: {error}") from None


def _parse(text: str, via_request: bool) -> URL:
    if _CONTROL.search(text):
        raise URLError("net/url: invalid control character in URL")
    if not text and via_request:
        raise URLError("empty url")
    if text == "*":
        return URL(path="*")
    scheme, rest = _split_scheme(text)
    rest, _, query = rest.partition("?")
    if not rest.startswith("/"):
        if scheme:
            return URL(scheme=scheme, opaque=rest, query=query)
        if via_request:
            raise URLError("invalid URI for request")
        if ":" in rest.partition("/")[0]:
            raise URLError("first path segment in URL cannot contain colon")
    user = host = ""
    if rest.startswith("//") and (scheme or (not via_request and not rest.startswith("///"))):
        authority, slash, path = rest[2:].partition("/")
        user, host = _split_authority(authority)
        rest = slash + path
    _refuse_bad_escape(rest)
    return URL(scheme=scheme, user=user, host=host, path=rest, query=query)


def _split_scheme(text: str) -> tuple[str, str]:
    if text.startswith(":"):
        raise URLError("missing protocol scheme")
    match = _SCHEME.match(text)
    if match is None:
        return "", text
    return match.group()[:-1].lower(), text[match.end() :]


def _split_authority(authority: str) -> tuple[str, str]:
    user, at, host = authority.rpartition("@")
    host = _checked_host(host)
    if at and _USER_CHARACTERS.fullmatch(user) is None:
        raise URLError("net/url: invalid userinfo")
    return user, host


def _checked_host(host: str) -> str:
    if host.rfind("[") > 0:
        raise URLError("invalid IP-literal")
    if host.startswith("["):
        end = host.rfind("]")
        if end < 0:
            raise URLError("missing ']' in host")
        after = host[end + 1 :]
        _check_literal(host[1:end])
    else:
        colon = host.rfind(":")
        after = host[colon:] if colon != -1 else ""
    if re.fullmatch(r"(?::[0-9]*)?", after, re.ASCII) is None:
        raise URLError(f"invalid port {quote(after)} after host")
    for char in host:
        if _HOST_CHARACTERS.fullmatch(char) is None:
            raise URLError(f"invalid character {quote(char)} in host name")
    _refuse_bad_escape(host)
    return host


def _check_literal(text: str) -> None:
    """Only an IPv6 address stands in brackets, with a zone behind %25 perhaps."""
    if not _is_ipv6(text.partition("%25")[0]):
        raise URLError("invalid IP-literal")


def _is_ipv6(text: str) -> bool:
    try:
        return ipaddress.ip_address(text).version == 6
    except ValueError:
        return False


def _refuse_bad_escape(text: str) -> None:
    match = _BAD_ESCAPE.search(text)
    if match:
        raise URLError(f"invalid URL escape {quote(match.group())}")


def validate_http_url(text: str) -> URL:
    """starter.go:validateURL."""
    url = parse_request_uri(text)
    if url.scheme not in ("http", "https"):
        raise URLError("URL should be HTTP or HTTPS")
    return url


def is_local_url(text: str) -> bool:
    """starter.go:isLocalURL: a loopback literal or the name localhost."""
    hostname = parse_request_uri(text).hostname
    if hostname == "localhost":
        return True
    try:
        return ipaddress.ip_address(hostname).is_loopback
    except ValueError:
        return False


def split_host_port(address: str) -> tuple[str, str]:
    """net.SplitHostPort."""
    colon = address.rfind(":")
    if colon < 0:
        raise URLError(f"address {address}: missing port in address")
    if address.startswith("["):
        end = address.find("]")
        if end < 0:
            raise URLError(f"address {address}: missing ']' in address")
        if end + 1 == len(address):
            raise URLError(f"address {address}: missing port in address")
        if end + 1 != colon:
            problem = "too many colons" if address[end + 1] == ":" else "missing port"
            raise URLError(f"address {address}: {problem} in address")
        return address[1:end], address[colon + 1 :]
    host = address[:colon]
    if ":" in host:
        raise URLError(f"address {address}: too many colons in address")
    if "[" in host or "]" in host:
        raise URLError(f"address {address}: unexpected '[' in address")
    return host, address[colon + 1 :]


def default_address(address: str, host: str, port: str) -> str:
    """starter.go:defaultAddr: an empty part is filled in; not IPv6 safe, on purpose."""
    if not address:
        return f"{host}:{port}"
    if address.startswith(":"):
        return host + address
    return address if ":" in address else f"{address}:{port}"
