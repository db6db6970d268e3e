"""Encodes one file as a form (RFC 7578) while the file is still being read."""

import secrets
from collections.abc import AsyncIterator, Mapping


class Multipart:
    """A form with the one field `file`, whose content comes from `chunks`.

    `size` is the length of that content in bytes. If it is None, the length of the form is unknown
    as well.
    """

    def __init__(
        self, name: str, kind: str, chunks: AsyncIterator[bytes], size: int | None
    ) -> None:
        boundary = secrets.token_hex(16)
        self._chunks = chunks
        self._head = (
            f"--{boundary}\r\n"
            f'Content-Disposition: form-data; name="file"; filename="{_quoted(name)}"\r\n'
            f"Content-Type: {_printable(kind)}\r\n\r\n"
        ).encode()
        self._tail = f"\r\n--{boundary}--\r\n".encode()
        headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        if size is not None:
            headers["Content-Length"] = str(len(self._head) + size + len(self._tail))
        self.headers: Mapping[str, str] = headers

    async def content(self) -> AsyncIterator[bytes]:
        """Yield the bytes of the form; raises the errors of reading the file."""
        yield self._head
        async for chunk in self._chunks:
            yield chunk
        yield self._tail


def _quoted(name: str) -> str:
    """Escape a file name as browsers do (HTML, multipart/form-data encoding algorithm)."""
    return _printable(name).replace("%", "%25").replace('"', "%22")[:200]


def _printable(text: str) -> str:
    """Drop characters that could end the line, and replace those that UTF-8 cannot encode."""
    return "".join(c for c in text if c.isprintable()).encode("utf-8", "replace").decode()
