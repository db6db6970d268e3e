"""What the relay has with all its features."""

from pathlib import Path

from bot.runtime.logs import Event
from bot.wording.commands import helped, say_helped
from handlers import FEATURES
from handlers.parse.commands import CORE

VERBS = {**CORE, **{verb: one for feature in FEATURES for verb, one in feature.verbs.items()}}
HELP = helped([feature.help for feature in FEATURES if feature.help])
SAY_HELP = say_helped([feature.say_help for feature in FEATURES if feature.say_help])
EVENTS = {*Event, *(event for feature in FEATURES for event in feature.events)}
BOT = Path(__file__).parents[2] / "bot"
WORDING = [*sorted((BOT / "wording").rglob("*.py")), *sorted(BOT.glob("features/*/words.py"))]
"""The files with what people read."""
