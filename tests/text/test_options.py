"""Options at the beginning of a prompt, as people write them."""

from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.model.options import (
    MODES,
    BadOptions,
    OptionFlaw,
    Options,
)
from bot.text.options import parse_options
from bot.text.to_slack import escape
from tests.support.tables import each

F = OptionFlaw


@each(
    ("text", "options", "prompt"),
    [
        ("Fix the login", Options(), "Fix the login"),
        ("", Options(), ""),
        ("repo:acme/api Fix it", Options(repos=("acme/api",)), "Fix it"),
        ("repo=acme/api\nFix it", Options(repos=("acme/api",)), "Fix it"),
        ("Repo:acme/api MODE:Fast x", Options(repos=("acme/api",), mode="fast"), "x"),
        ("repo:a/b,c/d repos:e/f x", Options(repos=("a/b", "c/d", "e/f")), "x"),
        ("repo:a/b repo:a/b x", Options(repos=("a/b",)), "x"),
        ("!fast x", Options(mode="fast"), "x"),
        ("!Ultra !deploy x", Options(mode="ultra", playbook="!deploy"), "x"),
        ("playbook:!deploy x", Options(playbook="!deploy"), "x"),
        ("playbook:playbook-0a1b x", Options(playbook="playbook-0a1b"), "x"),
        ("mode:preview-2 x", Options(mode="preview-2"), "x"),
        ("max:10 x", Options(max_acu=10), "x"),
        ("tag:oncall tags:a,b x", Options(tags=("oncall", "a", "b")), "x"),
        ('tag:"a, b" x', Options(tags=("a, b",)), "x"),
        ('title:"Login test" x', Options(title="Login test"), "x"),
        ("title:“Login test” x", Options(title="Login test"), "x"),
        ("title:„Login test“ x", Options(title="Login test"), "x"),
        ("title:'Login test' x", Options(title="Login test"), "x"),
        ("title:”Login test” x", Options(title="Login test"), "x"),
        ("title:’Login test’ x", Options(title="Login test"), "x"),  # noqa: RUF001
        ("title:«\u00a0Login test\u00a0» x", Options(title="Login test"), "x"),
        ("title:»Login test« x", Options(title="Login test"), "x"),
        ("title:‚Login test‘ x", Options(title="Login test"), "x"),  # noqa: RUF001
        ("title:Login test", Options(title="Login"), "test"),
        ('title:"See <https://a.b/c>" x', Options(title="See https://a.b/c"), "x"),
        ("tag:&lt;@U1&gt; x", Options(tags=("<@U1>",)), "x"),
        ('title:"Q&amp;A" x', Options(title="Q&A"), "x"),
        ("repo:`acme/api` x", Options(repos=("acme/api",)), "x"),
        ("`repo:acme/api` *max:1* x", Options(repos=("acme/api",), max_acu=1), "x"),
        ("`max:1 tag:a` x", Options(max_acu=1, tags=("a",)), "x"),
        ("repo:acme/api", Options(repos=("acme/api",)), ""),
        ("!!! it burns", Options(), "!!! it burns"),
        ("!fast, please", Options(), "!fast, please"),
        ("Look at repo:acme/api", Options(), "Look at repo:acme/api"),
        ("max:1 , x", Options(max_acu=1), ", x"),
        ("max:1 x repo:a/b  y\n z ", Options(max_acu=1), "x repo:a/b  y\n z "),
        ("  x ", Options(), "  x "),
    ],
)
def test_options_end_where_the_prompt_begins(text: str, options: Options, prompt: str) -> None:
    """The prompt is kept to the letter, with what looks like an option behind its first word."""
    assert parse_options(text) == (options, prompt)


@pytest.mark.parametrize(
    ("written", "repo"),
    [
        ("<https://github.com/acme/api>", "acme/api"),
        ("<https://github.com/acme/api.git|github.com/acme/api.git>", "acme/api"),
        ("<http://github.com|github.com>/acme/api", "acme/api"),
        ("https://github.com/acme/api/tree/main/src", "acme/api"),
        ("https://github.com/acme/api/pull/7?w=1", "acme/api"),
        ("https://gitlab.com/acme/team/api/-/issues", "acme/team/api"),
        ("<mailto:git@github.com|git@github.com>:acme/api.git", "acme/api"),
        ("<https://git.acme.com/team/api>", "https://git.acme.com/team/api"),
        ("acme/api/", "acme/api"),
    ],
)
def test_an_address_of_a_repository_is_reduced_to_its_name(written: str, repo: str) -> None:
    """Of a host that is known; Slack's own markup is undone first."""
    assert parse_options(f"repo:{written} x") == (Options(repos=(repo,)), "x")


