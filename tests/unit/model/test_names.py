# SPDX-License-Identifier: GPL-3.0-or-later
"""Names that nobody reads, and the variable that was meant."""

from __future__ import annotations

import pytest
from ansible_collections.livepeer.fleet.plugins.plugin_utils.model.names import better_name


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("livepeer_transcoder_orch_addr", "livepeer_transcoder_orchestrator"),
        ("livepeer_ai_worker_orch_addr", "livepeer_ai_worker_orchestrator"),
        ("livepeer_orchestrator_redeemer_addr", "livepeer_orchestrator_redeemer"),
        ("livepeer_gateway_remote_signer_url", "livepeer_gateway_remote_signer"),
        ("livepeer_signer_http_addr", "livepeer_remote_signer_http_addr"),
        ("livepeer_worker_nvidia", "livepeer_ai_worker_nvidia"),
        ("livepeer_aiworker_nvidia", "livepeer_ai_worker_nvidia"),
        ("livepeer_remotesigner_deposit_eth", "livepeer_remote_signer_deposit_eth"),
        ("livepeer_price_per_unit", "livepeer_orchestrator_price_per_unit"),
        ("livepeer_gateway_htp_addr", "livepeer_gateway_http_addr"),
        ("livepeer_worker_colour", ""),
        ("livepeer_something_else", ""),
    ],
)
def test_the_variable_that_was_meant(name: str, meant: str) -> None:
    assert better_name(name) == (meant, meant)
