# SPDX-License-Identifier: GPL-3.0-or-later
"""What the chain says of a node, as the node itself tells it on its CLI port: three questions that only read."""

from __future__ import annotations

from typing import Any

from ansible_collections.livepeer.fleet.plugins.module_utils.admin_api import AdminApi


def told(api: AdminApi) -> dict[str, Any]:
    """Funds, registration and round; None for what the node does not tell. Amounts as text: they do not fit other programs' numbers.

    Source: server/handlers.go (senderInfoHandler, orchestratorInfoHandler, currentRoundHandler), recorded from 0.9.1.
    """
    return {
        "sender": _sender(_json(api, "/senderInfo")),
        "orchestrator": _orchestrator(_json(api, "/orchestratorInfo")),
        "round": _round(api),
    }


def _json(api: AdminApi, path: str) -> dict[str, Any]:
    answer = api.ask(path)
    found = answer.json() if answer else None
    return found if isinstance(found, dict) else {}


def _sender(info: dict[str, Any]) -> dict[str, str] | None:
    reserve = info.get("Reserve") or {}
    if "Deposit" not in info:
        return None
    return {
        "deposit": _digits(info["Deposit"]),
        "reserve": _digits(reserve.get("FundsRemaining")),
        "withdraw_round": _digits(info.get("WithdrawRound")),
    }


def _orchestrator(info: dict[str, Any]) -> dict[str, Any] | None:
    known = info.get("Transcoder")
    if not isinstance(known, dict):
        return None
    return {
        "active": known.get("Active") is True,
        "status": str(known.get("Status") or ""),
        "service_uri": str(known.get("ServiceURI") or ""),
        "last_reward_round": _digits(known.get("LastRewardRound")),
        "activation_round": _digits(known.get("ActivationRound")),
    }


def _round(api: AdminApi) -> str:
    answer = api.ask("/currentRound")
    text = answer.body.strip() if answer and answer.status == 200 else ""
    return text if text.isdigit() else ""


def _digits(value: object) -> str:
    text = str(value if value is not None else 0)
    return text if text.isdigit() else "0"
