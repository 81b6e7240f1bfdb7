"""What no log, error, XCom or samplesheet may hold: credentials, and characters that change what a reader sees.

One list for all places: :func:`redacted` and :func:`redacted_json` take credentials out of data, :func:`one_line` and
:func:`several_lines` make text of AWS, of S3 and of files fit for logs and errors.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

MASK = "[redacted]"

LONGEST = 1_000_000
"""Characters of a text that are looked at; the rest is left out. AWS gives no text that is longer."""

INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode's categories of control and format characters (ANSI's escape, bidirectional overrides), lone surrogates, and
separators of lines and paragraphs."""

CREDENTIALS = (
    # https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html, and the same names as headers
    *("x-amz-signature", "x-amz-credential", "security-token", "session-token", "signature-provided"),
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerSideEncryptionCustomerKeys.html
    "server-side-encryption-customer-key",
    # https://docs.aws.amazon.com/sdkref/latest/guide/feature-static-credentials.html, and version 2
    *("access-key", "access-key-id", "secret-key"),
    # https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-signed-cookies.html
    *("key-pair-id", "cloudfront-policy", "cloudfront-signature"),
    # https://cloud.google.com/storage/docs/authentication/signatures
    *("x-goog-signature", "x-goog-credential", "google-access-id"),
    # https://learn.microsoft.com/azure/storage/common/storage-configure-connection-string
    "account-key",
)
"""The ends of names whose value is a credential, or belongs to one, wherever they are: in a URL, in JSON, as a header
or as an assignment. Case, hyphens, underscores and dots in a name mean nothing."""

IN_QUERIES = ("signature", "sig", "policy")
"""Names whose value is a credential in the query of a URL: S3's version 2
(https://docs.aws.amazon.com/AmazonS3/latest/API/RESTAuthentication.html), CloudFront
(https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-creating-signed-url-custom-policy.html)
and Azure (https://learn.microsoft.com/rest/api/storageservices/create-service-sas). Elsewhere they are words."""

HEADER = "authorization"
"""The end of the names of headers that are a credential up to the end of their line."""

