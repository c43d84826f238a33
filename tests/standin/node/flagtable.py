# SPDX-License-Identifier: GPL-3.0-or-later
"""The flags of one version, from the collection's own facts (plugins/plugin_utils/facts/flags.json).

In an archive the facts lie beside this module (`facts/flags.json`, put there by `pack`); in a checkout they are read
where the collection keeps them.
"""

from __future__ import annotations

import json
import pkgutil
from dataclasses import dataclass
from pathlib import Path

Value = str | bool | int | float

MS, SECOND = 1_000_000, 1_000_000_000
ZEROS: dict[str, Value] = {"string": "", "bool": False, "int": 0, "int64": 0, "uint": 0, "float": 0.0, "duration": 0}
DEFAULTS: dict[str, Value] = {
    "aiMinRunnerVersion": "[]", "aiProcessingRetryTimeout": 2 * SECOND, "aiRunnerContainersPerGPU": 1,
    "aiRunnerImage": "livepeer/ai-runner:latest", "autoAdjustPrice": True, "blockPollingInterval": 5,
    "depositMultiplier": 1, "discoveryTimeout": 500 * MS, "httpIngest": True, "initializeRoundMaxDelay": 30 * SECOND,
    "liveAICapReportInterval": 1500 * SECOND, "liveAIHeartbeatInterval": 5 * SECOND, "liveAISaveNSegments": 10,
    "livePaymentInterval": 5 * SECOND, "localVerify": True, "maxAttempts": 3, "maxFaceValue": "0",
    "maxPricePerUnit": "0", "maxSessions": "10", "maxTicketEV": "3000000000000", "maxTotalEV": "20000000000000",
    "maxTransactionReplacements": 1, "metadataAmqpExchange": "lp_golivepeer_metadata",
    "metadataPublishTimeout": SECOND, "network": "offchain", "pixelsPerUnit": "1",
    "priceFeedAddr": "0x639Fe6ab55C921f74e7fac1ee960C0B6293ba612", "pricePerUnit": "0", "selectPriceExpFactor": 100.0,
    "selectRandFreq": 0.3, "selectStakeWeight": 0.7, "startupAvailabilityCheck": True, "testTranscoder": True,
    "ticketEV": "8000000000", "transactionTimeout": 300 * SECOND,
    "transcodingOptions": "P240p30fps16x9,P360p30fps16x9", "v": "3",
}  # fmt: skip
"""starter.go:DefaultLivepeerConfig where it is no zero value; the collection needs no defaults and holds none."""

FACTS_IN_COLLECTION = Path("plugins/plugin_utils/facts/flags.json")


@dataclass(frozen=True)
class Flag:
    """One flag: durations are held as nanoseconds."""

    name: str
    kind: str
    default: Value

    @property
    def env(self) -> str:
        """ff.Parse: prefix LP_ and the upper-cased name."""
        return "LP_" + self.name.upper()


def load(version: str) -> dict[str, Flag]:
    """Flags that the version knows, by name, in the order in which Go visits them."""
    document = json.loads(_facts())
    entries = document["flags"] if isinstance(document, dict) else document
    flags = [_flag(entry) for entry in entries if _exists(entry, version)]
    return {flag.name: flag for flag in sorted(flags, key=lambda flag: flag.name)}


def _facts() -> bytes:
    try:
        packed = pkgutil.get_data(__package__ or "", "facts/flags.json")
    except OSError:
        packed = None
    if packed is not None:
        return packed
    return (Path(__file__).resolve().parents[3] / FACTS_IN_COLLECTION).read_bytes()


def version_key(version: str) -> tuple[int, ...]:
    """0.8.11 as (0, 8, 11)."""
    return tuple(int(part) for part in version.lstrip("v").partition("-")[0].split("."))


def _exists(entry: dict[str, object], version: str) -> bool:
    wanted = version_key(version)
    since, until = entry["since"], entry["until"]
    return version_key(str(since)) <= wanted and (until is None or wanted <= version_key(str(until)))


def _flag(entry: dict[str, object]) -> Flag:
    name, kind = str(entry["name"]), str(entry["type"])
    return Flag(name, kind, DEFAULTS.get(name, ZEROS[kind]))
