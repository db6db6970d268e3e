"""Reads bodies, and refuses what FastAPI would refuse before any session is asked."""

import json
from typing import Any, Self

from sandbox.devin.answers import JSON, Answer

NO_OBJECT = "Input should be a valid dictionary or object to extract fields from"


class RejectedError(Exception):
    """The request fails before any session is asked: a status and FastAPI's `detail`."""

    def __init__(self, status: int, detail: object, retry_after: str | None = None) -> None:
        super().__init__(status)
        self.answer = Answer(
            meaning="a failed check", status=status, detail=detail, retry_after=retry_after
        )

    @classmethod
    def by(cls, answer: Answer) -> Self:
        """Return the failure of a request that is answered so, after a pause if it has one."""
        failed = cls(answer.status, answer.detail)
        failed.answer = answer
        return failed


def parse_object(raw: bytes, content_type: str) -> dict[str, Any]:
    """The JSON object of a body that is declared as JSON; raises `RejectedError`."""
    if content_type != JSON and not content_type.endswith("+json"):
        raise invalid("model_attributes_type", ["body"], NO_OBJECT)
    body = _parse_json(raw)
    if body is None:
        raise invalid("missing", ["body"], "Field required", given=None)
    if not isinstance(body, dict):
        raise invalid("model_attributes_type", ["body"], NO_OBJECT, given=body)
    return body


def _parse_json(raw: bytes) -> Any:
    if not raw:
        return None
    try:
        return json.loads(raw)
    except json.JSONDecodeError as error:
        raise invalid(
            "json_invalid", ["body", error.pos], "JSON decode error", ctx={"error": error.msg}
        ) from error
    except (ValueError, RecursionError) as error:
        # Not UTF-8, too deep, or a number with more digits than Python reads.
        raise RejectedError(400, "There was an error parsing the body") from error


def invalid(
    kind: str, loc: list[str | int], msg: str, *, given: object = "", ctx: object = None
) -> RejectedError:
    """One entry of `HTTPValidationError`, with the `input` that pydantic adds to the contract."""
    entry: dict[str, object] = {"type": kind, "loc": loc, "msg": msg, "input": given}
    if ctx is not None:
        entry["ctx"] = ctx
    return RejectedError(422, [entry])


def missing_file() -> RejectedError:
    """What an upload is answered without its multipart field `file`."""
    return invalid("missing", ["body", "file"], "Field required", given=None)
