# SPDX-License-Identifier: GPL-3.0-or-later
"""Typed access to the settings of a start, and the table of them that goes to stdout."""

from __future__ import annotations

from collections.abc import Iterator

from .flagtable import Value
from .goflags import FlagSet, text_of

TABLE_ORDER = (
    "Network RtmpAddr CliAddr HttpAddr ServiceAddr Nodes OrchAddr VerifierURL EthController VerifierPath LocalVerify "
    "HttpIngest Orchestrator Transcoder AIServiceRegistry AIWorker AIServerless UseLiveRunners LiveRunnerConfig "
    "LiveRunnerProxyURL Gateway Broadcaster OrchSecret TranscodingOptions AIModels MaxAttempts SelectRandWeight "
    "SelectStakeWeight SelectPriceWeight SelectPriceExpFactor OrchPerfStatsURL Region MaxPricePerUnit "
    "MaxPricePerCapability IgnoreMaxPriceIfNeeded MinPerfScore DiscoveryTimeout ExtraNodes MaxSessions CurrentManifest "
    "Nvidia Netint HevcDecoding TestTranscoder GatewayHost EthAcctAddr EthPassword EthKeystorePath EthOrchAddr EthUrl "
    "TxTimeout MaxTxReplacements GasLimit MaxGasPrice InitializeRound InitializeRoundMaxDelay TicketEV MaxFaceValue "
    "MaxTicketEV MaxTotalEV DepositMultiplier PixelsPerUnit PriceFeedAddr AutoAdjustPrice PricePerGateway "
    "PricePerBroadcaster BlockPollingInterval Redeemer RedeemerAddr Monitor MetricsPerStream MetricsExposeClientIP "
    "MetadataQueueUri MetadataAmqpExchange MetadataPublishTimeout Datadir AIModelsDir Objectstore Recordstore "
    "FVfailGsBucket FVfailGsKey AuthWebhookURL LiveAIAuthWebhookURL LiveRunnerAddr OrchWebhookURL "
    "OrchMinLivepeerVersion TestOrchAvail RemoteSigner RemoteSignerUrl RemoteSignerHeaders RemoteSignerWebhookURL "
    "RemoteSignerWebhookHeaders RemoteSignerAllowNoAuth RemoteDiscovery AIRunnerImage AIRunnerImageOverrides "
    "AIVerboseLogs AIProcessingRetryTimeout AIRunnerContainersPerGPU AIMinRunnerVersion KafkaBootstrapServers "
    "KafkaUsername KafkaPassword KafkaGatewayTopic LiveAIHeartbeatInterval LivePaymentInterval LiveOutSegmentTimeout "
    "LiveAICapReportInterval"
).split()
"""Fields of starter.go:LivepeerConfig in the order in which PrintConfig walks them."""

FIELD_OF_FLAG = {
    "selectRandFreq": "SelectRandWeight",
    "transactionTimeout": "TxTimeout",
    "maxTransactionReplacements": "MaxTxReplacements",
    "metricsClientIP": "MetricsExposeClientIP",
    "startupAvailabilityCheck": "TestOrchAvail",
    "kafkaUser": "KafkaUsername",
}
"""Flags whose field has another name (starter/flags.go); all others differ in capitals only."""

REDACTED = frozenset("ethPassword orchSecret kafkaPassword FVfailGskey remoteSignerHeaders remoteSignerWebhookHeaders".split())
"""PrintConfig shows stars for these; ethUrl, object stores and webhooks are shown as they are."""

WRAP_AT = 30
"""olekukonko/tablewriter: MAX_ROW_WIDTH"""


class Settings:
    """What this start was told; a flag that the version does not have counts as unset."""

    def __init__(self, flags: FlagSet) -> None:
        self._flags = flags

    def knows(self, name: str) -> bool:
        """Whether this version has the flag."""
        return name in self._flags.flags

    def text(self, name: str) -> str:
        """A string flag."""
        return str(self._flags[name]) if name in self._flags.flags else ""

    def on(self, name: str) -> bool:
        """A boolean flag."""
        return bool(self._flags[name]) if name in self._flags.flags else False

    def number(self, name: str) -> int:
        """An integer flag, or a duration in nanoseconds."""
        return int(self._flags[name]) if name in self._flags.flags else 0

    def fraction(self, name: str) -> float:
        """A float flag."""
        return float(self._flags[name]) if name in self._flags.flags else 0.0

    def given(self, name: str) -> bool:
        """starter/flags.go:UpdateNilsForUnsetFlags: set by somebody, be it to the default."""
        return name in self._flags.set_names

    def table(self) -> str:
        """starter.go:PrintConfig: what differs from the default, secrets but for a few included."""
        return _render(list(self._rows()))

    def _rows(self) -> Iterator[tuple[str, str]]:
        by_field = {FIELD_OF_FLAG.get(name, name).lower(): name for name in self._flags.flags if name != "datadir"}
        for field in TABLE_ORDER:
            name = by_field.get(field.lower())
            if name is None:
                continue
            flag = self._flags.flags[name]
            value: Value = self._flags[name]
            if value != flag.default:
                yield field, "***" if name in REDACTED else text_of(value, flag.kind)


def _render(rows: list[tuple[str, str]]) -> str:
    """tablewriter.Render with stars as corners; no rows give two lines with a star."""
    if not rows:
        return "*\n*\n"
    cells = [(name, _wrapped(value)) for name, value in rows]
    left = max(len(name) for name, _ in cells)
    right = max(len(line) for _, lines in cells for line in lines)
    rule = f"*-{'-' * left}-*-{'-' * right}-*\n"
    body = "".join(
        f"| {(name if number == 0 else ''):<{left}} | {line:<{right}} |\n" for name, lines in cells for number, line in enumerate(lines)
    )
    return rule + body + rule


def _wrapped(value: str) -> list[str]:
    words = value.split()
    lines: list[str] = []
    for word in words:
        if lines and len(lines[-1]) + 1 + len(word) <= WRAP_AT:
            lines[-1] += " " + word
        else:
            lines.append(word)
    return lines or [""]
