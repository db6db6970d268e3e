import json

from hypothesis import given
from hypothesis import strategies as st

from bot.text.devin_markdown import MOST_IN_NAME, SentFile, cut_files, harmless_name
from sandbox.slack.world.live import live
from tests.support.tables import each


@each(
    ("text", "rest", "files"),
    [
        (
            'Look:\nATTACHMENT:{"url": "https://a.io/f/shot%201.png"}\nDone.',
            "Look:\nDone.",
            [SentFile("https://a.io/f/shot%201.png", "shot 1.png")],
        ),
        (
            'ATTACHMENT:{"url": "https://a.io/1", "name": "log.txt"}',
            "",
            [SentFile("https://a.io/1", "log.txt")],
        ),
        (
            'ATTACHMENT:{"url": "https://a.io/1", "filename": "a.py"}\nATTACHMENT:"http://b.io/c"',
            "",
            [SentFile("https://a.io/1", "a.py"), SentFile("http://b.io/c", "c")],
        ),
        (
            'See ATTACHMENT:{"url": "https://a.io/x{y}.md"} please',
            "See  please",
            [SentFile("https://a.io/x{y}.md", "x{y}.md")],
        ),
        (
            'ATTACHMENT:{"url": "https://a.io/1", "of": {"id": "}"}}',
            "",
            [SentFile("https://a.io/1", "1")],
        ),
        ('ATTACHMENT:{"url": "https://a.io"}', "", [SentFile("https://a.io", "file")]),
    ],
)
def test_the_markers_of_devins_files_are_cut_out(
    text: str, rest: str, files: list[SentFile]
) -> None:
    """A file goes into the thread by itself; its name is the marker's or the address's."""
    assert cut_files(text) == (rest, tuple(files))


@each(
    "text",
    [
        '```\nATTACHMENT:{"url": "https://a.io/1"}\n```',
        '- x\n  ~~~\n  ATTACHMENT:"https://a.io/1"\n  ~~~',
        '    ATTACHMENT:"https://a.io/1"',
        '`ATTACHMENT:"https://a.io/1"`',
        'ATTACHMENT:{"url": "ftp://a.io/1"}',
        'ATTACHMENT:{"url": "javascript:alert(1)"}',
        'ATTACHMENT:{"url": "https://a.io/\\n1"}',
        'ATTACHMENT:{"url": "https://["}',
        'ATTACHMENT:{"url": 1}',
        'ATTACHMENT:{"name": "x"}',
        'ATTACHMENT:{"url": "https://a.io/1"',
        "ATTACHMENT:" + '{"a":' * 9_000,
        "ATTACHMENT:https://a.io/1",
        "no file",
    ],
)
def test_what_is_no_marker_stays_as_text(text: str) -> None:
    """Code that speaks of markers, other schemes and broken JSON are words."""
    assert cut_files(text) == (text, ())


@each(
    ("name", "shown"),
    [
        ("a.txt", "a.txt"),
        ("../../etc/passwd", "passwd"),
        ("C:\\temp\\b.txt", "b.txt"),
        ("\u202egnp.exe", "gnp.exe"),
        ("<!channel> @here.txt", "_!channel_ _here.txt"),
        ("a\nb\x00c", "a bc"),
        (".bashrc", "bashrc"),
        ("", "file"),
        ("..", "file"),
        ("x" * 300 + ".tar.gz", "x" * 117 + ".gz"),
    ],
)
def test_a_files_name_is_harmless(name: str, shown: str) -> None:
    """Slack shows the name in the thread, and people save the file under it."""
    assert harmless_name(name) == shown


@given(st.text(max_size=200), st.text(max_size=30))
def test_no_name_is_live_or_empty(name: str, rest: str) -> None:
    """Any name that Devin gives becomes one that pings nobody."""
    shown = harmless_name(name)
    assert 0 < len(shown) <= MOST_IN_NAME
    assert live({"filename": shown, "title": shown}) == []
    assert not set(shown) & set("/\\<>@\n")
    marker = json.dumps({"url": "https://a.io/1", "name": name})
    assert cut_files(f"{rest.strip()}\nATTACHMENT:{marker}")[1][-1:]
    shown.encode()
