"""All user-facing text and forms, one file for each place where people read them.

Each sentence says what happened and what to do. Foreign text is escaped by `bot/text/to_slack.py`
before it enters one, so it can ping nobody and carries no markup. Buttons carry ids only, and their
handlers check those ids against the place where the button was pressed.
"""
