"""The files of the local Devin: an address of the API that asks for the key, and a storage behind.

A file that Devin sends is a marker in what it says. Its address on the API's own host answers 307
with a presigned one, which is on another host and good for a short time (seen by other clients).
The storage is like S3: it refuses a request that has an `Authorization` beside the signature. Such
a request is kept in `strays`, since a client that sends one gives its key away.
"""

import hashlib
import json
import uuid

from aiohttp import web
from yarl import URL

from sandbox.devin.bodies import RejectedError
from sandbox.devin.record import Record
from sandbox.devin.sessions import DevinAttachment, place_of
from sandbox.devin.wire import send_half

STORAGE = "/storage"
ANY = "application/octet-stream"


class Files:
    """Serves the record's attachments from the API's host, and from the storage's."""

    def __init__(self, record: Record) -> None:
        self._record = record

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Add the storage, which any host name of the server has."""
        router.add_get(STORAGE + "/{id}/{name}", self._on_storage, allow_head=False)

    def find(self, file_id: str) -> DevinAttachment:
        """Return the file; raises 404."""
        for one in self._record.attachments:
            if one.id == file_id:
                return one
        raise RejectedError(404, "Attachment not found")

    def redirect(self, file_id: str) -> web.Response:
        """Answer 307 with the presigned address of the file, or as it is planned."""
        self._record.reads_by_kind["file"] += 1
        self._record.check_read("file")
        raise web.HTTPTemporaryRedirect(presigned(self._record, self.find(file_id)))

    async def _on_storage(self, request: web.Request) -> web.StreamResponse:
        if "Authorization" in request.headers:
            self._record.strays.append(f"{request.method} {request.raw_path} with a key")
            return _refused(400, "InvalidArgument")
        file = self.find(request.match_info["id"])
        expires = request.query.get("Expires", "")
        is_signed = request.query.get("Signature") == _signature(file, expires)
        if not is_signed or float(expires) < self._record.clock.now():
            return _refused(403, "AccessDenied")
        failures = self._record.download_failures
        failure = failures.pop(0) if failures else None
        content_type = file.content_type or ANY
        if failure == "cut":
            return await send_half(request, 200, file.content, content_type)
        answer = web.Response(body=file.content, content_type=content_type)
        if failure == "unsized":
            answer.enable_chunked_encoding()
        elif failure is not None:
            return _refused(failure, "InternalError")
        return answer


def attach(
    record: Record,
    name: str,
    content: bytes,
    content_type: str | None = None,
    *,
    is_presigned: bool = False,
) -> str:
    """Keep a file that Devin sends; return its marker, a line for what Devin says.

    Its address is the API's, which the key of the bot's generation may read, or presigned.
    """
    file_id = str(uuid.uuid4())
    place = place_of(file_id, name)
    within = "v1" if record.api == "v1" else f"v3/organizations/{record.org_id}"
    url = f"{record.origin}/{within}/attachments/{place}"
    file = DevinAttachment(url, name, content, file_id, content_type)
    record.attachments.append(file)
    shown = presigned(record, file) if is_presigned else url
    return f"ATTACHMENT:{json.dumps({'url': shown, 'name': name})}"


def presigned(record: Record, file: DevinAttachment) -> str:
    """Return the storage's address of a file; it expires after `presigned_seconds`."""
    api = URL(record.origin)
    storage = api.with_host("127.0.0.1" if api.host == "localhost" else "localhost")
    expires = str(int(record.clock.now() + record.presigned_seconds))
    query = f"Expires={expires}&Signature={_signature(file, expires)}"
    return f"{storage.origin()}{STORAGE}/{place_of(file.id, file.name)}?{query}"


def _signature(file: DevinAttachment, expires: str) -> str:
    return hashlib.sha256(f"{file.id} {expires}".encode()).hexdigest()


def _refused(status: int, code: str) -> web.Response:
    error = f"<Error><Code>{code}</Code></Error>"
    return web.Response(status=status, text=error, content_type="application/xml")
