"""The HTTP transport: signed requests to the app's request URL.

Signature v0 over `v0:<timestamp>:<body>`. Events are sent as JSON, commands and interactions as
forms. Any answer other than a 2xx within the ack timeout is a refusal; events are retried with
`x-slack-retry-num` and `-reason`, unless the app answered `x-slack-no-retry: 1`
(docs.slack.dev/apis/events-api).
"""

import hashlib
import hmac
import json
import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import aiohttp

from sandbox.ids import Clock
from sandbox.slack.transport.deliveries import Delivery, Refusal
from sandbox.slack.world.payloads import VERIFICATION_TOKEN

MAX_REDIRECTS = 2
_FORM = "application/x-www-form-urlencoded"


def signed_headers(secret: str, body: bytes, timestamp: float) -> dict[str, str]:
    """Return Slack's two signature headers for `body`, for that time (Unix seconds)."""
    moment = str(int(timestamp))
    base = b"v0:" + moment.encode() + b":" + body
    digest = hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": moment, "X-Slack-Signature": f"v0={digest}"}


def encode(delivery: Delivery) -> tuple[bytes, str]:
    """Return the request body and its content type."""
    if delivery.kind == "events_api":
        return json.dumps(delivery.payload).encode(), "application/json"
    if delivery.kind == "slash_commands":
        form = {key: value for key, value in delivery.payload.items() if value is not None}
        return urlencode(form).encode(), _FORM
    return urlencode({"payload": json.dumps(delivery.payload)}).encode(), _FORM


class HttpTransport:
    """The HTTP side of the local Slack. Without a request URL, nothing can be delivered."""

    def __init__(self, request_url: str | None, secret: str, ack_timeout: float) -> None:
        self.request_url = request_url
        self.clock = Clock()
        self._secret = secret
        self._ack_timeout = ack_timeout
        self._session: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        """Open the client session."""
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=self._ack_timeout),
            connector=aiohttp.TCPConnector(limit=0),
        )

    async def close(self) -> None:
        """Close the client session."""
        if self._session is not None:
            await self._session.close()

    async def attempt(self, delivery: Delivery) -> Refusal | None:
        """Send one POST."""
        body, content_type = encode(delivery)
        headers = {"Content-Type": content_type}
        if delivery.retry_num:
            headers["X-Slack-Retry-Num"] = str(delivery.retry_num)
            headers["X-Slack-Retry-Reason"] = delivery.retry_reason
        try:
            status, answer_headers, answer = await self._post(body, headers)
        except (TimeoutError, aiohttp.ClientError) as error:
            reason = _reason(error)
            return Refusal(reason if delivery.kind == "events_api" else "operation_timeout")
        content = _decoded(answer, answer_headers)
        if status // 100 == 2:  # noqa: PLR2004 - the 2xx class
            delivery.acknowledge(content, status)
            return None
        reason = "http_error" if delivery.kind == "events_api" else "dispatch_failed"
        is_final = answer_headers.get("x-slack-no-retry") == "1"
        return Refusal(reason, status, content, is_final)

    async def verify_url(self) -> bool:
        """Do the `url_verification` handshake; return True if the app returned the challenge."""
        challenge = uuid.uuid4().hex
        asked = {
            "token": VERIFICATION_TOKEN,
            "challenge": challenge,
            "type": "url_verification",
        }
        body = json.dumps(asked).encode()
        try:
            status, headers, answer = await self._post(body, {"Content-Type": "application/json"})
        except (TimeoutError, aiohttp.ClientError):
            return False
        content = _decoded(answer, headers)
        given = content.get("challenge") if isinstance(content, dict) else content
        return status == 200 and given in {challenge, f"challenge={challenge}"}  # noqa: PLR2004 - HTTP's own number

    async def _post(
        self, body: bytes, headers: dict[str, str]
    ) -> tuple[int, Mapping[str, str], bytes]:
        if self._session is None or self.request_url is None:
            raise aiohttp.ClientConnectionError("no request URL is set")
        async with self._session.post(
            self.request_url,
            data=body,
            headers={
                **headers,
                **signed_headers(self._secret, body, self.clock.now()),
                "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
            },
            max_redirects=MAX_REDIRECTS + 1,  # aiohttp raises at this number, not beyond it
        ) as answer:
            return answer.status, answer.headers, await answer.read()


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "http_timeout"
    if isinstance(error, aiohttp.TooManyRedirects):
        return "too_many_redirects"
    if isinstance(error, aiohttp.ClientSSLError):
        return "ssl_error"
    return "connection_failed"


def _decoded(answer: bytes, headers: Mapping[str, str]) -> Any:
    text = answer.decode("utf-8", "replace")
    if "json" in headers.get("Content-Type", ""):
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text or None
