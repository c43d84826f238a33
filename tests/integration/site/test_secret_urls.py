# SPDX-License-Identifier: GPL-3.0-or-later
"""A webhook whose URL is a secret: asked through the real nginx, it decides about streams, and no journal knows where it is."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hostlib.video import SEGMENT, Gateway

from .conftest import Site

NODE_HOST, WORKING_HOST, HOOK_HOST = "gateway1", "orchestrator1", "orchestrator2"
UNIT = "livepeer-gateway"
FIRST, SECOND, PASSWORD = "planted-first-4711", "planted-second-4712", "planted-password-4713"

# It lets in whom it knows, and notes how it was asked.
HOOK = r"""
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        url = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["url"]
        with open("/run/hook-asked", "a") as log:
            log.write(f"{self.path} {self.headers['Host']} {self.headers['Authorization']} {self.headers['Content-Type']} {url}\n")
        known = "known" in url
        text = json.dumps({"manifestID": url.split("/")[2]}).encode() if known else b"nobody knows it"
        self.send_response(200 if known else 403)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
    def log_message(self, *arguments): pass
ThreadingHTTPServer(("0.0.0.0", 8700), Handler).serve_forever()
"""
SECRETS = (FIRST, SECOND, PASSWORD)
LOOK = f"""
journalctl --no-pager -o export --namespace='*'
cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n'
systemctl show '{UNIT}*'
"""
# While they run the units have copies of their own in memory, in folders that nobody else may look into.
OWN = f"/run/credentials/{UNIT}-proxy.service /run/{UNIT}-proxy"
FILES = f"grep -rlE 'planted-(first|second|password)-47' /etc /var /tmp /root /opt /run --exclude-dir=journal 2>/dev/null; stat -c %a {OWN}"


@pytest.fixture
def asking(site: Site) -> Iterator[Site]:
    """A gateway that has to ask about its streams, and whom it asks."""
    script = f"cat > /run/hook.py <<'END'\n{HOOK}END\nsystemd-run -q --unit=hook python3 /run/hook.py"
    site.execute(HOOK_HOST, script)
    site.hosts = {
        NODE_HOST: {"livepeer_gateway_auth_webhook_url": url(FIRST), "livepeer_log_namespace": True},
        WORKING_HOST: {},
    }
    yield site
    site.execute(HOOK_HOST, "systemctl stop hook; rm -f /run/hook*")


def url(key: str, host: str = HOOK_HOST) -> str:
    return f"http://fleet:{PASSWORD}@{host}:8700/hook/{key}?a=b"


def answers(site: Site, *streams: str) -> list[str]:
    """What a publisher of each stream gets for its first segment."""
    with Gateway(site.fleet.ssh_config, NODE_HOST) as gateway:
        return [gateway.put(stream, 0, SEGMENT.read_bytes()) for stream in streams]


def test_a_secret_webhook(asking: Site) -> None:
    site = asking
    output = site.play("site", "-vvv").done().output
    known, unknown = answers(site, "known-one", "stranger")
    assert known.endswith(" renditions") and not known.startswith("0") and unknown.startswith("HTTP 403")
    first, second = site.execute(HOOK_HOST, "cat /run/hook-asked").splitlines()
    assert first.startswith(f"/hook/{FIRST}?a=b {HOOK_HOST}:8700 Basic ") and "application/json" in first
    assert first.endswith("/live/known-one/0.ts") and second.endswith("/live/stranger/0.ts")
    output += only_the_proxy_is_started_anew(site)
    output += without_an_address_nobody_is_let_in(site)
    told = output + site.execute(NODE_HOST, LOOK)
    assert [secret for secret in SECRETS if secret in told] == []
    *files, credentials, runtime = site.execute(NODE_HOST, FILES).splitlines()
    assert [path for path in files if not path.startswith(tuple(f"{own}/" for own in OWN.split()))] == []
    assert (credentials, runtime) == ("500", "700")


def only_the_proxy_is_started_anew(site: Site) -> str:
    before = site.running(NODE_HOST)
    site.hosts[NODE_HOST]["livepeer_gateway_auth_webhook_url"] = url(SECOND)
    output = site.play("site", "--diff", "-vvv").done().output
    after = site.running(NODE_HOST)
    assert {unit for unit in before if before[unit] != after[unit]} == {f"{UNIT}-proxy.service"}
    site.execute(HOOK_HOST, "rm /run/hook-asked")
    assert answers(site, "known-two")[0].endswith(" renditions")
    assert site.execute(HOOK_HOST, "cat /run/hook-asked").startswith(f"/hook/{SECOND}?a=b ")
    return output


def without_an_address_nobody_is_let_in(site: Site) -> str:
    """A name that nobody knows keeps neither nginx nor the node from running."""
    site.hosts[NODE_HOST]["livepeer_gateway_auth_webhook_url"] = url(SECOND, "nobody.invalid")
    output = site.play("site", "-vvv").done().output
    assert answers(site, "known-three")[0].startswith("HTTP 403")
    said = site.execute(NODE_HOST, f"journalctl --namespace={UNIT} --no-pager -o cat")
    assert "auth_webhook_url (nobody.invalid) cannot be asked: its host name has no address" in said
    assert "status=502 error=its host name has no address" in said
    return output
