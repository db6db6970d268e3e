"""Files on their way into Slack: asked for, sent to an address of their own, and completed."""

from dataclasses import dataclass

from sandbox.ids import new_id


@dataclass(slots=True)
class Upload:
    """One upload; `content` is None until the bytes have arrived."""

    file_id: str
    key: str
    name: str
    length: int
    content: bytes | None = None


class Uploads:
    """The uploads that are not completed."""

    def __init__(self) -> None:
        self._by_id: dict[str, Upload] = {}

    def start(self, name: str, length: int) -> Upload:
        """Begin an upload; its key is the secret part of the address."""
        upload = Upload(new_id("F0"), new_id("", 24), name, length)
        self._by_id[upload.file_id] = upload
        return upload

    def receive(self, key: str, content: bytes) -> bool:
        """Keep the bytes; return False for an unknown key, or another length than announced."""
        for upload in self._by_id.values():
            if upload.key == key and upload.length == len(content):
                upload.content = content
                return True
        return False

    def find(self, file_id: str) -> Upload | None:
        """Return the upload whose bytes have arrived and which is not completed."""
        upload = self._by_id.get(file_id)
        return None if upload is None or upload.content is None else upload

    def finish(self, upload: Upload) -> None:
        """Forget a completed upload."""
        del self._by_id[upload.file_id]