# The patterns take time in proportion to the length of a text, whatever it says: a quantifier has a small upper bound,
# or gives nothing back and ends before the next sign, or is tried once for each ``name=`` or ``://``, at which the one
# before it has ended. ``%(?:25){0,3}`` is a percent sign that was encoded up to three times more.
_PERCENT = "%(?:25){0,3}"
_QUOTES = rf"(?:[\"'\\]|{_PERCENT}(?:2[27]|5[Cc])){{0,16}}"
_SPACES = rf"(?:[ \t]|{_PERCENT}20){{0,64}}+"
_SPACES_OF_A_FORM = rf"(?:[ \t+]|{_PERCENT}2[0Bb]){{0,64}}+"
"""A form has ``+`` for a space: https://url.spec.whatwg.org/#application/x-www-form-urlencoded."""
_WHITE = rf"(?:[ \t\r\n+]|\\{{1,8}}+[rnt](?![\w.-])|{_PERCENT}(?:2[0Bb]|0[9AaDd]|5[Cc][rnt](?![\w.-]))){{0,64}}+"
_BREAKS = rf"{_WHITE}(?=[\"'\[]|\\{{1,16}}[\"']|{_PERCENT}(?:2[27]|5[BbCc]))"
"""White space with line breaks, as JSON has it before a quote or a list, also where that JSON is text in JSON."""
_ENCODED = "(?:0[9AaDd]|2[027Bb]|3[AaDdEe]|5[BbCc])"
_START = rf"(?:(?<![\w.-])|(?<=%{_ENCODED})|(?<=%25{_ENCODED})|(?<=%2525{_ENCODED})|(?<=\\u003[AaDdEe]))"
"""Where a name may begin: also behind the encoded sign, white space or quotes of the name before it."""
_ASSIGNED = re.compile(
    rf"{_START}"
    r"(?!(?:(?<=</)|(?<=<\\/))[\w.-]++>)(?P<name>[\w.-]++)"
    rf"(?P<closing>{_QUOTES}){_SPACES_OF_A_FORM}"
    rf"(?:(?:[=:>]{{1,3}}|\\u003[AaDdEe])(?:{_BREAKS}|(?<=[\w\"']>){_WHITE}|{_SPACES})"
    rf"|{_PERCENT}(?:3[AaDd](?:{_BREAKS}|{_SPACES_OF_A_FORM})|3[Ee]{_WHITE}))"
    rf"(?P<opening>{_QUOTES}(?:(?:\[(?!redacted\])|{_PERCENT}5[Bb])(?:{_BREAKS}|{_SPACES}){_QUOTES})?(?:b?[\"'])?)",
    re.ASCII,
)
"""A name and what stands between it and its value, in a URL, JSON, Python, XML, as a header or as an assignment."""
_NAME = re.compile(r"[\w.-]+", re.ASCII)
_VALUE = re.compile(r"(?:[^\s\"'\\&<>,;(){}\[\]|`%]|%(?!(?:25){0,3}(?:0[AaDd]|2[0267])))*+")
_ENCODED_HEADER = re.compile(
    rf"(?:[^\r\n\"'\\&<>\[\]%]|{_PERCENT}5[Cc]{_PERCENT}2[27]|%(?!(?:25){{0,3}}(?:0[AaDd]|2[267])))*+"
)
_HEADER_IN_LIST = re.compile(r"(?!\[redacted)[^\r\n\]]*+")
_HEADER_IN_XML = re.compile(r"[^\r\n<]*+")
_HEADER_LINE = re.compile(r"(?:[^\r\n%]|%(?!(?:25){0,3}0[AaDd]))*+")
_HEADER_IN_QUOTES = {
    "\\" * escapes + quote: re.compile(
        rf"(?!\])(?:[^\r\n\\{quote}]|(?!\\{{{escapes + 1}}}[rn])"
        rf"(?:\\{{{escapes + 1},}}+{quote}?|\\{{0,{escapes}}}+(?<=\\)(?![\\{quote}])))*+"
    )
    for escapes in (0, 1, 3, 7)
    for quote in "\"'"
}
"""The value of a header by the quote before it: to that quote, which has fewer backslashes than those in the value."""
_QUOTE = re.compile(r"(?:\\{7}|\\{3}|\\)?[\"']\Z")
_ENCODED_QUOTE = re.compile("(?:25){0,3}2[27]")
_DIGEST = re.compile(
    r"[0-9A-Fa-f]{64,}+"
    rf"|(?:[A-Za-z0-9+/]|%(?!(?:25){{0,3}}3[AaDdEe])){{20,}}+(?:={{1,2}}|(?:{_PERCENT}3[Dd]){{1,2}})"
)
"""The digests by which URLs are signed: in hexadecimal digits, or in base64 with its padding."""
_ENCODED_DELIMITER = re.compile("(?:25){0,3}(?:26|3F)", re.IGNORECASE)
_USER = re.compile(r"(?P<before>:\\?/\\?/)(?P<user>[^\s/?#\"'<>\\]+)(?P<after>@)(?!sha\d)")
_ENCODED_USER = re.compile(
    rf"(?P<before>(?P<percent>{_PERCENT})3A(?P=percent)2F(?P=percent)2F)"
    r"(?P<user>(?:[\w.~!$*+-]|(?!(?P=percent)2F)%)+)(?P<after>(?P=percent)40)(?!sha\d)",
    re.IGNORECASE | re.ASCII,
)


def redacted(text: str) -> str:
    """Return a text without credentials: what URLs are signed with, AWS's keys, passwords in URLs.

    Ordinary text stays as it is. Of a text beyond :data:`LONGEST` characters, the rest is left out, with the word in
    which it begins: what is left of a credential might not be recognised.
    """
    if len(text) > LONGEST:
        kept = _without_last_word(text[: LONGEST - 50])
        text = f"{kept}… ({len(text) - len(kept):,} more characters)"
    text = _ENCODED_USER.sub(_without_user, _USER.sub(_without_user, text))
    parts: list[str] = []
    done = 0
    for found in _ASSIGNED.finditer(text):
        pattern = _value_of(found)
        value = pattern.match(text, found.end()) if pattern and found.end() >= done else None
        if value and value.group():
            parts += text[done : found.end()], MASK
            done = value.end()
    return "".join([*parts, text[done:]])


def holds_credentials(text: str) -> bool:
    """Tell whether :func:`redacted` would take something out of a text."""
    return redacted(text) != text


