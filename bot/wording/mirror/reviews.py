"""Devin Reviews: what offers one below a card, and what a thread is told of it."""

from collections.abc import Sequence
from hashlib import sha256

from bot.model.mirror import Watched
from bot.model.sessions import Review, parse_pull_request
from bot.text.to_slack import cut, shortened
from bot.wording.actions import DEVIN_REVIEW
from bot.wording.message import Block, SlackMessage, button, literal_text, plain, plain_text
from bot.wording.phrases import as_code, pull_request_link

REVIEW = "Devin Review"

ERRORED = "errored"

MOST_OFFERED = 20
OPTION_LIMIT = 75
COMMIT_SHOWN = 7
DETAIL_LIMIT = 200

WHICH = SlackMessage("Which pull request? Mention me with `review &lt;pull request link&gt;`.")

NO_PULL_REQUEST = SlackMessage(
    "That isn't the link of a pull request or merge request. It ends in `/pull/` or "
    "`/merge_requests/` and a number."
)

LEGACY = SlackMessage(
    "I use version 1 of Devin's API, which has no Devin Review. Ask for the review in Devin."
)


def short_of(address: str) -> str:
    """Return what stands for a pull request in the value of a button or an option."""
    return sha256(address.encode()).hexdigest()[:16]


def review_offer(seen: Watched) -> Sequence[Block]:
    """Return a button for the review of an open pull request; with several of them, a menu."""
    found = [one.url for one in seen.pull_requests if one.is_open and parse_pull_request(one.url)]
    if len(found) <= 1:
        return [button(DEVIN_REVIEW, REVIEW, short_of(one)) for one in found]
    options = [
        {"text": literal_text(_label(one)), "value": short_of(one)} for one in found[:MOST_OFFERED]
    ]
    menu = {"type": "static_select", "action_id": DEVIN_REVIEW, "options": options}
    return [{**menu, "placeholder": plain_text(f"{REVIEW}…")}]


def _label(address: str) -> str:
    return shortened(plain(pull_request_link(address)), OPTION_LIMIT)


def _of(address: str, review: Review | None = None) -> str:
    commit = "" if review is None else f" at {as_code(review.commit[:COMMIT_SHOWN])}"
    return f"{REVIEW} of {pull_request_link(address)}{commit}"


def begun(address: str, review: Review, *, is_new: bool) -> SlackMessage:
    """Say that a review is under way."""
    state = "has started" if is_new else "is already under way"
    return SlackMessage(f"{_of(address, review)} {state}. I'll post here when it's done.")


def result(address: str, review: Review) -> SlackMessage:
    """Say how a review has ended; what it says stands at the pull request."""
    if review.status == ERRORED:
        again = "To try again, mention me with `review &lt;pull request link&gt;`."
        return SlackMessage(f"{_of(address, review)} *failed* with an error. {again}")
    return SlackMessage(
        f"{_of(address, review)} is *completed*. Open the pull request to read what it found."
    )


def late(address: str) -> SlackMessage:
    """Say that the result isn't waited for any longer."""
    return SlackMessage(
        f"I got no result for {_of(address)} within two hours, so I've stopped waiting for one. "
        "Check the pull request, or ask for a review again."
    )


def denied(address: str, admin: str) -> SlackMessage:
    """Say that Devin lets the relay neither ask for reviews nor read them."""
    return SlackMessage(
        f"Devin didn't let me ask for a {_of(address)}: my key lacks the permission "
        f"`UseReviewManual`. To change that, ask {admin}."
    )


def refused(address: str, status: int, detail: str, admin: str) -> SlackMessage:
    """Say that Devin refused to review the pull request."""
    return SlackMessage(
        f"Devin *refused* a {_of(address)} (HTTP {status}). Devin's response:",
        quote=cut(" ".join(detail.split()), DETAIL_LIMIT) or "(no details)",
        advice="Check that Devin has access to the repository. If that doesn't explain it, ask "
        f"{admin}.",
    )
