"""The checks that the local Devin makes before any session is asked, in FastAPI's words."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.devin.answers import JSON, Answer, detailed

NO_OBJECT = "Input should be a valid dictionary or object to extract fields from"


class RejectedError(Exception):
    """The request fails before any session is asked: a status and FastAPI's `detail`."""

    def __init__(self, status: int, detail: object) -> None:
        super().__init__(status)
        self.answer = Answer(meaning="a failed check", status=status, body=detailed(detail))


def parse_message(raw: bytes, content_type: str) -> dict[str, Any]:
    """The JSON object, its `message` checked as `PostMessageParams`; raises `RejectedError`.

    Properties beyond `message` pass, as they do in FastAPI unless a model forbids them.
    """
    body = _parse_object(raw, content_type)
    _check_string(body, "message")
    return body


@dataclass(frozen=True, slots=True)
class NewSession:
    """The parameters of `POST /v1/sessions` that the local Devin makes something of."""

    prompt: str
    title: str
    tags: tuple[str, ...]


def parse_session(raw: bytes, content_type: str) -> NewSession:
    """The body of `POST /v1/sessions` (docs.devin.ai, "Create a new Devin session")."""
    body = _parse_object(raw, content_type)
    _check_string(body, "prompt")
    if body.get("title") is not None:
        _check_string(body, "title")
    tags = body.get("tags")
    if tags is not None and not isinstance(tags, list):
        raise _invalid("list_type", ["body", "tags"], "Input should be a valid list", given=tags)
    for number, tag in enumerate(tags or ()):
        _check_text(tag, ["body", "tags", number])
    return NewSession(body["prompt"], body.get("title") or "", tuple(tags or ()))


def _parse_object(raw: bytes, content_type: str) -> dict[str, Any]:
    if content_type != JSON and not content_type.endswith("+json"):
        raise _invalid("model_attributes_type", ["body"], NO_OBJECT)
    body = _parse_json(raw)
    if body is None:
        raise _invalid("missing", ["body"], "Field required", given=None)
    if not isinstance(body, dict):
        raise _invalid("model_attributes_type", ["body"], NO_OBJECT, given=body)
    return body


def _parse_json(raw: bytes) -> Any:
    if not raw:
        return None
    try:
        return json.loads(raw)
    except json.JSONDecodeError as error:
        raise _invalid(
            "json_invalid", ["body", error.pos], "JSON decode error", ctx={"error": error.msg}
        ) from error
    except (ValueError, RecursionError) as error:
        # Not UTF-8, too deep, or a number with more digits than Python reads.
        raise RejectedError(400, "There was an error parsing the body") from error


def _check_string(body: dict[str, Any], name: str) -> None:
    if name not in body:
        raise _invalid("missing", ["body", name], "Field required", given=body)
    _check_text(body[name], ["body", name])


def _check_text(text: object, at: list[str | int]) -> None:
    if not isinstance(text, str):
        raise _invalid("string_type", at, "Input should be a valid string", given=text)
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise _invalid(
            "string_unicode",
            at,
            "Input should be a valid string, unable to parse raw data as a unicode string",
        ) from error


def _invalid(
    kind: str, loc: list[str | int], msg: str, *, given: object = "", ctx: object = None
) -> RejectedError:
    """One entry of `HTTPValidationError`, with the `input` that pydantic adds to the contract."""
    entry: dict[str, object] = {"type": kind, "loc": loc, "msg": msg, "input": given}
    if ctx is not None:
        entry["ctx"] = ctx
    return RejectedError(422, [entry])


def page_of(query: Mapping[str, str]) -> tuple[int, int]:
    """The `limit` and `offset` of a list; raises what FastAPI would answer to no number."""
    found = []
    for name, default in (("limit", 100), ("offset", 0)):
        given = query.get(name, str(default))
        if not (given.isascii() and given.isdigit()):
            wanted = "Input should be a valid integer, unable to parse string as an integer"
            raise _invalid("int_parsing", ["query", name], wanted, given=given)
        found.append(int(given))
    return found[0], found[1]


def missing_file() -> RejectedError:
    """What `POST /v1/attachments` answers without its multipart field `file`."""
    return _invalid("missing", ["body", "file"], "Field required", given=None)
