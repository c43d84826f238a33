# SPDX-License-Identifier: GPL-3.0-or-later
"""The metrics that -monitor exposes (monitor/census.go; names, labels and buckets from the recorded scrapes)."""

from __future__ import annotations

import os
import threading
import time

from .govalues import format_float

HALVES_TO_FIVE = (0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5)
TRANSFER = (0.1, 0.15, 0.2, 0.5, 10)
BUCKETS: dict[str, tuple[float, ...]] = {
    "livepeer_download_time_seconds": TRANSFER,
    "livepeer_upload_time_seconds": TRANSFER,
    "livepeer_ai_result_upload_time_seconds": TRANSFER,
    "livepeer_ai_result_download_time_seconds": TRANSFER,
    "livepeer_source_segment_duration_seconds": (*HALVES_TO_FIVE, 10, 15, 20),
    "livepeer_transcode_score": (*HALVES_TO_FIVE, 10, 15, 20, 40),
    "livepeer_transcode_overall_latency_seconds": (0.5, 0.75, *HALVES_TO_FIVE[1:], 10),
    "livepeer_transcode_time_seconds": (0.25, 0.5, 0.75, 1, 1.25, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5, 10),
    "livepeer_http_client_segment_transcoded_realtime_ratio": (0.5, 1, 2, 3, 5, 10, 50, 100),
}
"""Families that are histograms, with their upper limits."""

GAUGES = frozenset(
    "livepeer_current_sessions_total livepeer_max_sessions_total livepeer_price_per_capability livepeer_success_rate "
    "livepeer_transcoders_capacity livepeer_transcoders_load livepeer_transcoders_number livepeer_transcoding_price livepeer_versions "
    "livepeer_suggested_gas_price livepeer_min_gas_price livepeer_max_gas_price livepeer_gateway_deposit livepeer_gateway_reserve "
    "livepeer_broadcaster_deposit livepeer_broadcaster_reserve livepeer_gateway_max_float livepeer_gateway_ticket_face_value "
    "livepeer_fast_verification_enabled_current_sessions_total "
    "livepeer_fast_verification_using_current_sessions_total".split()
)
IDLE = (
    "livepeer_current_sessions_total",
    "livepeer_transcoders_capacity",
    "livepeer_transcoders_load",
    "livepeer_transcoders_number",
)
"""Families at 0 in every mode before anything happened; the others appear at their first event."""

GO_GAUGES = (
    "go_goroutines go_memstats_alloc_bytes go_memstats_buck_hash_sys_bytes go_memstats_gc_sys_bytes "
    "go_memstats_heap_alloc_bytes go_memstats_heap_idle_bytes go_memstats_heap_inuse_bytes go_memstats_heap_objects "
    "go_memstats_heap_released_bytes go_memstats_heap_sys_bytes go_memstats_last_gc_time_seconds "
    "go_memstats_mcache_inuse_bytes go_memstats_mcache_sys_bytes go_memstats_mspan_inuse_bytes "
    "go_memstats_mspan_sys_bytes go_memstats_next_gc_bytes go_memstats_other_sys_bytes "
    "go_memstats_stack_inuse_bytes go_memstats_stack_sys_bytes go_memstats_sys_bytes go_threads"
).split()
GO_COUNTERS = ("go_memstats_alloc_bytes_total go_memstats_frees_total go_memstats_lookups_total go_memstats_mallocs_total").split()
GC_QUANTILES = ("0", "0.25", "0.5", "0.75", "1")

LARGEST_PLAIN = 6
"""strconv.FormatFloat with 'g': from 1e+06 on numbers have an exponent"""

Labels = tuple[tuple[str, str], ...]