def redacted_json(value: Any) -> Any:
    """Return plain JSON without credentials in its keys and values, whatever its depth.

    The value of a key that names a credential is replaced as a whole; keys that become the same text are numbered.
    """
    root = [value]
    places: list[tuple[Any, Any]] = [(root, 0)]
    while places:  # and not recursion: JSON may be deeper than Python's stack
        holder, place = places.pop()
        item = holder[place]
        if isinstance(item, str):
            holder[place] = redacted(item)
        elif isinstance(item, Mapping):
            holder[place] = members = _redacted_members(item)
            places += [(members, key) for key in members]
        elif isinstance(item, Sequence) and not isinstance(item, bytes):  # Airflow's lazy ones, too
            holder[place] = items = list(item)
            places += [(items, number) for number in range(len(items))]
    return root[0]


def one_line(text: Any) -> str:
    """Return a text as one line without credentials: control characters are escaped, as in ``\\n`` and ``\\x1b``.

    It is for what comes from AWS, from S3 and from files: no such text may look like a line of Airflow's log.
    """
    return _escaped(redacted(str(text)), "\t")


def several_lines(text: str) -> str:
    """Return a text of this package as :func:`one_line` does, but with its line breaks."""
    return _escaped(redacted(text), "\t\n")


def _escaped(text: str, kept: str) -> str:
    if text.isprintable():
        return text
    return "".join(
        character.encode("unicode_escape").decode()
        if character not in kept and unicodedata.category(character) in INVISIBLE
        else character
        for character in text
    )


def _plain(name: str) -> str:
    return re.sub("[-_.]", "", name).lower()


_CREDENTIALS = tuple(_plain(name) for name in CREDENTIALS)


def _value_of(found: re.Match[str]) -> re.Pattern[str] | None:
    """Return the pattern of the value that is a credential, if the name that was found has one."""
    name = _plain(found["name"])
    if name.endswith(HEADER):
        return _header_value(found)
    if name.endswith(_CREDENTIALS):
        return _VALUE
    if not name.endswith(IN_QUERIES):
        return None
    if _in_query(found):
        return _VALUE
    return _DIGEST if name in IN_QUERIES else None


def _header_value(found: re.Match[str]) -> re.Pattern[str]:
    """Return the pattern of a header's value: to the end of its line, or of its quotes, list or XML element."""
    before, opening = found.string[max(found.start() - 8, 0) : found.start()], found["opening"]
    quote = _QUOTE.search(opening) or (None if found["closing"] or opening else _QUOTE.search(before))
    if quote:
        return _HEADER_IN_QUOTES[quote.group()]
    if opening.endswith("["):
        return _HEADER_IN_LIST
    if opening or (before.endswith("%") and _ENCODED_QUOTE.match(found["name"])):
        return _ENCODED_HEADER
    return _HEADER_IN_XML if before.endswith("<") else _HEADER_LINE


def _without_last_word(text: str) -> str:
    words = text.rsplit(None, 1)
    return words[0] if len(words) > 1 else ""


def _in_query(found: re.Match[str]) -> bool:
    """Tell whether a name of :data:`IN_QUERIES` follows ``?`` or ``&``, which may be encoded."""
    text, start, name = found.string, found.start(), found["name"]
    before = text[max(start - 5, 0) : start]
    if name.lower() in IN_QUERIES:
        return before.endswith(("?", "&", "&amp;"))
    if before.endswith("\\"):
        return name.lower().removeprefix("u0026") in IN_QUERIES
    if before.endswith("%") and (delimiter := _ENCODED_DELIMITER.match(name)):
        return name[delimiter.end() :].lower() in IN_QUERIES
    return False


def _without_user(found: re.Match[str]) -> str:
    """Return the beginning of a URL without a password, or a token that stands where a user does."""
    user, before = found["user"].lower(), found.string[max(found.start() - 5, 0) : found.start()].lower()
    if ":" in user or re.search("%(25){0,3}3a", user) or before.endswith(("http", "https")):
        return f"{found['before']}{MASK}{found['after']}"
    return found.group()


def _redacted_members(members: Mapping[Any, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    times: dict[str, int] = {}
    for key, value in members.items():
        unused = name = redacted(str(key))
        while unused in made:
            times[name] = times.get(name, 1) + 1
            unused = f"{name} ({times[name]})"
        made[unused] = MASK if _is_credential(str(key), value) else value
    return made


def _is_credential(key: str, value: Any) -> bool:
    """Tell whether the value of a key is a credential: a text, or a list or dict of texts, by the name of the key."""
    if not isinstance(value, Sequence | Mapping) or not value:
        return False
    if not _NAME.fullmatch(key):
        return False
    name = _plain(key)
    if name.endswith((HEADER, *_CREDENTIALS)):
        return True
    return name in IN_QUERIES and isinstance(value, str) and _DIGEST.fullmatch(value) is not None
