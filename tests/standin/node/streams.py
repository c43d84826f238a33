# SPDX-License-Identifier: GPL-3.0-or-later
"""Streams of a gateway and the orchestrators that do their segments (server/broadcast.go, discovery/discovery.go)."""

from __future__ import annotations

import base64
import math
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from . import discovery, golog, transport
from .ai_caps import cap_of
from .discovery import Session
from .money import SenderRefused, TicketRefused
from .multipart import Rendition
from .node import Node, StreamInfo
from .payer import Payer, Payment, take_back
from .profiles import Profile

IDLE_SECONDS = 60.0
"""server/mediaserver.go:httpPushTimeout: a stream without segments is removed"""

SEGMENT_SECONDS = 8.0
SHORTEST_LIMIT = 1.5
UNKNOWN_FRAMERATE = 30
"""What a profile that passes the source's frame rate through is taken to have; the stand-in looks into no video."""

MOST_TO_REFRESH = 8
"""server/broadcast.go:maxRefreshSessionsThreshold"""

REALTIME = ((3.0, "3x"), (2.0, "2x"), (1.0, "1x"), (0.5, "half"))
"""monitor/census.go: counters by how many times faster than real time a segment came back"""


class SegmentFailed(Exception):
    """An orchestrator did not do a segment; a gateway without a wallet hits a nil pointer then."""


class InvalidVideo(Exception):
    """core/transcoder.go:ErrTranscoderInvalidVideo: nobody else could do it either."""


class StreamStopped(Exception):
    """server/broadcast.go:shouldStopStream: the gateway's own funds are at fault."""


class AttemptsUsedUp(Exception):
    """server/broadcast.go:maxTranscodeAttempts"""


@dataclass(frozen=True)
class Work:
    """One segment."""

    segment: bytes
    sequence: int
    extension: str
    seconds: float


@dataclass
class Stream:
    """One publisher by HTTP push."""

    name: str
    profiles: list[Profile]
    label: str
    """what -metricsPerStream calls it: nothing for a stream that came by RTMP"""

    info: StreamInfo = field(default_factory=StreamInfo)
    session: Session | None = None
    spare: list[Session] = field(default_factory=list)
    given_up: bool = False
    known: dict[str, Session] = field(default_factory=dict)
    asked: bool = False
    asking: bool = False
    last_used: float = field(default_factory=time.monotonic)
    segments: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


