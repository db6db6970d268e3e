"""What the local Devin knows beside its sessions: its members, and its reviews of pull requests."""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from sandbox.devin.bodies import RejectedError

ReviewState = Literal["pending", "running", "completed", "errored"]

ORG_ID = "org-5andb0x00000000000000000000000a1"
PERMISSIONS = frozenset(
    {
        *("ViewOrgSessions", "ManageOrgSessions", "UseDevinSessions", "Read"),
        *("ManageAccountPlaybooks", "ViewOrgMembership", "UseReviewManual"),
    }
)
"""What the relay's service user may do; it may act as nobody until a test adds that."""

_PULL_REQUEST = re.compile(
    r"https?://(?P<path>[\w.-]+(?::\d+)?/[\w./-]+?)/(?:-/)?"
    r"(?:pull|merge_requests|pull-requests|pullrequest)/(?P<number>\d+)/?"
)


@dataclass(frozen=True, slots=True)
class Member:
    """A member: in person, or by a group of the identity provider."""

    user_id: str
    email: str
    name: str
    by_group: bool = False


@dataclass(slots=True)
class Members:
    """The members of the organization."""

    all: list[Member] = field(default_factory=list)

    def add(self, email: str, *, name: str = "", by_group: bool = False) -> str:
        """Add a member; return the id, which is made of the address."""
        user_id = f"user-{hashlib.sha256(email.encode()).hexdigest()[:12]}"
        self.all.append(Member(user_id, email, name or email.partition("@")[0], by_group))
        return user_id

    def remove(self, email: str) -> None:
        """Let a member leave the organization."""
        self.all = [one for one in self.all if one.email != email]

    def has(self, user_id: str) -> bool:
        """Whether somebody of this id is a member."""
        return any(one.user_id == user_id for one in self.all)


@dataclass(slots=True)
class Review:
    """A review of a pull request at a commit."""

    pr_url: str
    commit_sha: str
    repo_path: str
    pr_number: int
    created_at: datetime
    status: ReviewState = "pending"


@dataclass(slots=True)
class Reviews:
    """The reviews that were asked for, and the head commits of pull requests (`heads`)."""

    tell: Callable[[], None] = lambda: None
    all: list[Review] = field(default_factory=list)
    heads: dict[str, str] = field(default_factory=dict)

    def push(self, pr_url: str) -> str:
        """Add a commit to a pull request; return its SHA."""
        before = self.heads.get(pr_url, "")
        self.heads[pr_url] = hashlib.sha1(f"{pr_url} {before}".encode()).hexdigest()  # noqa: S324
        return self.heads[pr_url]

    def ask(self, pr_url: str, at: float) -> Review:
        """Begin a review of the head; 409 while one of it is under way."""
        found = _PULL_REQUEST.fullmatch(pr_url)
        if found is None:
            raise RejectedError(400, "Invalid PR URL")  # no document says which status
        sha = self.heads.get(pr_url) or self.push(pr_url)
        if any(one.status in {"pending", "running"} for one in self._at(pr_url, sha)):
            raise RejectedError(409, "A review of this commit is already pending")
        begun = datetime.fromtimestamp(at, UTC)
        review = Review(pr_url, sha, found["path"], int(found["number"]), begun)
        self.all.append(review)
        self.tell()
        return review

    def latest(self, pr_url: str, sha: str | None) -> Review:
        """Return the last review at a commit, of which a prefix will do, or else at the head."""
        found = self._at(pr_url, sha or self.heads.get(pr_url, ""))
        if not found:
            raise RejectedError(404, "No review found")
        return found[-1]

    def enter(self, pr_url: str, status: ReviewState) -> None:
        """Let the last review of a pull request go on."""
        self.go_on([one for one in self.all if one.pr_url == pr_url][-1], status)

    def go_on(self, review: Review, status: ReviewState) -> None:
        """Let a review go on."""
        review.status = status
        self.tell()

    def _at(self, pr_url: str, sha: str) -> list[Review]:
        return [
            one
            for one in self.all
            if sha and one.pr_url == pr_url and one.commit_sha.startswith(sha)
        ]
