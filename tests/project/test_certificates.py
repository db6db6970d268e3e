"""Slack and Devin are believed by their certificates, whose authorities an operator may choose."""

import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.support.processes import command, typed
from tests.support.raw_http import RawServer, answering, serving, whole

NOT_TRUSTED = "certificate not trusted"
AUTHORITY = (
    *("-addext", "basicConstraints=critical,CA:TRUE"),
    *("-addext", "keyUsage=critical,keyCertSign,cRLSign"),  # Python 3.13 is strict (RFC 5280)
)
SIGNED = (
    *("-CA", "authority.pem", "-CAkey", "authority.key"),
    *("-addext", "authorityKeyIdentifier=keyid", "-addext", "basicConstraints=CA:FALSE"),
)

pytestmark = pytest.mark.skipif(not shutil.which("openssl"), reason="there is no openssl")


def signed(home: Path, name: str, *more: str) -> None:
    """Make a key and a certificate in `home`."""
    new = ("-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", f"/CN={name}")
    files = ("-keyout", f"{name}.key", "-out", f"{name}.pem")
    openssl = shutil.which("openssl") or ""
    subprocess.run([openssl, "req", *new, *files, *more], cwd=home, check=True, capture_output=True)


@asynccontextmanager
async def company(home: Path) -> AsyncIterator[RawServer]:
    """Run a server whose certificate is signed by an authority of its own."""
    signed(home, "authority", *AUTHORITY)
    signed(home, "server", "-addext", "subjectAltName=IP:127.0.0.1", *SIGNED)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(home / "server.pem", home / "server.key")
    answer = answering(whole("403 Forbidden"), closes=False)
    async with serving(answer, tls=context) as server:
        yield server


async def test_slack_and_devin_need_a_certificate_that_is_trusted(
    redis_url: str, tmp_path: Path
) -> None:
    """Without one, they are told nothing; `SSL_CERT_FILE` names whom to trust, for both."""
    async with company(tmp_path) as server:
        url = server.url.replace("http:", "https:")
        environ = {
            "SLACK_BOT_TOKEN": "xoxb-1-secret",
            "SLACK_APP_TOKEN": "xapp-1-secret",
            "DEVIN_API_KEY": "cog_secret",
            "SLACK_API_URL": f"{url}/api/",
            "DEVIN_API_URL": url,
            "REDIS_URL": redis_url,
        }
        code, out, _ = await command(environ, tmp_path, "doctor")
        assert (code, server.requests) == (1, [])
        assert out.count(NOT_TRUSTED) > 1
        environ["SSL_CERT_FILE"] = str(tmp_path / "authority.pem")
        _, out, _ = await typed(environ, tmp_path, "doctor")
        assert NOT_TRUSTED not in out
        told = b"".join(server.requests)
    assert all(key in told for key in (b"xoxb-1-secret", b"xapp-1-secret", b"cog_secret"))
