"""The checks that v1 makes of a message, a new session and a list, in FastAPI's words."""

from collections.abc import Mapping
from typing import Any

from sandbox.devin.bodies import invalid, parse_object
from sandbox.devin.sessions import DevinPost, NewSession


def parse_message(raw: bytes, content_type: str) -> DevinPost:
    """The message, checked as `PostMessageParams`; raises `RejectedError`.

    Properties beyond `message` pass, as they do in FastAPI unless a model forbids them.
    """
    body = parse_object(raw, content_type)
    _check_string(body, "message")
    return DevinPost(body["message"], (), body)


def parse_session(raw: bytes, content_type: str) -> NewSession:
    """The body of `POST /v1/sessions` (docs.devin.ai, "Create a new Devin session")."""
    body = parse_object(raw, content_type)
    _check_string(body, "prompt")
    if body.get("title") is not None:
        _check_string(body, "title")
    tags = body.get("tags")
    if tags is not None and not isinstance(tags, list):
        raise invalid("list_type", ["body", "tags"], "Input should be a valid list", given=tags)
    for number, tag in enumerate(tags or ()):
        _check_text(tag, ["body", "tags", number])
    if body.get("playbook_id") is not None:
        _check_string(body, "playbook_id")
    cap = body.get("max_acu_limit")
    if cap is not None and (isinstance(cap, bool) or not isinstance(cap, int)):
        wanted = "Input should be a valid integer"
        raise invalid("int_type", ["body", "max_acu_limit"], wanted, given=cap)
    if cap is not None and cap <= 0:
        wanted = "Input should be greater than 0"
        raise invalid("greater_than", ["body", "max_acu_limit"], wanted, given=cap)
    title = body.get("title") or ""
    return NewSession(body["prompt"], title, tuple(tags or ()), cap=cap, body=body)


def _check_string(body: dict[str, Any], name: str) -> None:
    if name not in body:
        raise invalid("missing", ["body", name], "Field required", given=body)
    _check_text(body[name], ["body", name])


def _check_text(text: object, at: list[str | int]) -> None:
    if not isinstance(text, str):
        raise invalid("string_type", at, "Input should be a valid string", given=text)
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise invalid(
            "string_unicode",
            at,
            "Input should be a valid string, unable to parse raw data as a unicode string",
        ) from error


def page_of(query: Mapping[str, str]) -> tuple[int, int]:
    """The `limit` of a list and its `offset`, for which `skip` is another name.

    Raises what FastAPI would answer to no number.
    """
    found = []
    for name, default in (("limit", 100), ("skip" if "skip" in query else "offset", 0)):
        given = query.get(name, str(default))
        if not (given.isascii() and given.isdigit()):
            wanted = "Input should be a valid integer, unable to parse string as an integer"
            raise invalid("int_parsing", ["query", name], wanted, given=given)
        found.append(int(given))
    return found[0], found[1]