class Metrics:
    """A registry; without -monitor it counts as well and nobody can read it."""

    def __init__(self, enabled: bool, per_stream: bool, show_client: bool) -> None:
        self.enabled = enabled
        self._per_stream = per_stream
        self._show_client = show_client
        self._lock = threading.Lock()
        self._common: dict[str, str] = {}
        self._values: dict[str, dict[Labels, float]] = {}
        self._observed: dict[str, dict[Labels, list[float]]] = {}
        self._started = time.time()

    def begin(self, node_id: str, node_type: str, version: str, go_version: str, max_sessions: int) -> None:
        """census.go:InitCensus: what an idle node shows."""
        self._common = {"node_id": node_id, "node_type": node_type}
        for name in IDLE:
            self.set(name, 0)
        self.set("livepeer_success_rate", 1)
        self.set("livepeer_max_sessions_total", max_sessions)
        sender = {"sender": ""} if self._per_stream else {}
        stream = {"manifest_id": "", **sender} if self._per_stream else {}
        self.add("livepeer_value_redeemed", 0, **sender)
        self.add("livepeer_winning_tickets_recv", 0, **stream)
        labels = {"compiler": "gc", "goos": "linux", "goversion": go_version, "livepeerversion": version}
        self._values["livepeer_versions"] = {_key({**labels, "node_type": node_type}): 1}

    def stream_labels(self, name: str, client: str = "") -> dict[str, str]:
        """Labels that -metricsPerStream and -metricsClientIP add."""
        labels = {"manifest_id": name} if self._per_stream else {}
        if client and self._show_client:
            labels["client_ip"] = client
        return labels

    def add(self, name: str, amount: float = 1, /, **labels: str) -> None:
        """A counter."""
        with self._lock:
            series = self._values.setdefault(name, {})
            key = _key({**self._common, **labels})
            series[key] = series.get(key, 0) + amount

    def add_unnamed(self, name: str, /, **labels: str) -> None:
        """A counter that is recorded without its context, so with no node and role (census.go:AIResultUploaded)."""
        with self._lock:
            series = self._values.setdefault(name, {})
            key = _key({**dict.fromkeys(self._common, ""), **labels})
            series[key] = series.get(key, 0) + 1

    def set(self, name: str, value: float, /, **labels: str) -> None:
        """A gauge."""
        with self._lock:
            self._values.setdefault(name, {})[_key({**self._common, **labels})] = value

    def observe(self, name: str, value: float, /, **labels: str) -> None:
        """A histogram."""
        with self._lock:
            self._observed.setdefault(name, {}).setdefault(_key({**self._common, **labels}), []).append(value)

    def scrape(self) -> str:
        """The text that /metrics answers."""
        with self._lock:
            families = {name: _simple(name, series) for name, series in self._values.items()}
            families.update({name: _histogram(name, series) for name, series in self._observed.items()})
        families.update(_runtime(self._started))
        return "".join(families[name] for name in sorted(families))


def _key(labels: dict[str, str]) -> Labels:
    return tuple(sorted(labels.items()))


def _head(name: str, kind: str) -> str:
    return f"# HELP {name} Stand-in for go-livepeer's {name}\n# TYPE {name} {kind}\n"


def _line(name: str, labels: Labels, value: float) -> str:
    inner = ",".join(f'{key}="{text}"' for key, text in labels)
    shown = format_float(value, LARGEST_PLAIN)
    return f"{name}{{{inner}}} {shown}\n" if inner else f"{name} {shown}\n"


def _simple(name: str, series: dict[Labels, float]) -> str:
    head = _head(name, "gauge" if name in GAUGES else "counter")
    return head + "".join(_line(name, labels, value) for labels, value in sorted(series.items()))


def _histogram(name: str, series: dict[Labels, list[float]]) -> str:
    out = [_head(name, "histogram")]
    for labels, values in sorted(series.items()):
        for limit in BUCKETS[name]:
            within = sum(1 for value in values if value < limit)
            out.append(_line(f"{name}_bucket", (*labels, ("le", f"{limit:g}")), within))
        out.append(_line(f"{name}_bucket", (*labels, ("le", "+Inf")), len(values)))
        out.append(_line(f"{name}_sum", labels, sum(values)))
        out.append(_line(f"{name}_count", labels, len(values)))
    return "".join(out)


def _runtime(started: float) -> dict[str, str]:
    """The families of the Go runtime and the process; the Go ones hold no real figures."""
    families = {name: _head(name, "gauge") + _line(name, (), 0) for name in GO_GAUGES}
    families.update({name: _head(name, "counter") + _line(name, (), 0) for name in GO_COUNTERS})
    pauses = "".join(_line("go_gc_duration_seconds", (("quantile", part),), 0) for part in GC_QUANTILES)
    pauses += _line("go_gc_duration_seconds_sum", (), 0) + _line("go_gc_duration_seconds_count", (), 0)
    families["go_gc_duration_seconds"] = _head("go_gc_duration_seconds", "summary") + pauses
    families["go_info"] = _head("go_info", "gauge") + _line("go_info", (("version", "stand-in"),), 1)
    for name, value in _process(started).items():
        families[name] = _head(name, "counter" if name.endswith("cpu_seconds_total") else "gauge") + _line(name, (), value)
    return families


def _process(started: float) -> dict[str, float]:
    used = os.times()
    with open("/proc/self/statm", encoding="ascii") as file:
        pages = file.read().split()
    size = os.sysconf("SC_PAGE_SIZE")
    return {
        "process_cpu_seconds_total": used.user + used.system,
        "process_max_fds": os.sysconf("SC_OPEN_MAX"),
        "process_open_fds": len(os.listdir("/proc/self/fd")),
        "process_resident_memory_bytes": int(pages[1]) * size,
        "process_start_time_seconds": started,
        "process_virtual_memory_bytes": int(pages[0]) * size,
        "process_virtual_memory_max_bytes": 2.0**64,
    }
