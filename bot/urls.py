"""Checks addresses before anything connects to them: TLS, a password, this machine only.

All messages say what is wrong without repeating the address, which may contain a password.
"""

import ipaddress
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from urllib.parse import SplitResult, parse_qs, quote, unquote, urlsplit

_REDIS_SCHEMES = ("redis", "rediss", "redis+cluster", "rediss+cluster", "unix")

_UNQUOTED = "!$&'()*+,;=~"
"""What yarl leaves unquoted in a password, beside letters, digits and `-._`."""

_FALSE = frozenset({"", "0", "F", "FALSE", "N", "NO"})
"""Values that redis-py 8 reads as false in a query, in any case, or for an empty parameter."""

_REDIS_QUERY: Mapping[str, Callable[[str], bool]] = {
    "db": str.isdecimal,
    "username": bool,
    "password": bool,
    "client_name": bool,
}
"""The parameters of a Redis address, and what their values look like: redis-py would fail at any
other, or prefer it to the relay's own, as a timeout."""

_TLS_QUERY: Mapping[str, Callable[[str], bool]] = {
    "ssl_ca_certs": bool,
    "ssl_certfile": bool,
    "ssl_keyfile": bool,
    "ssl_check_hostname": bool,
    "ssl_cert_reqs": ("required", "optional", "none").__contains__,
}


def check_web_address(url: str) -> str:
    """Return the URL without a final slash; `ValueError` unless it is https, or loopback http."""
    parts = _http_parts(url)
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        raise ValueError("would send secrets to another machine without TLS")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError("contains credentials, a query or a fragment")
    return url.rstrip("/")


def check_slack_address(url: str) -> str:
    """Return the URL with a final slash, as slack_sdk wants it; a remote one also needs a path."""
    url = check_web_address(url)
    if not urlsplit(url).path and not is_loopback(urlsplit(url).hostname or ""):
        raise ValueError("has no path")
    return url + "/"


def check_proxy_address(url: str) -> None:
    """Raise `ValueError` unless it is the address of a proxy, perhaps with a user and password."""
    parts = _http_parts(url)
    if parts.path not in {"", "/"} or parts.query or parts.fragment:
        raise ValueError("contains a path, a query or a fragment")


def check_redis_address(url: str, *, may_be_insecure: bool) -> str:
    """Return the URL; `ValueError` unless it is local, or has verified TLS and a password.

    A client certificate is as good as a password. `may_be_insecure` waives both.
    """
    parts = _parts(url)
    if parts.scheme not in _REDIS_SCHEMES:
        raise ValueError("isn't a Redis URL")
    if not (parts.path if parts.scheme == "unix" else parts.hostname):
        raise ValueError("doesn't say where Redis is")
    if is_cluster(url) and (parts.path not in {"", "/", "/0"} or "db" in parse_qs(parts.query)):
        raise ValueError("names a database, but a Cluster has only 0")
    is_near = parts.scheme == "unix" or is_loopback(parts.hostname or "")
    if not is_near and not may_be_insecure and (need := _lacking(url)):
        raise ValueError(
            f"a remote Redis needs {need}, because anyone who can write to it can control Devin "
            "(ALLOW_INSECURE_REDIS=true overrides this)"
        )
    _check_redis_query(parts)
    return url


def is_secure(url: str) -> bool:
    """Return True if words may be sent to a URL that Slack named: by TLS, or to this machine."""
    try:
        parts = _parts(url)
    except ValueError:
        return False
    is_near = parts.scheme in {"http", "ws"} and is_loopback(parts.hostname or "")
    has_tls = parts.scheme in {"https", "wss"} and bool(parts.hostname)
    return (has_tls or is_near) and "@" not in parts.netloc and not parts.fragment


def is_cluster(url: str) -> bool:
    """Return True if this is the Redis address of a Cluster."""
    return url.partition("://")[0].endswith("+cluster")


def is_loopback(host: str) -> bool:
    """Return True if the host is this machine, by its name or address."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    with suppress(ValueError):
        address = ipaddress.ip_address(host)
        mapped = getattr(address, "ipv4_mapped", None)  # Python 3.13 looks at it itself
        return bool((mapped or address).is_loopback)
    return False


def is_name(host: str) -> bool:
    """Return True if the host is a name other than this machine's, and not an IP address.

    An IPv4 address has several forms: resolvers take "0x7f.1", too.
    """
    host = host.removesuffix(".")
    is_address = ":" in host or re.fullmatch(r"(?:.*\.)?(?:\d+|0[xX][0-9a-fA-F]*)", host)
    return not is_address and not is_loopback(host)


def passwords(url: str) -> set[str]:
    """Return the password in the address of a Redis or a proxy, as written and decoded."""
    parts = _parts(url)
    written = [parts.password or "", *re.findall(r"(?:^|&)password=([^&]+)", parts.query)]
    plain = {unquote(one) for one in written if one}
    return {*filter(None, written), *plain, *(quote(one, safe=_UNQUOTED) for one in plain)}


def _check_redis_query(parts: SplitResult) -> None:
    """Raise `ValueError` if redis-py couldn't connect to the address, whatever its server is."""
    if parts.scheme != "unix" and not re.fullmatch(r"/?[0-9]*", parts.path):
        raise ValueError("names a database that isn't a number")
    known = {**_REDIS_QUERY, **(_TLS_QUERY if parts.scheme.startswith("rediss") else {})}
    for name, values in parse_qs(parts.query).items():
        if name not in known:
            names = ", ".join(sorted(known))
            raise ValueError(f"has a parameter other than {names}")
        if not all(map(known[name], values)):
            raise ValueError(f"has a value of {name} that isn't valid")


def _lacking(url: str) -> str:
    """Return what a secure connection to another machine needs and this address lacks, or ""."""
    parts = _parts(url)
    is_known_to_server = passwords(url) or "ssl_certfile" in parse_qs(parts.query)
    if not parts.scheme.startswith("rediss") or not is_known_to_server:
        return "TLS (rediss://) and a password"
    asked = parse_qs(parts.query, keep_blank_values=True)
    if any(value != "required" for value in asked.get("ssl_cert_reqs", ())):
        return "verified TLS, which ssl_cert_reqs prevents"
    if any(value.upper() in _FALSE for value in asked.get("ssl_check_hostname", ())):
        return "verified TLS, which ssl_check_hostname prevents"
    return ""


def _http_parts(url: str) -> SplitResult:
    parts = _parts(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("isn't an HTTP(S) URL")
    return parts


def _parts(url: str) -> SplitResult:
    if re.search(r"[\s\x00-\x1f\x7f]", url):  # urlsplit drops line breaks without a word
        raise ValueError("contains a space")
    try:
        parts = urlsplit(url)
        # Connecting encodes the host; it fails at an empty label, or one of over 63 characters.
        _ = parts.port, (parts.hostname or "").encode("idna")
    except ValueError:  # its message repeats a part of the address
        raise ValueError("isn't a valid URL") from None
    return parts
