# SPDX-License-Identifier: GPL-3.0-or-later
"""-useLiveRunners and -liveRunnerConfig at a start (starter.go:StartLivepeer, ai/runner/live_runner.go)."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from . import gojson, golog, prices
from .goflags import go_error_text
from .gourl import URL, URLError, parse, parse_request_uri
from .live_runner import UNITS, LiveRunner
from .node import Node
from .settings import Settings

PLACEHOLDER = "{proxy}"
STAND_FOR_PLACEHOLDER = "proxy-placeholder"
GPU: gojson.Kind = ("int", {"id": "string", "name": "string", "vram_mb": "int"})
"""A device's number, or what is known of it."""

FIELDS: gojson.Fields = {
    "label": "string", "routing": "string", "proxy": "bool", "runner_url": "string", "version": "string",
    "metadata": "string", "mode": "string", "gpu": GPU, "app": "string", "capacity": "int",
    "price_info": {"price": "number", "currency": "string", "unit": "string"}, "health_url": "string", "healthy_status_code": "int",
}  # fmt: skip
ROUTINGS = ("runner-id", "label")
MODES = ("", "persistent", "single-shot", "single_shot")


class Invalid(ValueError):
    """One entry that cannot be used spoils them all."""


def check(settings: Settings, node: Node) -> bool:
    """Whether live runners are on; what is wrong with them ends the start with status 1."""
    config = settings.text("liveRunnerConfig")
    if not settings.on("useLiveRunners") and not config:
        return False
    if not node.secret and not config:
        golog.exit_one("running with -useLiveRunners requires -orchSecret")
    template = settings.text("liveRunnerProxyUrl")
    if template:
        _check_template(template.strip())
    elif not node.service_uri.host:
        golog.panic("invalid live runner proxy url: service URI is empty")  # NewLiveRunnerRegistry
    if not node.secret:
        golog.warning("No -orchSecret configured; dynamic LiveRunner heartbeat registration is disabled")
    if config:
        _register(config, node)
    return True


def swallows(template: str, uri: URL) -> bool:
    """A template whose host is nothing but the placeholder takes every host, the node's own included."""
    host = parse(template.strip().replace(PLACEHOLDER, STAND_FOR_PLACEHOLDER)).hostname if template else ""
    prefix, found, suffix = host.partition(STAND_FOR_PLACEHOLDER)
    return bool(found) and uri.hostname.startswith(prefix) and uri.hostname.endswith(suffix)


def _check_template(template: str) -> None:
    problem = _template_problem(template)
    if problem:
        golog.exit_one(f"invalid -liveRunnerProxyUrl: live runner proxy url {problem}")


def _template_problem(template: str) -> str:
    """parseProxyURLTemplate"""
    if template.count(PLACEHOLDER) != 1:
        return f"must contain exactly one {PLACEHOLDER} placeholder"
    try:
        url = parse_request_uri(template.replace(PLACEHOLDER, STAND_FOR_PLACEHOLDER))
    except URLError:
        url = URL()
    if not url.scheme or not url.host:
        return "must be an absolute URL"
    if url.scheme not in ("http", "https"):
        return "scheme must be http or https"
    if (STAND_FOR_PLACEHOLDER in url.host) == (STAND_FOR_PLACEHOLDER in url.path):
        return "placeholder must be in the host or path"
    before, found, after = url.path.partition(STAND_FOR_PLACEHOLDER)
    if found and (not before.endswith("/") or after not in ("", "/")):
        return "path placeholder must be the final path segment"
    return ""


def _register(path: str, node: Node) -> None:
    try:
        with open(path, "rb") as file:
            content = file.read()
    except OSError as error:
        verb = "read" if isinstance(error, IsADirectoryError) else "open"
        golog.exit_one(f"error reading -liveRunnerConfig: {verb} {path}: {go_error_text(error)}")
    try:
        document = gojson.struct(gojson.loads(content), {"runners": "list"}, "runner.StaticLiveRunnerConfig")
        entries = gojson.structs(document.get("runners"), FIELDS, "runner.StaticLiveRunnerConfigEntry")
        _check_entries(entries)
        node.live_runners = [_runner(number, entry, node) for number, entry in enumerate(entries)]
    except (gojson.JSONError, Invalid) as error:
        golog.exit_one(f"error registering -liveRunnerConfig: {error}")
    golog.info(f"Registered {len(entries)} static live runners from {path}")


