"""The endpoints of v3 that concern no session: members, and Devin Review.

Members with a role of their own and those of groups of the identity provider are two lists
(docs.devin.ai, "List organization users" and "List organization IDP group users").
"""

from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

from sandbox.devin.answers import Read
from sandbox.devin.record import Record
from sandbox.devin.v3.access import MEMBERS, REVIEW, admit
from sandbox.devin.v3.cursors import Listing
from sandbox.devin.v3.requests import (
    MembersQuery,
    ReviewQuery,
    ReviewRequest,
    parse_body,
    parse_query,
)
from sandbox.devin.v3.shapes import member_shown, review_shown

On = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Organizing:
    """Answers from the record."""

    def __init__(self, record: Record) -> None:
        self._record = record

    def routes(self) -> Mapping[str, Mapping[str, On]]:
        """Return the handlers by path and verb."""
        beta = "/v3beta1/organizations/{org_id}"
        return {
            f"{beta}/members/users": {"GET": self._on_members},
            f"{beta}/members/idp-users": {"GET": self._on_members},
            "/v3/organizations/{org_id}/pr-reviews": {
                "GET": self._on_review,
                "POST": self._on_ask,
            },
        }

    async def _on_members(self, request: web.Request) -> web.Response:
        """Serve a page of members; `email` filters by the exact address."""
        admit(self._record, request, MEMBERS)
        query = parse_query(MembersQuery, request.query)
        self._count("members")
        by_group = request.path.endswith("/idp-users")
        listing = Listing(
            f"{'idp ' if by_group else ''}members of {self._record.org_id}",
            [one for one in self._record.members.all if one.by_group is by_group],
            lambda one: one.user_id,
        )
        page = listing.page(
            query.first,
            query.after,
            lambda one: member_shown(one, self._record.org_id),
            lambda one: query.email is None or one.email == query.email,
        )
        return web.json_response(page)

    async def _on_ask(self, request: web.Request) -> web.Response:
        raw = await request.read()
        admit(self._record, request, REVIEW)
        given, _ = parse_body(ReviewRequest, raw, request.content_type)
        self._count("reviews")
        review = self._record.reviews.ask(given.pr_url, self._record.clock.now())
        return web.json_response(review_shown(review))

    async def _on_review(self, request: web.Request) -> web.Response:
        admit(self._record, request, REVIEW)
        query = parse_query(ReviewQuery, request.query)
        self._count("reviews")
        review = self._record.reviews.latest(query.pr_url, query.commit_sha)
        return web.json_response(review_shown(review))

    def _count(self, kind: Read) -> None:
        self._record.reads_by_kind[kind] += 1
        self._record.check_read(kind)
