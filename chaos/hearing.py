"""The verdict on what Devin said, thread by thread.

The sins:

- **said: lost**: a thread that followed does not show a message, or not all of it;
- **said: doubled**: a thread shows a part of a message twice;
- **said: out of order**: a thread shows a message behind a later one of its session;
- **said: linked needlessly**: more files are linked than Devin has refused for good;
- **said: echoed**: a thread shows what a person wrote in Devin's web app;
- **said: from before the link**: a thread shows what was said before it was linked;
- **said: in a thread that does not follow**: it was unfollowed, or is another session's;
- **said: in a shared channel**: another organization can read it;
- **said: in a channel with another id**: its links ended when it was shared;
- **card wrong in the end**: a thread's card does not show what is so, or there is not just one;
- **status wrong in the end**: Slack's own state of a thread, that of an agent's session, is not so.

Messages that are said within two seconds around a link, or around the choice to follow or not, are
ambiguous: Devin says nothing then (`voices.py`). Those in a thread that follows turns may be shown
or not; but none twice, or behind a later one.
"""

from collections.abc import Iterator

from chaos.speech import Ear, Heard, Speech, Spoken, Why, is_card_right, is_status_right

LOST, DOUBLED, DISORDER = "said: lost", "said: doubled", "said: out of order"
CARD_WRONG, LINKED = "card wrong in the end", "said: linked needlessly"
STATUS_WRONG = "status wrong in the end"
_WRONG = tuple(why.value for why in Why if why is not Why.PERHAPS)
SAID_SINS = (LOST, DOUBLED, DISORDER, LINKED, *_WRONG, CARD_WRONG, STATUS_WRONG)


def said_sins(speech: Speech) -> Iterator[tuple[str, str]]:
    """Yield each sin with the message, or the session, and the thread that it is about."""
    linked = [
        f"{number} in {place.channel} {place.root}"
        for place, heard in speech.heard.items()
        for number in heard.linked.elements()
    ]
    if len(linked) > speech.refused:
        yield LINKED, f"{speech.refused} refused for good, not {linked}"
    for ear in speech.threads:
        heard = speech.heard[ear.place]
        where = f"{ear.place.channel} {ear.place.root}"
        for one in speech.spoken:
            for sin in _sins(one, ear, heard):
                yield sin, f"{one.number} in {where}"
        for number, other in _order(heard):
            yield DISORDER, f"{number} behind {other} in {where}"
        if not is_card_right(speech, ear):
            yield CARD_WRONG, f"{ear.session} in {where}: {heard.cards}, not {[*ear.expects]}"
        if not is_status_right(speech, ear):
            shown = speech.statuses.get(ear.place.root, "none")
            yield STATUS_WRONG, f"{ear.session} in {where}: {shown}, not {[*ear.statuses]}"


def counts(speech: Speech) -> dict[str, int]:
    """Return how much was said and heard."""
    pairs = [(one, place, why) for one in speech.spoken for place, why in one.heard.items()]
    return {
        "said by Devin": len(speech.spoken),
        "threads to hear it": sum(why is None for _, _, why in pairs),
        "heard": sum(why is None and speech.heard[place].has(one) for one, place, why in pairs),
        "not to be heard": sum(why not in {None, Why.PERHAPS} for _, _, why in pairs),
        "perhaps to be heard": sum(why is Why.PERHAPS for _, _, why in pairs),
        "unknown states": speech.odd,
        "files of Devin linked": sum(it.linked.total() for it in speech.heard.values()),
        "threads": len(speech.ears),
    }


def _sins(one: Spoken, ear: Ear, heard: Heard) -> Iterator[str]:
    """Yield the sins of a thread at a message."""
    otherwise = Why.BEFORE if one.session == ear.session else Why.UNFOLLOWED
    why = one.heard.get(ear.place, otherwise)
    if why not in {None, Why.PERHAPS}:
        if heard.has_any(one):
            yield why.value
        return
    if why is None and not heard.has(one):
        yield LOST
    if heard.has_twice(one):
        yield DOUBLED


def _order(heard: Heard) -> Iterator[tuple[int, int]]:
    """Yield each message with a piece that is behind a later piece; a repeated one counts once."""
    latest = (-1, -1)
    for number, at in dict.fromkeys(heard.order):
        if (number, at) < latest:
            yield number, latest[0]
        latest = max(latest, (number, at))
