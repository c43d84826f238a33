# SPDX-License-Identifier: GPL-3.0-or-later
"""Video for a gateway that listens on its host's loopback only, as an operator reaches it: through an SSH tunnel."""

from __future__ import annotations

import re
import socket
import subprocess
import urllib.error
import urllib.request
from collections import Counter
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from types import TracebackType

from hostlib.tools import HostsError, free_port, wait_until

# Two seconds of test picture and tone (an audio track is needed: go-livepeer ends a stream without one). Made with
#   ffmpeg -f lavfi -i testsrc=size=640x360:rate=30:duration=2 -f lavfi -i sine=frequency=440:duration=2 \
#          -c:v libx264 -profile:v main -pix_fmt yuv420p -g 60 -b:v 400k -c:a aac -b:a 64k -f mpegts segment.ts
SEGMENT = Path(__file__).with_name("segment.ts")

# go-livepeer's own ports; the inventories that use this leave them as they are.
HTTP_PORT, CLI_PORT = 9935, 5935
# Counts, on a gateway, the segments whose renditions all came back from an orchestrator.
DONE = re.compile(r'^livepeer_segment_transcoded_all_appeared_total\{.*orchestrator_uri="https?://([^":]+)[^"]*".*\} (\S+)$', re.MULTILINE)


@dataclass
class Pushed:
    """What came back, and from whom."""

    stream: str
    answers: Counter[str]
    done_by: Counter[str]

    def __str__(self) -> str:
        answers = ", ".join(f"{count} × {answer}" for answer, count in self.answers.items())
        done_by = ", ".join(f"{host} did {count}" for host, count in sorted(self.done_by.items()))
        return f"{self.stream}: {answers}   {done_by}"


class Gateway:
    """A tunnel to the HTTP and the CLI port of one gateway."""

    def __init__(self, ssh_config: Path, host: str, http_port: int = HTTP_PORT, cli_port: int = CLI_PORT) -> None:
        self.host = host
        self.http, self.cli = free_port(), free_port()
        forwards = [f"-L127.0.0.1:{self.http}:127.0.0.1:{http_port}", f"-L127.0.0.1:{self.cli}:127.0.0.1:{cli_port}"]
        self.command = ["ssh", "-F", str(ssh_config), "-N", "-o", "ExitOnForwardFailure=yes", *forwards, host]

    def __enter__(self) -> Gateway:
        self.tunnel = subprocess.Popen(self.command, stdin=subprocess.DEVNULL)
        wait_until(f"the SSH tunnel to {self.host}", self._open, seconds=30)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        # Not SIGTERM: ssh only makes a note of it, and when it arrives just before ssh waits for traffic, it waits for ever (seen).
        self.tunnel.kill()
        self.tunnel.wait(timeout=30)

    def _open(self) -> bool:
        if self.tunnel.poll() is not None:
            raise HostsError(f"the SSH tunnel to {self.host} ended with status {self.tunnel.returncode}")
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.cli)) == 0

    def segments_done(self) -> Counter[str]:
        """By host of the orchestrator, since the gateway's start."""
        done: Counter[str] = Counter()
        for host, count in DONE.findall(self.ask("/metrics")):
            done[self.host if host == "127.0.0.1" else host] += int(float(count))
        return done

    def ask(self, path: str) -> str:
        """What the CLI port answers."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.cli}{path}", timeout=10) as answer:
            text: str = answer.read().decode()
        return text

    def put(self, stream: str, number: int, segment: bytes) -> str:
        """One segment; how many renditions came back, or why none did."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.http}/live/{stream}/{number}.ts",
            data=segment,
            method="PUT",
            headers={"Accept": "multipart/mixed", "Content-Duration": "2000"},
        )
        try:
            # A real transcoder at work on a busy machine may need several times the segment's own 2 s.
            with urllib.request.urlopen(request, timeout=60) as answer:
                return f"{_parts(answer.headers, answer.read())} renditions"
        except urllib.error.HTTPError as error:
            return f"HTTP {error.code} {error.read().decode(errors='replace').strip()}"
        except ConnectionError:
            return "connection closed without an answer"


def push(gateway: Gateway, stream: str, count: int) -> Pushed:
    """One stream of so many segments; an error unless each of them came back transcoded."""
    segment = SEGMENT.read_bytes()
    before = gateway.segments_done()
    answers = Counter(gateway.put(stream, number, segment) for number in range(count))
    after: Counter[str] = Counter()

    def counted() -> bool:
        nonlocal after
        after = gateway.segments_done() - before
        return after.total() >= count

    failures = [answer for answer in answers if not answer.endswith(" renditions") or answer.startswith("0")]
    if failures:
        raise HostsError(f"{gateway.host}: {stream}: {', '.join(failures)}")
    # The gateway counts a segment just after it has answered.
    wait_until(f"{gateway.host} to count {count} segments", counted, seconds=10)
    return Pushed(stream, answers, after)


def _parts(headers: Message, body: bytes) -> int:
    boundary = headers.get_boundary()
    if boundary is None:
        return 0
    return body.count(b"--" + boundary.encode() + b"\r\n")
