"""Tells which addresses a reader may follow, and which labels would hide where a link leads.

Slack documents no guard against `[good.com](https://evil.com)`, so a label that looks like another
address gives way to the address itself. Nothing here does I/O or raises.
"""

import re
import unicodedata
from urllib.parse import unquote, urlsplit

from markdown_it.common.normalize_url import normalizeLink

from bot.text.to_slack import seen

_HOST = re.compile(r"[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?\.?|\[[0-9a-f:.]+\]", re.IGNORECASE)
_UNSAFE = re.compile(r"[^!#$%&*+,./0-9:=?A-Z_a-z~-]")
_DOTS = re.compile("[。．｡․‧∙·・⸱ꓸ٠۔۰᛫⋅ꞏᐧ܁܂꘎⸳·𐄁𐤟𐩐𝅭]")  # noqa: RUF001  (look-alikes)
_COLONS = re.compile("[ː˸։׃܃܄᛬᠃᠉⁚∶ꓽ꞉︰]")  # noqa: RUF001  (look-alikes)
_THIN = "\u00a0\u1680\u2000-\u200a\u202f\u205f\u2800\u3000"
_AROUND_DOT = re.compile(
    rf"\s+(?=\.)|(?<=\.)[{_THIN}]+"
    r"|(?<=\.)\s+(?=(?:com|org|net|edu|gov|mil|int|io|ai|app|dev|info|biz|[a-z]{2}\.[a-z]{2})\b)"
)
"""Blanks that leave an address looking like one."""

_NO_LOOK = frozenset({"Cf", "Mn", "Me"})
"""Categories of characters that are not seen, or change little of the one before."""

_NAME = re.compile(r"(?<![\w-])(?:[\w-]++(?:\.[\w-]++)+|localhost(?![\w-]))")
_DOMAIN_END = re.compile(r"xn--[a-z0-9-]+|[^\W\d_]{2,}")
_FOUR_NUMBERS = re.compile(r"\d+\.\d+\.\d+\.\d+")
_SCHEME = re.compile(r"(?<![a-z0-9+.-])[a-z0-9+.-]++:\s*+[/\\⁄∕⧸]")  # noqa: RUF001  (look-alikes)
_NO_DOMAIN = re.compile(
    "c|cfg|class|cpp|cs|css|csv|env|go|gz|h|hpp|html|ini|ipynb|jpg|js|json|jsx|kt|lock|log"
    "|patch|pdf|php|png|rb|scss|sql|svg|toml|ts|tsx|txt|vue|xml|yaml|yml"
)
"""Ends of file names that are no top-level domains (IANA's list)."""

_SOURCE_FILES = frozenset({"java", "md", "pl", "py", "rs", "sh", "tf"})
"""Ends of file names that are top-level domains as well."""


def safe_address(target: str) -> str | None:
    """Return the http(s) address that a link may lead to, or None if it may not be live.

    A user name and password before the host are dropped, since `https://good.com@evil.com` leads to
    evil.com. A host in other scripts is written in ASCII, as `xn--…`. What could end the address in
    Markdown or in Slack's markup is percent-encoded.
    """
    try:
        parts = urlsplit(normalizeLink(target.strip()))
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return None
    if parts.scheme not in {"http", "https"} or "\\" in target or "%5C" in parts.netloc.upper():
        return None
    host = f"[{host}]" if ":" in host else host
    if not _HOST.fullmatch(host):
        return None
    ends = (("?", parts.query), ("#", parts.fragment))
    rest = parts.path + "".join(sign + part for sign, part in ends if part)
    rest = _UNSAFE.sub(lambda sign: "".join(f"%{byte:02X}" for byte in sign[0].encode()), rest)
    return f"{parts.scheme}://{host}{f':{port}' if port else ''}{rest}"


def misleads(label: str, address: str) -> bool:
    """Return True if `label` looks like another address than `address`, a `safe_address`."""
    shown = _as_seen(label).strip().lower()
    if unquote(shown).lower().rstrip("/") == unquote(address).lower().rstrip("/"):
        return False
    if _SCHEME.search(shown):
        return True
    parts = urlsplit(address)
    host = (parts.hostname or "").removeprefix("www.")
    last = unquote(parts.path).rstrip("/").rpartition("/")[2].lower()
    return any(
        name.removeprefix("www.") != host and not _is_file(name, last) for name in _hosts_in(shown)
    )


def _as_seen(label: str) -> str:
    """Return what a reader may take a label for, in plain characters."""
    dotted = _COLONS.sub(":", _DOTS.sub(".", seen(label)))
    visible = (one for one in dotted if unicodedata.category(one) not in _NO_LOOK)
    # A blank that is no plain one becomes one here, so it goes before.
    apart = _AROUND_DOT.sub("", "".join(visible).lower())
    plain = _DOTS.sub(".", unicodedata.normalize("NFKC", apart))
    return "".join(one for one in plain if unicodedata.category(one) not in _NO_LOOK)


def _hosts_in(label: str) -> list[str]:
    found = []
    for name in _NAME.finditer(label):
        before = label[max(name.start() - 2, 0) : name.start()]
        is_in_path = before[1:] == "/" and (before[0].isalnum() or before[0] in "_-")
        if _is_like_host(name[0]) and not is_in_path:
            found.append(name[0].strip("_-"))
    return found


def _is_like_host(name: str) -> bool:
    end = name.rpartition(".")[2].rstrip("_-")
    if name == "localhost" or _FOUR_NUMBERS.fullmatch(name):
        return True
    return bool(_DOMAIN_END.fullmatch(end)) and not _NO_DOMAIN.fullmatch(end)


def _is_file(name: str, last: str) -> bool:
    return name == last and name.count(".") == 1 and name.rpartition(".")[2] in _SOURCE_FILES
