"""What the Devin that acts does about a message: the steps of a turn, in words about the task."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from sandbox.devin.answers import STATES
from sandbox.devin.record import Record

LONGEST_TITLE = 40
LONGEST_QUOTE = 80

PLAN = """\
## Plan

1. Read everything merged since **v2.3**
2. Write the notes, *grouped by what users notice*
3. Open a pull request

```console
$ git rev-list --count v2.3..main
42
```
"""
CHOICES = ("First, under their own heading", "Within each group", "Only in the upgrade guide")
QUESTION = f"""\
42 changes, and seven of them are breaking. How should I list those?

1. {CHOICES[0]}
2. {CHOICES[1]}
3. {CHOICES[2]}
"""
RESULT = """\
The notes are written and [ready for review]({url}).

| Group | Changes | Breaking |
|---|---:|---:|
| API | 18 | 5 |
| Command line | 13 | 2 |
| Documentation | 11 | 0 |

`make check` passes.
"""

ANY_PLAN = """\
## Plan

1. Look into “{task}”
2. Make the change, *with a test for it*
3. Open a pull request

```console
$ make check
All 214 tests passed.
```
"""
ANY_QUESTION = """\
Before I start on “{task}”: how far should the change go?

1. As little as possible
2. Clean up around it, too
3. Only a draft to look at
"""
ANY_RESULT = """\
“{task}” is done and [ready for review]({url}).

| Part | Files | Lines |
|---|---:|---:|
| Code | 2 | 31 |
| Tests | 1 | 24 |

`make check` passes.
"""

WISH = """\
To be sure about “{task}”, I'd like to run this on the shared builder for about ten minutes:

```console
$ make check COUNT=200
```
"""
PROOF = "It ran 200 times without a failure, and [the pull request]({url}) is open."
STOPPED = "I've stopped. Tell me when and how to go on."
LEFT = "All right, I'll leave that. Tell me if I should do something else instead."

_ABOUT_NOTES = re.compile(r"\b(notes|release|merged)\b|\bv?2\.[34]\b", re.IGNORECASE)
_STOP = re.compile(r"(please )?stop( now\b|[.!]?$)", re.IGNORECASE)
_YES = re.compile(r"(approve|yes|yep|sure|ok|okay|go|do it|please do)\b|approved", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Step:
    """One act of a turn, after `thinking` times the usual pause."""

    act: Callable[[Record, str], None]
    thinking: float = 1.0


def enter(record: Record, session_id: str, state: str) -> None:
    """Let a session change to a state, after what somebody chose for the next messages."""
    session = record.session(session_id)
    if session.times:
        session.before = state, STATES[state]
    else:
        record.behave(session_id, state)


def beginning(task: str) -> tuple[Step, ...]:
    """Return a turn that plans and asks."""
    plan, question = (PLAN, QUESTION) if _is_about_notes(task) else (ANY_PLAN, ANY_QUESTION)
    quoted = _shortened(task, LONGEST_QUOTE)
    return (
        _says(plan.format(task=quoted)),
        _says(question.format(task=quoted)),
        _enters("blocked"),
    )


def wishing(task: str) -> tuple[Step, ...]:
    """Return a turn that asks for an approval."""
    return _says(WISH.format(task=_shortened(task, LONGEST_QUOTE))), _enters("approval")


def finishing(task: str, url: str) -> tuple[Step, ...]:
    """Return the turn after an answer: a pull request and a result."""
    text = RESULT if _is_about_notes(task) else ANY_RESULT
    return _ending(text.format(url=url, task=_shortened(task, LONGEST_QUOTE)), url)


def proving(url: str) -> tuple[Step, ...]:
    """Return the turn after an approval."""
    return _ending(PROOF.format(url=url), url)


def leaving() -> tuple[Step, ...]:
    """Return the turn after a refusal, which ends without a result."""
    return _says(LEFT), _enters("idle")


def stopping() -> tuple[Step, ...]:
    """Return the turn after a request to stop, which waits for the next message."""
    return _says(STOPPED, 0.0), _enters("blocked")


def is_stop(text: str) -> bool:
    """Whether people's words ask Devin to stop, as the bot's do when Stop is pressed."""
    return _STOP.match(task_in(text)) is not None


def is_approval(text: str) -> bool:
    """Whether people's words, or the bot's button, allow what Devin asked for."""
    return _YES.match(task_in(text)) is not None


def title_of(text: str) -> str:
    """Return the title of a session that begins with this message."""
    task = task_in(text)
    return task if len(task) <= LONGEST_TITLE else f"{task[: LONGEST_TITLE - 1]}…"


def task_in(message: str) -> str:
    """Return the first line that introduces no other; a quote only where there is nothing else."""
    lines = [line.strip() for line in message.splitlines() if line.strip("> ")]
    told = [line for line in lines if not line.endswith(":") or line.startswith(":")]
    own = [line for line in told if not line.startswith(">")]
    return next(iter([*own, *told, *lines]), message).strip("> ")


def _shortened(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1].rstrip()}…"


def _is_about_notes(task: str) -> bool:
    return _ABOUT_NOTES.search(task) is not None


def _ending(text: str, url: str) -> tuple[Step, ...]:
    return _opens(url), _says(text, 0.0), _enters("idle")


def _says(text: str, thinking: float = 1.0) -> Step:
    return Step(lambda record, session_id: record.say(session_id, text), thinking)


def _enters(state: str) -> Step:
    return Step(lambda record, session_id: enter(record, session_id, state), thinking=0.0)


def _opens(url: str) -> Step:
    return Step(lambda record, session_id: record.open_pull_request(session_id, url), thinking=2.0)
