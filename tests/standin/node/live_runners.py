# SPDX-License-Identifier: GPL-3.0-or-later
"""-useLiveRunners and -liveRunnerConfig at a start (starter.go:StartLivepeer, ai/runner)."""

from __future__ import annotations

from . import gojson, golog
from .goflags import go_error_text
from .node import Node
from .settings import Settings

PLACEHOLDER = "{proxy}"


def check(settings: Settings, node: Node) -> bool:
    """Whether live runners are on; what is wrong with them ends the start with status 1."""
    config = settings.text("liveRunnerConfig")
    if not settings.on("useLiveRunners") and not config:
        return False
    if not node.secret and not config:
        golog.exit_one("running with -useLiveRunners requires -orchSecret")
    template = settings.text("liveRunnerProxyUrl")
    if template and template.count(PLACEHOLDER) != 1:
        golog.exit_one(
            f"invalid -liveRunnerProxyUrl: live runner proxy url must contain exactly one {PLACEHOLDER} placeholder"
        )
    if not node.secret:
        golog.warning("No -orchSecret configured; dynamic LiveRunner heartbeat registration is disabled")
    if config:
        _register(config)
    return True


def _register(path: str) -> None:
    try:
        with open(path, "rb") as file:
            content = file.read()
    except OSError as error:
        golog.exit_one(f"error reading -liveRunnerConfig: open {path}: {go_error_text(error)}")
    try:
        document = gojson.loads(content)
        if not isinstance(document, dict):
            kind = gojson.kind_of(document)
            raise gojson.JSONError(f"json: cannot unmarshal {kind} into Go value of type runner.StaticLiveRunnerConfig")
    except gojson.JSONError as error:
        golog.exit_one(f"error registering -liveRunnerConfig: {error}")
