# SPDX-License-Identifier: GPL-3.0-or-later
"""Streams of a gateway and the orchestrators that do their segments (server/broadcast.go, discovery/discovery.go)."""

from __future__ import annotations

import base64
import json
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from . import golog, prices, transport
from .gourl import URL
from .multipart import Rendition
from .node import Node, StreamInfo
from .profiles import Profile

IDLE_SECONDS = 60.0
"""server/mediaserver.go:httpPushTimeout: a stream without segments is removed"""

SEGMENT_SECONDS = 8.0
SHORTEST_LIMIT = 1.5
NANOSECONDS = 1_000_000_000
REALTIME = ((3.0, "3x"), (2.0, "2x"), (1.0, "1x"), (0.5, "half"))
"""monitor/census.go: counters by how many times faster than real time a segment came back"""


class SegmentFailed(Exception):
    """An orchestrator did not do a segment."""


class InvalidVideo(Exception):
    """core/transcoder.go:ErrTranscoderInvalidVideo: nobody else could do it either."""


@dataclass
class Session:
    """What one orchestrator offered for one stream."""

    url: URL
    token: str
    name: str
    version: str
    address: str
    price: Fraction
    lost_at: float = 0.0
    lost_seconds: float = 0.0

    def may_be_used(self, times: int) -> bool:
        """broadcast.go:selectSession: a session whose oldest lost segment is young enough is used again."""
        limit = times * self.lost_seconds
        return not self.lost_at or time.monotonic() - self.lost_at < (limit if limit > 1 else SHORTEST_LIMIT)


@dataclass
class Stream:
    """One publisher by HTTP push."""

    name: str
    profiles: list[Profile]
    info: StreamInfo = field(default_factory=StreamInfo)
    session: Session | None = None
    spare: list[Session] = field(default_factory=list)
    given_up: bool = False
    last_used: float = field(default_factory=time.monotonic)
    segments: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


