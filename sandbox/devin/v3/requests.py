"""The bodies and queries of v3, checked as FastAPI checks them; raises its 422.

What a body has beside the documented fields is ignored; of a query, `order` is refused, which
was removed on 2025-12-11.
"""

import re
from typing import Annotated, Any, Literal, TypeVar

from multidict import MultiMapping
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)

from sandbox.devin.bodies import RejectedError, invalid, parse_object
from sandbox.devin.sessions import DevinPost, NewSession

# fmt: off
Origin = Literal[
    "webapp", "slack", "teams", "api", "linear", "jira",
    "automation", "cli", "desktop", "code_scan", "other",
]
# fmt: on
Q = TypeVar("Q", bound="Query")
B = TypeVar("B", bound="Body")

_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!#$&-;=?-Z\[\]_a-z~%]+")


def _is_uri(text: str) -> str:
    if not _URI.fullmatch(text):
        raise ValueError("Input should be a valid URL")
    return text


Uri = Annotated[str, AfterValidator(_is_uri)]
ShortUri = Annotated[Uri, StringConstraints(min_length=1, max_length=2083)]
Strings = list[str] | None
# fmt: off
ARRAYS = frozenset({
    "session_ids", "user_ids", "service_user_ids", "repo_names", "tags", "origins",
    "only_repo_paths", "exclude_repo_paths",
})
# fmt: on


class Body(BaseModel):
    """A JSON body, whose types are not converted."""

    # Without a length to check, pydantic 2.14 lets half a surrogate pair pass.
    model_config = ConfigDict(strict=True, str_min_length=0)


class Message(Body):
    """`SessionMessageCreateRequest`."""

    message: str
    attachment_urls: list[Uri] | None = None
    message_as_user_id: str | None = None


class Secret(Body):
    """`SessionSecretInput`."""

    key: Annotated[str, StringConstraints(min_length=1, max_length=256)]
    value: Annotated[str, StringConstraints(max_length=65536)]
    sensitive: bool = True


class Creation(Body):
    """`SessionCreateRequest`."""

    prompt: str
    title: str | None = None
    tags: Annotated[list[str], Field(max_length=50)] | None = None
    repos: Strings = None
    attachment_urls: list[ShortUri] | None = None
    playbook_id: str | None = None
    child_playbook_id: str | None = None
    knowledge_ids: Strings = None
    secret_ids: Strings = None
    session_secrets: list[Secret] | None = None
    session_links: Strings = None
    create_as_user_id: str | None = None
    devin_mode: str | None = None
    max_acu_limit: int | None = None
    bypass_approval: bool | None = None
    platform: str | None = None
    resumable: bool = True
    structured_output_required: bool | None = None
    structured_output_schema: dict[str, Any] | None = None


class ReviewRequest(Body):
    """`PrReviewCreateRequest`."""

    pr_url: str


class Query(BaseModel):
    """A query, whose values are read from text; arrays are repeated keys."""


class Page(Query):
    """The parameters that every list has."""

    first: Annotated[int, Field(ge=1, le=200)] = 100
    after: str | None = None


class RepositoriesQuery(Page):
    """The filters of a list of repositories."""

    filter_name: str | None = None
    only_repo_paths: Strings = None
    exclude_repo_paths: Strings = None
    load_indexing_status: bool = True


class MembersQuery(Page):
    """The filter of a list of members, by the exact address."""

    email: str | None = None


class ReviewQuery(Query):
    """The pull request whose last review is wanted, at its head unless a commit is given."""

    pr_url: str
    commit_sha: str | None = None


class SessionsQuery(Page):
    """The filters of a list of sessions."""

    session_ids: Strings = None
    user_ids: Strings = None
    service_user_ids: Strings = None
    repo_names: Strings = None
    tags: Strings = None
    origins: list[Origin] | None = None
    category: str | None = None
    is_archived: bool | None = None
    created_after: int | None = None
    created_before: int | None = None
    updated_after: int | None = None
    updated_before: int | None = None
    playbook_id: str | None = None
    schedule_id: str | None = None


class Termination(Query):
    """The parameter of a `DELETE`."""

    archive: bool = False


def parse_body(model: type[B], raw: bytes, content_type: str) -> tuple[B, dict[str, Any]]:
    """Return the checked body, and all that it had."""
    body = parse_object(raw, content_type)
    try:
        return model.model_validate(body), body
    except ValidationError as error:
        raise _refused(error, "body") from error


def post_of(message: Message, body: dict[str, Any]) -> DevinPost:
    """Return the message as the record keeps it."""
    return DevinPost(message.message, tuple(message.attachment_urls or ()), body)


def session_of(given: Creation, body: dict[str, Any]) -> NewSession:
    """Return the new session as the record makes it."""
    return NewSession(
        given.prompt,
        given.title or "",
        tuple(given.tags or ()),
        tuple(given.attachment_urls or ()),
        given.max_acu_limit,
        body,
    )


def parse_query(model: type[Q], query: MultiMapping[str]) -> Q:
    """Return the checked query."""
    if "order" in query:
        loc: list[str | int] = ["query", "order"]
        raise invalid(
            "extra_forbidden", loc, "Extra inputs are not permitted", given=query["order"]
        )
    given: dict[str, str | list[str]] = {}
    for name in model.model_fields.keys() & set(query):
        values = query.getall(name)
        given[name] = values if name in ARRAYS else values[-1]
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise _refused(error, "query") from error


def _refused(error: ValidationError, where: str) -> RejectedError:
    """The entries that FastAPI makes of pydantic's."""
    entries = error.errors(include_url=False, include_context=False)
    return RejectedError(422, [entry | {"loc": [where, *entry["loc"]]} for entry in entries])