def _runner(number: int, entry: dict[str, Any], node: Node) -> LiveRunner:
    usd, unit = _price(number, entry.get("price_info") or {}) if node.chain is not None else (Fraction(0), "hour")
    return LiveRunner(
        label=entry["label"],
        routing=entry.get("routing", "").strip() or ROUTINGS[0],
        app=entry["app"],
        mode=(entry.get("mode", "") or MODES[1]).replace("_", "-"),
        capacity=int(entry.get("capacity", 0) or 1),
        health_url=entry["health_url"],
        healthy_status=int(entry.get("healthy_status_code", 0) or 200),
        usd=usd,
        unit=unit,
    )


def _price(number: int, given: dict[str, Any]) -> tuple[Fraction, str]:
    """normalizeLiveRunnerPriceInfo: on a chain a price is a must."""
    text = str(given.get("price", "")).strip()
    _require(bool(text), number, "price_info.price is required")
    usd, unit = prices.rational(text), (given.get("unit", "").strip().lower() or "hour")
    if usd is None or usd <= 0:
        raise Invalid(f"runners[{number}]: price_info.price must be a positive decimal")
    _require(given.get("currency", "").strip().lower() in ("", "usd"), number, "price_info.currency must be usd")
    _require(unit in UNITS, number, "price_info.unit must be hour, 720p, or fixed")
    return usd, unit


def _check_entries(entries: list[dict[str, Any]]) -> None:
    for number, entry in enumerate(entries):
        _require(entry.get("routing", "").strip() in ("", *ROUTINGS), number, "routing is unknown")
        _check_health(number, entry)
    labels: set[str] = set()
    for number, entry in enumerate(entries):
        _check_entry(number, entry)
        label = entry["label"]
        _require(label not in labels, number, f'duplicate label "{label}"')
        _require("/" not in label or entry.get("routing", "").strip() != "label", number, "label cannot contain /")
        labels.add(label)


def _check_health(number: int, entry: dict[str, Any]) -> None:
    """staticRunnerHealthURL: a path alone is put behind the runner's URL."""
    try:
        url = parse(entry.get("health_url", ""))
    except URLError:
        raise Invalid(f"runners[{number}]: invalid health_url") from None
    if not url.scheme and url.path.startswith("/") and not url.host:
        _require(_is_http(entry.get("runner_url", "")), number, "invalid runner_url")
        entry["health_url"] = entry["runner_url"].rstrip("/") + entry["health_url"]


def _check_entry(number: int, entry: dict[str, Any]) -> None:
    """buildStaticRunner, normalizeHeartbeat"""
    label, app = entry.get("label", ""), entry.get("app", "")
    _require(bool(label) and label == label.strip(), number, "label is required and must be trimmed")
    _require(bool(entry.get("health_url")), number, "health_url is required")
    _require(_is_http(entry["health_url"]), number, "invalid health_url")
    code = entry.get("healthy_status_code", 0) or 200
    _require(100 <= code <= 599, number, "healthy_status_code must be a valid HTTP status code")
    _require(_is_http(entry.get("runner_url", "")), number, "invalid runner_url")
    _require(bool(app) and app == app.strip(), number, "app must be trimmed")
    _require(entry.get("mode", "") in MODES, number, "mode is unknown")
    _require(entry.get("capacity", 0) >= 0, number, "capacity must be >= 0")


def _is_http(text: str) -> bool:
    try:
        url = parse_request_uri(text)
    except URLError:
        return False
    return url.scheme in ("http", "https") and bool(url.host)


def _require(good: bool, number: int, problem: str) -> None:
    if not good:
        raise Invalid(f"runners[{number}]: {problem}")
