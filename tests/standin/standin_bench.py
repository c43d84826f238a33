# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands around the nodes of the payment tests, in this process: a chain, and MediaMTX at an address of its own."""

from __future__ import annotations

import http.client
import random
import sys
import threading
from pathlib import Path
from urllib.parse import urlencode

import surroundings

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "chain"))

from chainlib import keys
from chainlib.document import Chain
from chainlib.server import Endpoint

PASSWORD = "throw-away"
SOURCE = "src"
"""what MediaMTX calls the one who publishes"""


class MediaMTX(surroundings.MediaMTX):
    """A gateway asks it at the address of whoever announces a stream, on one port: each has a loopback address of its own."""

    def __init__(self) -> None:
        super().__init__(f"127.{random.randrange(1, 255)}.{random.randrange(256)}.{random.randrange(1, 255)}")


class TestChain:
    """A chain and its accounts."""

    __test__ = False

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._chain = Chain()
        self._endpoint = Endpoint("127.0.0.1", 0, self._chain)
        threading.Thread(target=self._endpoint.serve_forever, daemon=True).start()

    def stop(self) -> None:
        """Nobody answers any more."""
        self._endpoint.shutdown()
        self._endpoint.server_close()

    def register(self, name: str, service: str) -> None:
        """An orchestrator of the pool."""
        entry = {"address": keys.account(name).address, "uri": f"https://{service}", "active": True, "stake_eth": 100}
        with self._endpoint.lock:
            self._chain.change({"orchestrators": [entry]})

    def address(self, name: str) -> str:
        """The address of an account."""
        return str(keys.account(name).address)

    def flags(self, name: str) -> list[str]:
        """What a node with this account is started with."""
        keys.write(self._folder / name, name, PASSWORD)
        account = ["-ethKeystorePath", str(self._folder / name / "keystore"), "-ethPassword", str(self._folder / name / "password")]
        where = ["-network", "arbitrum-one-mainnet", "-ethUrl", f"http://127.0.0.1:{self._endpoint.server_address[1]}"]
        return [*where, *account, "-blockPollingInterval", "1"]


def announce(mediamtx: MediaMTX, port: int, stream: str, model: str) -> int | None:
    """MediaMTX's hook: a stream has begun; None when the gateway hangs up."""
    form = {"source_id": SOURCE, "source_type": "rtmpConn", "query": f"pipeline={model}"}
    opened = http.client.HTTPConnection("127.0.0.1", port, timeout=30, source_address=(mediamtx.address, 0))
    try:
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        opened.request("POST", f"/live/video-to-video/{stream}/start", urlencode(form), headers)
        return opened.getresponse().status
    except http.client.RemoteDisconnected:
        return None
    finally:
        opened.close()
