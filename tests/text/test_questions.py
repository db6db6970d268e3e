from hypothesis import given

from bot.text.questions import MOST_IN_LABEL, label, parse_question
from tests.support.tables import each
from tests.text.hostile import markdown

_LONG = "Rewrite the importer so that it reads the archive at once and keeps the order of all rows"


@each(
    "text",
    [
        "Done.",
        "",
        "I changed these:\n\n- a\n- b",
        "1. build\n2. test",
        "I pushed it. Let me know what you think.",
        "The answer was yes/no.",
        "```\nis this code?\n```",
        "| What? |\n|---|\n| x? |",
        "What I did:\n- a\n- b",
        "> Do you agree?",
        "It works (does it?) now.",
        "I've opened the PR.\n\n## What changed?\n\n- Fixed the login\n- Added tests",
        "## Which one?\n\n- a\n- b",
        "What changed?\n\n- Fixed the login\n- Added tests",
        "Why did it fail?\n\n- The disk was full\n- The retry was off",
        "How to test it?\n\n1. Open the page\n2. Press *Log in*",
        "Which files changed?\n\n- a.py\n- b.py",
        "What happened? Here is the summary:\n\n- It failed\n- It passed",
        "I wasn't sure which you prefer, so I did both:\n\n- a\n- b",
        "See https://ci.example/job?",
        "All is at <https://ci.example/job?>",
        "The regex is now `(foo)?`",
        "How do you run it?\n\n1. make\n2. make run",
        "What should have happened? See above.",
        "How do I run it?\n\n```\nmake\n```",
        "Does it work?\n\n```\n$ make test\nok\n```",
        "Why?\n\nhttps://ci.example/job",
        "Can I rely on the cache? No: it is cleared every night.",
        "I've finished. Do you have any questions?",
        "All tests pass. Is there anything else you need?",
        "Done. Let me know if you have any questions.",
        "I opened the pull request.\n\nIs there anything else I can help with?",
        "Any questions?",
        "Should I have used Redis? The data is small, so a file is enough.",
    ],
)
def test_a_message_that_ends_otherwise_is_no_question(text: str) -> None:
    """Devin waits at the end of every turn, so only its last sentence tells."""
    assert parse_question(text) is None


@each(
    "text",
    [
        "Should I merge it?",
        "All tests pass. **Shall I open the pull request?**",
        "Done.\n\nDo you want me to delete `main.py`?",
        "May I delete the branch or not?",
        "Also, can I use the staging key?",
        "Isn't that too slow?",
        "Note: would you like a benchmark?",
        "Should I push? Let me know.",
        "Shall I merge it? (yes/no)",
        "Should I proceed? [Y/n]",
        "Ready when you are: go on? Yes or no?",
        "Should I merge it?\n\nhttps://github.com/acme/app/pull/42",
        "Should I merge it?\n\n[#42](https://github.com/acme/app/pull/42)",
        "Should I merge it? Here is the diff:\n\n```diff\n+ a\n```",
        "Do you want me to fix these?\n\n| file | line |\n|---|---|\n| a | 1 |",
        "Shall I proceed? It will take an hour.",
        "Does this look right?\n\n- Log in\n- Log out",
        "Would that work for you?\n\n```\nmake\n```",
        "Shall I delete these files?\n\n- a.py\n- b.py",
        "Is it the one at https://ci.example/job?",
    ],
)
def test_a_question_that_asks_for_consent_offers_yes_and_no(text: str) -> None:
    """What begins with a verb such as do, should or may is answered by yes or no."""
    assert parse_question(text) == ("Yes", "No")


@each(
    "text",
    [
        "What is the name of the bucket?",
        "Should I use Postgres or SQLite?",
        "I can rewrite it, or patch it. Please tell me which you prefer.",
        "Which one?\n\n1. a\n2. b\n3. c\n4. d\n5. e\n6. f",
        "Which one?\n\n- only this",
        "I need to know:\n\n1. What is the host?\n2. What is the port?",
        "Which one?\n\n- same\n- same",
        "Which one?\n\n- a\n\n  with a second paragraph\n- b",
        "Which one?\n\n- " + "long " * 100 + "\n- b",
        "どれですか？",  # noqa: RUF001  (a question mark all the same)
        "ما اسم الحاوية؟",
        "ماذا أفعل؟ ",
    ],
)
def test_other_questions_ask_for_words(text: str) -> None:
    """Buttons are for a few short answers."""
    assert parse_question(text) == ()


@each(
    ("text", "options"),
    [
        ("Which?\n\n1. Red\n2. Blue\n\nPlease let me know.", ("Red", "Blue")),
        ("Two ways:\n\n1. Red\n2. Blue\n\nLet me know which one you prefer.", ("Red", "Blue")),
        ("Which one?\n\n1. Rebase\n2. Merge", ("Rebase", "Merge")),
        ("Which one?\n- Rebase\n- Merge\n- Squash", ("Rebase", "Merge", "Squash")),
        ("How shall I go on?\n\nA) Wait\nB) Retry", ("Wait", "Retry")),
        ("How shall I go on?\na. Wait\nb. Retry", ("Wait", "Retry")),
        ("How?\n\n- A) Wait\n- B) Retry", ("Wait", "Retry")),
        ("Which do you prefer? Your options:\n\n- x\n- y", ("x", "y")),
        ("Please choose one:\n\n* x\n* y", ("x", "y")),
        ("There are two ways:\n\n1. x\n2. y\n\nWhich do you prefer?", ("x", "y")),
        (
            "Which?\n\n- **Keep** `it` as [is](https://a.io)\n- Drop &amp; go",
            ("Keep it as is", "Drop & go"),
        ),
        ("Tell me.\n\n**OPTIONS:** Do it | *Wait*", ("Do it", "Wait")),
        ("Tell me.\nOPTIONS: now | later | never", ("now", "later", "never")),
        ("How should I go on?\n\n- x\n- y", ("x", "y")),
        ("How long shall they be?\n\n- Short\n- In full", ("Short", "In full")),
        ("How many runs do you want?\n\n- One\n- Ten", ("One", "Ten")),
        ("Should they be short or in full?\n\n- Short\n- In full", ("Short", "In full")),
        ("Should I:\n\n- Rebase\n- Merge", ("Rebase", "Merge")),
        ("Do you want one of these or the old one?\n\n- x\n- y", ("x", "y")),
    ],
)
def test_a_closing_list_offers_its_items(text: str, options: tuple[str, ...]) -> None:
    """Two to five short items below a question, without their marks, are its answers."""
    assert parse_question(text) == options


def test_a_label_is_cut_and_the_option_is_not() -> None:
    """A button shows 75 characters; what it sends is Devin's option in full."""
    assert parse_question(f"Which?\n\n1. {_LONG}\n2. Wait") == (_LONG, "Wait")
    assert label(_LONG) == f"{_LONG[: MOST_IN_LABEL - 1].rstrip()}…"


def test_a_label_of_emoji_is_cut_by_utf_16_units() -> None:
    """Slack does not say what its 75 characters are, and an emoji has two units."""
    shown = label("🚀" * 60)
    assert shown == "🚀" * 37 + "…"
    assert len(shown.encode("utf-16-le")) // 2 == MOST_IN_LABEL


@given(markdown())
def test_any_message_can_be_asked_for_its_question(text: str) -> None:
    """Hostile Markdown raises nothing, and its options fit on buttons."""
    for option in parse_question(f"{text}\n\nWhich?\n\n- {text}\n- other") or ():
        units = len(label(option).encode("utf-16-le", "surrogatepass")) // 2
        assert 0 < units <= MOST_IN_LABEL