class Streams:
    """All publishers of a gateway."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._streams: dict[str, Stream] = {}
        self.last_stream = ""

    def open(self, name: str) -> Stream | None:
        """mediaserver.go:createRTMPStreamIDHandler: None when the gateway has too many."""
        with self._node.lock:
            stream = self._streams.get(name)
            if stream is None:
                if len(self._streams) >= self._node.max_sessions:
                    return None
                stream = self._streams[name] = Stream(name, list(self._node.profiles))
                self._node.streams[name] = stream.info
                self.last_stream = name
                threading.Thread(target=self._watch, args=(stream,), daemon=True).start()
            stream.last_used = time.monotonic()
            count = len(self._streams)
        self._node.metrics.set("livepeer_current_sessions_total", count)
        self._node.metrics.set("livepeer_fast_verification_enabled_current_sessions_total", 0)
        self._node.metrics.set("livepeer_fast_verification_using_current_sessions_total", 0)
        return stream

    def _watch(self, stream: Stream) -> None:
        """mediaserver.go:HandlePush, the watchdog."""
        while time.monotonic() - stream.last_used < IDLE_SECONDS:
            time.sleep(1)
        with self._node.lock:
            del self._streams[stream.name]
            del self._node.streams[stream.name]
            count = len(self._streams)
        self._node.metrics.set("livepeer_current_sessions_total", count)
        golog.info(f"Ended stream with manifestID={stream.name} external manifestID={stream.name}")
        for session in (stream.session, *stream.spare):
            if session is not None:
                _end(session)

    def playlist(self, name: str) -> dict[str, Any]:
        """/status → Manifests, in little."""
        with self._node.lock:
            stream = self._streams.get(name)
        names = ["source", *(profile.name for profile in stream.profiles)] if stream else []
        variants = [{"URI": f"{name}/{rendition}.m3u8", "Bandwidth": 0, "Resolution": ""} for rendition in names]
        return {"Variants": variants, "Args": "", "CypherVersion": ""}

    def transcode(self, stream: Stream, segment: bytes, sequence: int, extension: str, seconds: float, client: str) -> list[Rendition]:
        """broadcast.go:processSegment: no renditions when there is no orchestrator."""
        self._count_source(stream, len(segment), seconds, client)
        with stream.lock:
            session = self._session_of(stream)
        if session is None:
            self._node.metrics.add("livepeer_segment_transcode_failed_total", error_code="NoOrchestrators")
            golog.info("No sessions available for segment")
            return []
        golog.info("Trying to transcode segment using sessions=1")
        return self._submit(stream, session, segment, sequence, extension, seconds)

    def _submit(self, stream: Stream, session: Session, segment: bytes, sequence: int, extension: str, seconds: float) -> list[Rendition]:
        """segment_rpc.go:SubmitSegment"""
        context = f"manifestID={stream.name} seqNo={sequence} orchSessionID={session.name}"
        golog.info(f"{context} Submitting segment bytes={len(segment)} orch={session.url} segDur={seconds:g}s")
        headers = {
            transport.TOKEN_HEADER: session.token,
            transport.STREAM_HEADER: stream.name,
            transport.PROFILES_HEADER: ",".join(profile.name for profile in stream.profiles),
            "Livepeer-Standin-Extension": extension,
            "Content-Duration": f"{seconds:g}",
        }
        started = time.monotonic()
        try:
            answer = transport.call(session.url, "/segment", segment, max(SEGMENT_SECONDS, 4 * seconds), headers)
        except transport.TransportError as error:
            self._fail(session, seconds, str(error))
            raise SegmentFailed(str(error)) from error
        if answer.status == 422:
            raise InvalidVideo(answer.message)
        if answer.status != 200:
            self._fail(session, seconds, answer.message)
            raise SegmentFailed(answer.message)
        renditions = [Rendition(name, base64.b64decode(data)) for name, data in answer.json()["renditions"].items()]
        took = time.monotonic() - started
        golog.info(f"{context} Successfully transcoded segment segName={sequence}.ts orch={session.url} dur={took:.3f}s")
        self._count_result(stream, session, renditions, took, seconds)
        return renditions

    def _session_of(self, stream: Stream) -> Session | None:
        """broadcast.go:selectSessions: off-chain a failed session is never removed (the handler panics before that).

        It is tried again for as long as the lost segment lasts, then a spare one takes over, and without a spare it is
        tried for twice as long; after that the stream has no session under this name for ever.
        """
        session = stream.session
        if session is None:
            if not stream.given_up:
                stream.session, *stream.spare = self._select() or [None]
            return stream.session
        if session.may_be_used(1):
            return session
        if stream.spare:
            stream.session = stream.spare.pop(0)
            golog.info(f"Swapping from orch={session.url} to orch={stream.session.url} for manifestID={stream.name}")
            self._node.metrics.add("livepeer_orchestrator_swaps")
            return stream.session
        if session.may_be_used(2):
            return session
        stream.session, stream.given_up = None, True
        return None

    def _fail(self, session: Session, seconds: float, reason: str) -> None:
        golog.error(f"Unable to submit segment orch={session.url} orchSessionID={session.name} err={reason}")
        labels = {"orchestrator_uri": str(session.url)}
        self._node.metrics.add("livepeer_segment_source_upload_failed_total", error_code="Unknown", **labels)
        if not session.lost_at:
            session.lost_at, session.lost_seconds = time.monotonic(), seconds

    def _select(self) -> list[Session]:
        """discovery.go:GetOrchestrators: ask all, keep those that may be used, in any order."""
        urls = self._node.orchestrators
        if not urls:
            golog.info("No orchestrators specified; not transcoding")
            return []
        timeout = self._node.settings.number("discoveryTimeout") / NANOSECONDS
        with ThreadPoolExecutor(max_workers=len(urls)) as pool:
            offers = [offer for offer in pool.map(lambda url: self._ask(url, timeout), urls) if offer is not None]
        acceptable = [offer for offer in offers if self._affordable(offer)]
        if not acceptable:
            golog.info("No orchestrators found; not transcoding")
        return random.sample(acceptable, len(acceptable))

    def somebody_answers(self) -> bool:
        """Whether a job would find an orchestrator."""
        return bool(self._select())

    def _ask(self, url: URL, timeout: float) -> Session | None:
        """rpc.go:GetOrchestratorInfo"""
        asked = json.dumps({"off_chain": self._node.off_chain, "address": "0x" + "0" * 40}).encode("ascii")
        try:
            answer = transport.call(url, transport.ORCHESTRATOR_INFO, asked, timeout)
            if answer.status != 200:
                raise transport.TransportError(answer.message)
            offer = answer.json()
        except transport.TransportError as error:
            golog.error(f"err={json.dumps(str(error))} orch={url}")
            self._node.metrics.add("livepeer_discovery_errors_total", error_code="Unknown", orchestrator_uri=str(url))
            return None
        price = prices.rational(str(offer["price"])) or Fraction(0)
        work_url = URL(url.scheme, host=url.host)
        return Session(work_url, offer["token"], offer["session"], offer["version"], offer["address"], price)

    def _affordable(self, offer: Session) -> bool:
        """selection_algorithm.go: equal to the cap passes; off-chain every price is 0."""
        with self._node.lock:
            cap = self._node.max_price
        if cap is None or offer.price <= cap:
            return True
        golog.info(f"Orchestrator {offer.url} price {offer.price} is above max price {cap}")
        return False

    def count_answer(self, stream: Stream, seconds: float, took: float, client: str) -> None:
        """census.go:segmentFullyProcessed: how much faster than real time the publisher was served."""
        metrics, labels = self._node.metrics, self._node.metrics.stream_labels(stream.name, client)
        ratio = seconds / max(took, 0.001)
        word = next((word for least, word in REALTIME if ratio > least), "slow")
        metrics.add(f"livepeer_http_client_segment_transcoded_realtime_{word}", **labels)
        metrics.observe("livepeer_http_client_segment_transcoded_realtime_ratio", ratio, **labels)

    def _count_source(self, stream: Stream, size: int, seconds: float, client: str) -> None:
        with self._node.lock:
            stream.info.source_bytes += size
            stream.segments += 1
        metrics, labels = self._node.metrics, self._node.metrics.stream_labels(stream.name)
        metrics.add("livepeer_segment_source_appeared_total", profile="source", seg_type="regular", **labels)
        metrics.add("livepeer_segment_source_emerged_total", **labels)
        metrics.add("livepeer_segment_source_emerged_unprocessed_total", **metrics.stream_labels(stream.name, client))
        metrics.observe("livepeer_source_segment_duration_seconds", seconds, **labels)

    def _count_result(self, stream: Stream, session: Session, renditions: list[Rendition], took: float, seconds: float) -> None:
        with self._node.lock:
            stream.info.transcoded_bytes += sum(len(rendition.data) for rendition in renditions)
        metrics, labels = self._node.metrics, self._node.metrics.stream_labels(stream.name)
        names = ",".join(profile.name for profile in stream.profiles)
        uri = {"orchestrator_uri": str(session.url)}
        far = {"orchestrator_address": session.address, "orchestrator_version": session.version, "profiles": names, **uri}
        done = {"profiles": names, "trusted": "trusted", "verified": "unverified"}
        metrics.add("livepeer_segment_source_uploaded_total", **uri, **labels)
        metrics.observe("livepeer_upload_time_seconds", took / 2, **uri)
        metrics.observe("livepeer_download_time_seconds", took / 2, **labels)
        metrics.add("livepeer_segment_transcoded_downloaded_total", **labels)
        metrics.add("livepeer_segment_transcoded_total", **done)
        metrics.observe("livepeer_transcode_time_seconds", took, **done)
        metrics.observe("livepeer_transcode_score", seconds / max(took, 0.001), **done)
        metrics.add("livepeer_segment_transcoded_unprocessed_total", **far, **labels)
        metrics.add("livepeer_segment_transcoded_all_appeared_total", **far, **labels)
        metrics.observe("livepeer_transcode_overall_latency_seconds", took, **far)


def _end(session: Session) -> None:
    """rpc.go:EndTranscodingSession"""
    try:
        transport.call(session.url, transport.END_SESSION, b"", SEGMENT_SECONDS, {transport.TOKEN_HEADER: session.token})
    except transport.TransportError as error:
        golog.verbose(6, f"could not end session {session.name}: {error}")
