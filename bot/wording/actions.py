"""Action ids, callback ids and block ids: Slack sends them back with each press and submission.

Messages that were posted long ago still carry them, so they never change.
"""

SEND_AGAIN = "send_again"
UNLINK = "unlink"
OPEN_SESSION = "open_session"
LINK_OFFERED = "link_offered"
SEND_CORRECTION = "send_correction"

ASK_SESSION = "ask_session"

SAY_FORM = "say_form"
SAY_CHOSEN = "say_chosen"
SAY_CANCELLED = "say_cancelled"

HOME_MUTE = "home_mute"
HOME_UNMUTE = "home_unmute"
HOME_UNLINK = "home_unlink"
HOME_EARLIER = "home_earlier"
HOME_LATER = "home_later"

SESSION_FIELD = "session"
TYPED_FIELD = "typed"
MESSAGE_FIELD = "message"
