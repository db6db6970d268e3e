"""Action ids, callback ids and block ids: Slack sends them back with each press and submission.

Messages that were posted long ago still carry them, so they never change.
"""

SEND_AGAIN = "send_again"
UNLINK = "unlink"
OPEN_SESSION = "open_session"
LINK_OFFERED = "link_offered"
SEND_CORRECTION = "send_correction"

START_SPOKEN = "start_spoken"
LINK_SPOKEN = "link_spoken"
RUN_SPOKEN = "run_spoken"
SEND_SPOKEN = "send_spoken"

FOLLOW = "follow"
UNFOLLOW = "unfollow"
APPROVE = "approve"
ANSWER = "answer"
"""The prefix of a question's buttons, each of which ends with its number."""

HOW_TO_ANSWER = "how_to_answer"
"""The prefix of the block that explains a question's buttons, and goes with them."""

ASK_SESSION = "ask_session"

SAY_FORM = "say_form"
SAY_CHOSEN = "say_chosen"
SAY_CANCELLED = "say_cancelled"

OPEN_START_FORM = "open_start_form"
START_FORM = "start_form"
START_AGAIN = "start_again"
AGAIN_FORM = "start_again_form"
CHANGE_DEFAULTS = "change_defaults"
DEFAULTS_FORM = "defaults_form"
START_NEW = "start_new"
CONTINUE_SESSION = "continue_session"
END_SESSION = "end_session"
ARCHIVE_SESSION = "archive_session"
KEEP_SESSION = "keep_session"

HOME_MENU = "home_menu"
HOME_UNLINK_FORM = "home_unlink_form"
HOME_MUTE = "home_mute"
HOME_UNMUTE = "home_unmute"
HOME_UNLINK = "home_unlink"
HOME_EARLIER = "home_earlier"
HOME_LATER = "home_later"

SESSION_FIELD = "session"
TYPED_FIELD = "typed"
MESSAGE_FIELD = "message"
CHANNEL_FIELD = "channel"
PROMPT_FIELD = "prompt"
REPO_FIELD = "repo"
MODE_FIELD = "mode"
PLAYBOOK_FIELD = "playbook"
CAP_FIELD = "cap"
TAGS_FIELD = "tags"
WORDS_FIELD = "words"
