"""What people read of Devin Reviews."""

from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256

from bot.model.replies import Outcome, OutcomeKind
from bot.model.sessions import Review, Watched, parse_pull_request
from bot.wording.delivery_reports import WAITING_MARK, words_of
from bot.wording.message import Block, SlackMessage, button, menu, option
from bot.wording.mirror.card import open_first
from bot.wording.phrases import as_code, plain, pull_request_link

ASK = "devin_review"
"""The action of the button, or menu, that asks for one."""

HELP = (
    "• `review &lt;pull request link&gt;`: ask for a Devin Review and post its result; in a thread "
    "with one pull request, leave the link out"
)

REVIEW = "Devin Review"

ERRORED = "errored"

MOST_OFFERED = 20
COMMIT_SHOWN = 7

WHICH = SlackMessage("Which pull request? Mention me with `review &lt;pull request link&gt;`.")

NO_PULL_REQUEST = SlackMessage(
    "That isn't a link to a pull request or merge request. Such a link ends with `/pull/`, "
    "`/merge_requests/`, `/pull-requests/` or `/pullrequest/` and a number."
)


def short_of(address: str) -> str:
    """Return what stands for a pull request in the value of a button or an option."""
    return sha256(address.encode()).hexdigest()[:16]


def offer(seen: Watched) -> Sequence[Block]:
    """Return a button for the review of a pull request that isn't over; with several, a menu."""
    found = [one.url for one in open_first(seen.open_pulls) if parse_pull_request(one.url)]
    if len(found) <= 1:
        return [button(ASK, REVIEW, short_of(one)) for one in found]
    options = [option(plain(pull_request_link(one)), short_of(one)) for one in found[:MOST_OFFERED]]
    return [menu(f"{REVIEW}…", None, action_id=ASK, options=options)]


def _of(address: str, review: Review | None = None) -> str:
    commit = "" if review is None else f" at {as_code(review.commit[:COMMIT_SHOWN])}"
    return f"{REVIEW} of {pull_request_link(address)}{commit}"


def waiting(address: str) -> SlackMessage:
    """Say once that Devin hasn't said yet whether it reviews the pull request."""
    return SlackMessage(
        f":{WAITING_MARK}: Devin isn't answering my request for a {_of(address)} right now. "
        "I'll keep trying for two hours."
    )


def begun(address: str, review: Review) -> SlackMessage:
    """Say that a review is under way."""
    return SlackMessage(f"{_of(address, review)} is under way. I'll post here when it's done.")


def result(address: str, review: Review) -> SlackMessage:
    """Say how a review has ended; what it says stands at the pull request."""
    if review.status == ERRORED:
        again = "To try again, mention me with `review &lt;pull request link&gt;`."
        return SlackMessage(f"{_of(address, review)} *failed* with an error. {again}")
    return SlackMessage(
        f"{_of(address, review)} is *complete*. Open the pull request to read what it found."
    )


def late(address: str) -> SlackMessage:
    """Say that the result isn't waited for any longer."""
    return SlackMessage(
        f"I got no result for the {_of(address)} within two hours, so I've stopped waiting. "
        "Check the pull request, or ask for a review again."
    )


def refused(address: str, status: int, detail: str, admin: str) -> SlackMessage:
    """Say that Devin refused to review the pull request."""
    outcome = Outcome(kind=OutcomeKind.REFUSED, status=status, detail=detail)
    return replace(
        words_of(outcome, f"the request for a {_of(address)}", admin),
        advice="Check that Devin has access to the repository. If that doesn't explain it, ask "
        f"{admin}: my key needs the permission `UseReviewManual`.",
    )
