# SPDX-License-Identifier: GPL-3.0-or-later
"""The lists and URLs that a start takes apart (starter.go: parseOrchAddrs, parseNodes, getServiceURI, webhooks)."""

from __future__ import annotations

import re

from . import golog
from .goflags import go_error_text
from .gourl import URL, URLError, default_address, parse, parse_request_uri, validate_http_url
from .lifecycle import Ended
from .settings import Settings

ORCHESTRATOR_PORT = "8935"
NO_WORK = "none"

WEBHOOKS = (
    ("authWebhookUrl", "auth webhook URL", "Using auth webhook URL"),
    ("liveAIAuthWebhookUrl", "live AI auth webhook URL", "Using live AI auth webhook URL"),
    ("remoteSignerWebhookUrl", "remote signer webhook URL", "Using remote signer webhook URL"),
)
"""Checked in every role."""


def orchestrators(addresses: str) -> list[URL]:
    """parseOrchAddrs: empty items count, bad ones are logged and left out."""
    result = []
    for item in addresses.split(",") if addresses else ():
        address = default_address(item.strip(), "127.0.0.1", ORCHESTRATOR_PORT)
        try:
            result.append(parse_request_uri(address if address.startswith("http") else f"https://{address}"))
        except URLError as error:
            golog.error(f"Could not parse orchestrator URI: {error}")
    return result


def nodes(addresses: str) -> list[str]:
    """parseNodes: nothing usable, or one bad item, ends the start with status 1."""
    result = []
    for item in addresses.split(","):
        address = item.strip()
        if not address:
            continue
        address = address if address.startswith("https://") else f"https://{address}"
        try:
            result.append(str(parse_request_uri(address)))
        except URLError as error:
            golog.exit_one(f"No valid instance URLs parsed from -nodes: Could not parse instance URI '{address}': {error}")
    if not result:
        golog.exit_one("No valid instance URLs parsed from -nodes: <nil>")
    golog.info(f"Configured nodes: {','.join(result)}")
    return result


def service_uri(address: str, public_ip: str) -> URL:
    """getServiceURI: given, none, or the public address that was looked up."""
    if address == NO_WORK:
        return URL()
    if not address:
        address = f"{public_ip}:{ORCHESTRATOR_PORT}"
    if not address.startswith(("http://", "https://")):
        address = f"https://{address}"
    return parse_request_uri(address)


def check_webhooks(settings: Settings) -> None:
    """A webhook that is no http(s) URL ends the start with status 1."""
    for flag, noun, message in WEBHOOKS:
        address = settings.text(flag)
        if address:
            golog.info(f"{message} {checked(address, noun).redacted}")


def checked(address: str, noun: str) -> URL:
    """starter.go:validateURL, or status 1."""
    try:
        return validate_http_url(address)
    except URLError as error:
        golog.exit_one(f"Error setting {noun} {error}")


def check_object_store(address: str, noun: str) -> None:
    """go-tools drivers.go:ParseOSURL; a bad one is logged and the start ends with status 0."""
    if not address:
        return
    try:
        problem = _object_store_problem(parse(address))
    except URLError as error:
        problem = str(error)
    if problem:
        raise Ended(f"Error creating {noun} driver: {problem}")


def _object_store_problem(url: URL) -> str:
    if url.scheme in ("s3", "s3+http", "s3+https"):
        if ":" not in url.user:
            return "password is required with s3:// OS"
        return "" if url.path.strip("/") else "S3 bucket not found in URL path"
    if url.scheme == "ipfs":
        return "" if url.host == "pinata.cloud" else f"unsupported IPFS provider: {url.host}"
    if url.scheme == "gs":
        return _google_problem(url)
    if url.scheme == "w3s":
        return "env variable 'W3_PRINCIPAL_KEY' is not defined"
    return "" if url.scheme in ("", "file") else f"unrecognized OS scheme: {url.scheme}"


def _google_problem(url: URL) -> str:
    match = re.search(r"(?:^|&)keyfile=([^&]*)", url.query)
    if match is None:
        return "unexpected end of JSON input"
    try:
        with open(match.group(1), "rb"):
            return ""
    except OSError as error:
        return f"open {match.group(1)}: {go_error_text(error)}"


def check_live_runner_address(address: str) -> None:
    """starter.go:parseLiveRunnerAddr"""
    if not address:
        return
    try:
        url = parse_request_uri(address)
    except URLError as error:
        golog.exit_one(f"invalid -liveRunnerAddr: {error}")
    if not url.scheme or not url.host:
        golog.exit_one("invalid -liveRunnerAddr: must be an absolute URL")
    if url.scheme not in ("http", "https"):
        golog.exit_one("invalid -liveRunnerAddr: scheme must be http or https")