@each(
    ("text", "problems"),
    [
        ("repo: acme/api x", [(F.EMPTY, "repo", "")]),
        ("repo:acme x", [(F.WRONG, "repo", "acme")]),
        ("repo:acme/api, max:0 x", [(F.EMPTY, "repo", ""), (F.WRONG, "max", "0")]),
        ("repo:acme/api ,acme/web x", [(F.WRONG, "repo", ",acme/web")]),
        ("max:0 x", [(F.WRONG, "max", "0")]),
        ("max:1.5 x", [(F.WRONG, "max", "1.5")]),
        ("max:-3 x", [(F.WRONG, "max", "-3")]),
        ("max:ten x", [(F.WRONG, "max", "ten")]),
        ("max:٣ x", [(F.WRONG, "max", "٣")]),
        ("max:1 max:2 x", [(F.TWICE, "max", "2")]),
        ("!fast mode:lite x", [(F.TWICE, "mode", "lite")]),
        ("playbook:deploy x", [(F.WRONG, "playbook", "deploy")]),
        ("mode:none x", [(F.WRONG, "mode", "none")]),
        ('title:"Login test', [(F.WRONG, "title", '"Login')]),
        ('title:"Login Fix the "save" button', [(F.WRONG, "title", '"Login')]),
        ('title:"Login test", x', [(F.WRONG, "title", '"Login')]),
        ('title:"" x', [(F.EMPTY, "title", "")]),
        ("rep:acme/api x", [(F.NEAR, "repo", "rep")]),
        ("Tga:oncall x", [(F.NEAR, "tag", "Tga")]),
        ('titel:"Login test" x', [(F.NEAR, "title", "titel")]),
        ("titles:”Login test” x", [(F.NEAR, "title", "titles")]),
        ("title:’90s x", [(F.WRONG, "title", "’90s")]),  # noqa: RUF001
        ('tag:"Ask <@U1>" x', [(F.WRONG, "tag", "Ask @U1")]),
        ("tag:<#C1|>,a x", [(F.WRONG, "tag", "#C1")]),
        ("title:<!subteam^S1> x", [(F.WRONG, "title", "!subteam^S1")]),
        ("mod:fast x", [(F.NEAR, "mode", "mod")]),
        ('titles:"Login test" x', [(F.NEAR, "title", "titles")]),
        (
            "max:0 repo:x mdoe:fast y",
            [(F.WRONG, "max", "0"), (F.WRONG, "repo", "x"), (F.NEAR, "mode", "mdoe")],
        ),
        (" ".join(f"tag:t{number}" for number in range(50)), [(F.TOO_MANY, "tag", "49")]),
    ],
)
def test_all_that_is_wrong_is_found_at_once(text: str, problems: list[tuple[F, str, str]]) -> None:
    """Nothing of it is guessed."""
    with pytest.raises(BadOptions) as caught:
        parse_options(text)
    assert [(one.flaw, one.key, one.value) for one in caught.value.problems] == problems


@pytest.mark.parametrize(
    "text",
    [
        *("node:18 breaks", "code:red", "map:x", "role:admin", "page:home", "note:this"),
        *("http://x.com/y", "fix:login", "rep: x", "mod:x", "14:30 standup", "repro:click"),
        *("`title=` is cut", "*Title:* Login", "`max: 5` fails", "*repo:*x y", "```max:1```"),
        *("`node:18` breaks", "x `max:1`", "model: it crashes", "code:`x` breaks"),
    ],
)
def test_ordinary_first_words_are_prompt(text: str) -> None:
    """Although some are almost a key."""
    assert parse_options(text) == (Options(), text)


LINES = st.text(min_size=1).filter(str.strip)
REPOS = st.from_regex(r"[a-z][a-z0-9.-]{0,8}/[A-Za-z][a-z0-9_]{0,8}", fullmatch=True)
OPTIONS = st.builds(
    Options,
    repos=st.lists(REPOS, max_size=3, unique=True).map(tuple),
    mode=st.sampled_from(("", *MODES)),
    playbook=st.sampled_from(("", "!deploy", "playbook-1f")),
    max_acu=st.none() | st.integers(1, 999_999),
    tags=st.lists(LINES, max_size=3, unique_by=lambda one: Options(title=one).title).map(tuple),
    title=st.just("") | LINES,
)


@given(OPTIONS, st.sampled_from(("", "Fix it", "“quoted” words", "x repo:a/b")))
@example(Options(title="«Login»", tags=("’90s", "»", "‚")), "x")  # noqa: RUF001
def test_what_is_written_as_words_is_read_back(options: Options, prompt: str) -> None:
    """Whatever a form composes, the parser finds."""
    text = f"{escape(options.written())} {prompt}".strip()
    assert parse_options(text) == (options, prompt)


@given(st.text(), OPTIONS)
def test_no_text_breaks_the_parser(text: str, options: Options) -> None:
    """It is read, or refused with words."""
    for one in (text, f"{options.written()} {text}", f"repo:{text}", f"title:“{text}"):
        with suppress(BadOptions):
            assert one.endswith(parse_options(one)[1])


def test_what_a_person_chose_goes_before_what_is_there_already() -> None:
    """Field by field; tags add up."""
    own = Options(mode="fast", tags=("a", "b"), max_acu=3)
    other = Options(repos=("x/y",), mode="lite", tags=("b", "c"), max_acu=9, title="T")
    assert own.over(other) == Options(
        repos=("x/y",), mode="fast", tags=("a", "b", "c"), max_acu=3, title="T"
    )
    assert Options().over(other) == other == other.over(Options())


def test_only_defaults_have_words_and_are_cleared() -> None:
    """In a prompt, `words:` begins the prompt."""
    assert parse_options("words:x y") == (Options(), "words:x y")
    with pytest.raises(BadOptions):
        parse_options("max:none x")