class Streams:
    """All publishers of a gateway."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._payer = Payer(node) if node.limits is not None else None
        self._streams: dict[str, Stream] = {}
        self.last_stream = ""

    def knows(self, name: str) -> bool:
        """True for a stream that was let in before."""
        with self._node.lock:
            return name in self._streams

    def open(self, name: str, by_push: bool = True) -> Stream | None:
        """mediaserver.go:createRTMPStreamIDHandler: None when the gateway has too many, or a publisher by RTMP of this name."""
        with self._node.lock:
            stream = self._streams.get(name)
            if stream is not None and not by_push:
                return None
            if stream is None:
                if len(self._streams) >= self._node.max_sessions:
                    return None
                stream = self._streams[name] = Stream(name, list(self._node.profiles), label=name if by_push else "")
                self._node.streams[name] = stream.info
                self.last_stream = name
                if by_push:
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
        self.close(stream)

    def close(self, stream: Stream) -> None:
        """mediaserver.go:removeRTMPStream"""
        with self._node.lock:
            del self._streams[stream.name]
            del self._node.streams[stream.name]
            count = len(self._streams)
        self._node.metrics.set("livepeer_current_sessions_total", count)
        golog.info(f"Ended stream with manifestID={stream.name} external manifestID={stream.name}")
        for session in {id(one): one for one in (stream.session, *stream.spare, *stream.known.values()) if one is not None}.values():
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
        work = Work(segment, sequence, extension, seconds)
        if self._payer is None:
            return self._transcode_free(stream, work)
        attempts = self._node.settings.number("maxAttempts")
        for _ in range(attempts):
            with stream.lock:
                session = self._paid_session(stream, self._payer)
            if session is None:
                return self._no_session()
            try:
                self._refresh(session, self._payer)
                golog.info("Trying to transcode segment using sessions=1")
                return self._submit(stream, session, work)
            except SenderRefused as error:
                self._drop(stream, session)
                golog.warning(f'Stopping current stream due to err="{error}"')
                raise StreamStopped(str(error)) from error
            except (SegmentFailed, TicketRefused, discovery.Unsuccessful) as error:
                golog.error(f'Error with session manifestID={stream.name} orch={session.url} err="{error}"')
                self._drop(stream, session)
        if not attempts:
            return []
        self._node.metrics.add("livepeer_segment_transcode_failed_total", error_code="MaxAttempts")
        raise AttemptsUsedUp("hit max transcode attempts")

    def _transcode_free(self, stream: Stream, work: Work) -> list[Rendition]:
        with stream.lock:
            session = self._session_of(stream)
        if session is None:
            return self._no_session()
        golog.info("Trying to transcode segment using sessions=1")
        return self._submit(stream, session, work)

    def _no_session(self) -> list[Rendition]:
        self._node.metrics.add("livepeer_segment_transcode_failed_total", error_code="NoOrchestrators")
        golog.info("No sessions available for segment")
        return []

    def _submit(self, stream: Stream, session: Session, work: Work) -> list[Rendition]:
        """segment_rpc.go:SubmitSegment"""
        context = f"manifestID={stream.name} seqNo={work.sequence} orchSessionID={session.name}"
        payment = None
        if self._payer is not None and session.purse is not None:
            payment = self._payer.pay(session.purse, stream.profiles, work.seconds, context)
        golog.info(f"{context} Submitting segment bytes={len(work.segment)} orch={session.url} segDur={work.seconds:g}s")
        pixels = pixels_of(stream.profiles, work.seconds)
        started = time.monotonic()
        answer = self._sent(stream, session, work, payment, pixels)
        if self._payer is not None and payment is not None:
            self._payer.sent(payment)
        if answer.status == 422:
            raise InvalidVideo(answer.message)
        if answer.status != 200:
            golog.error(f'{context} Error submitting segment statusCode={answer.status} orch={session.url} err="{answer.message}"')
            self._fail(session, work.seconds, answer.message, answer.status)
            raise SegmentFailed(answer.message)
        result = answer.json()
        renditions = [Rendition(name, base64.b64decode(data)) for name, data in result["renditions"].items()]
        if self._payer is not None and session.purse is not None and payment is not None:
            self._payer.settle(session.purse, payment, pixels)
            session.take(result["offer"])
        if session.purse is not None:
            self._node.metrics.add("livepeer_mil_pixels_processed", pixels / 1_000_000)
        took = time.monotonic() - started
        golog.info(f"{context} Successfully transcoded segment segName={work.sequence}.ts orch={session.url} dur={took:.3f}s")
        self._count_result(stream, session, renditions, took, work.seconds)
        return renditions

    def _sent(self, stream: Stream, session: Session, work: Work, payment: Payment | None, pixels: int) -> transport.Answer:
        chain = self._node.chain
        headers = {
            transport.TOKEN_HEADER: session.token,
            transport.STREAM_HEADER: stream.name,
            transport.PROFILES_HEADER: ",".join(profile.name for profile in stream.profiles),
            transport.PIXELS_HEADER: str(pixels),
            transport.SIGNATURE_HEADER: chain.sign(session.token) if chain is not None else "",
            transport.PAYMENT_HEADER: transport.packed(payment.document) if payment is not None else "",
            "Livepeer-Standin-Extension": work.extension,
            "Content-Duration": f"{work.seconds:g}",
        }
        try:
            return transport.call(session.url, "/segment", work.segment, max(SEGMENT_SECONDS, 4 * work.seconds), headers)
        except transport.TransportError as error:
            if payment is not None and session.purse is not None:
                take_back(session.purse, payment)
            self._fail(session, work.seconds, str(error))
            raise SegmentFailed(str(error)) from error

    def _session_of(self, stream: Stream) -> Session | None:
        """broadcast.go:selectSessions: off-chain a failed session is never removed (the handler panics before that).

        It is tried again for as long as the lost segment lasts, then a spare one takes over, and without a spare it is
        tried for twice as long; after that the stream has no session under this name for ever.
        """
        session = stream.session
        if session is None:
            if not stream.given_up:
                found = discovery.sessions(self._node)
                stream.session, stream.spare = (found[0], found[1:]) if found else (None, [])
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

    def _paid_session(self, stream: Stream, payer: Payer) -> Session | None:
        """broadcast.go:selectSessions with a wallet: offers are kept as they were first seen, until the session fails.

        New ones are asked for in the background when too few are left; an orchestrator that is known already keeps its
        first offer. So a stream that the cap refused stays refused until the cap is raised.
        """
        current = stream.session
        if current is not None and stream.known.get(str(current.url)) is current:
            return current
        if current is not None:
            stream.session = None
            golog.info(f"Removing orch={current.url} from manifestID={stream.name} session list")
            self._node.metrics.add("livepeer_orchestrator_swaps")
        if not stream.asked:
            stream.asked = True
            _keep(stream, discovery.sessions(self._node))
        if len(stream.spare) < min(MOST_TO_REFRESH, math.ceil(len(self._node.orchestrators) / 2)):
            self._ask_in_background(stream)
        chosen = payer.choose([one.purse for one in stream.spare], cap_of(self._node, discovery.VIDEO))
        if chosen is not None:
            stream.session = stream.spare.pop(chosen)
        return stream.session

    def _ask_in_background(self, stream: Stream) -> None:
        """broadcast.go:refreshSessions, one at a time."""
        if stream.asking:
            return
        stream.asking = True

        def ask() -> None:
            found = discovery.sessions(self._node)
            with stream.lock:
                stream.asking = False
                _keep(stream, found)

        threading.Thread(target=ask, daemon=True).start()

    def _refresh(self, session: Session, payer: Payer) -> None:
        """broadcast.go:refreshSessionIfNeeded: a new token and the price of now, when token or tickets run out."""
        if session.purse is None:
            return
        if session.runs_out() or payer.needs_refresh(session.purse):
            golog.verbose(4, f"Ticket params or auth token expired, refreshing for orch={session.url}")
            session.renew(discovery.ask(self._node, session.url, discovery.REFRESH_SECONDS))

    def _drop(self, stream: Stream, session: Session) -> None:
        """broadcast.go:suspendAndRemoveOrch"""
        with stream.lock:
            if stream.known.get(str(session.url)) is session:
                del stream.known[str(session.url)]

    def _fail(self, session: Session, seconds: float, reason: str, status: int = 0) -> None:
        golog.error(f"Unable to submit segment orch={session.url} orchSessionID={session.name} err={reason}")
        labels = {"orchestrator_uri": str(session.url)}
        code = {0: "Unknown", 403: "403 Forbidden", 400: "400 Bad Request", 503: "503 Service Unavailable"}.get(status, str(status))
        code = "OrchestratorCapped" if "OrchestratorCapped" in reason else code
        self._node.metrics.add("livepeer_segment_source_upload_failed_total", error_code=code, **labels)
        if not session.lost_at:
            session.lost_at, session.lost_seconds = time.monotonic(), seconds

    def count_answer(self, stream: Stream, seconds: float, took: float, client: str) -> None:
        """census.go:segmentFullyProcessed: how much faster than real time the publisher was served."""
        metrics, labels = self._node.metrics, self._node.metrics.stream_labels(stream.label, client)
        ratio = seconds / max(took, 0.001)
        word = next((word for least, word in REALTIME if ratio > least), "slow")
        metrics.add(f"livepeer_http_client_segment_transcoded_realtime_{word}", **labels)
        metrics.observe("livepeer_http_client_segment_transcoded_realtime_ratio", ratio, **labels)

    def _count_source(self, stream: Stream, size: int, seconds: float, client: str) -> None:
        with self._node.lock:
            stream.info.source_bytes += size
            stream.segments += 1
        metrics, labels = self._node.metrics, self._node.metrics.stream_labels(stream.label)
        metrics.add("livepeer_segment_source_appeared_total", profile="source", seg_type="regular", **labels)
        metrics.add("livepeer_segment_source_emerged_total", **labels)
        metrics.add("livepeer_segment_source_emerged_unprocessed_total", **metrics.stream_labels(stream.label, client))
        metrics.observe("livepeer_source_segment_duration_seconds", seconds, **labels)

    def _count_result(self, stream: Stream, session: Session, renditions: list[Rendition], took: float, seconds: float) -> None:
        with self._node.lock:
            stream.info.transcoded_bytes += sum(len(rendition.data) for rendition in renditions)
        metrics, labels = self._node.metrics, self._node.metrics.stream_labels(stream.label)
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


def pixels_of(profiles: Sequence[Profile], seconds: float) -> int:
    """Pixels of all renditions of a segment; a real orchestrator counts them in its output."""
    return sum(profile.pixels * round((profile.framerate or UNKNOWN_FRAMERATE) * seconds) for profile in profiles)


def _keep(stream: Stream, found: Sequence[Session]) -> None:
    """An orchestrator that the stream has already keeps the offer that it made first."""
    for session in found:
        if stream.known.setdefault(str(session.url), session) is session:
            stream.spare.append(session)


def _end(session: Session) -> None:
    """rpc.go:EndTranscodingSession"""
    try:
        transport.call(session.url, transport.END_SESSION, b"", SEGMENT_SECONDS, {transport.TOKEN_HEADER: session.token})
    except transport.TransportError as error:
        golog.verbose(6, f"could not end session {session.name}: {error}")
