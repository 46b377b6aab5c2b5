"""Signs Darkroom image URLs: Python 3.8 or later, no package beside the standard library.

    images = Darkroom("https://img.example.com", os.environ["DARKROOM_SIGNING_KEY"])
    images.url("listings/42/front.jpg", "card", suffix="@800w.avif")
    images.url("listings/42/front.jpg", "large", download="chair.webp", version="3")

Bad input raises a ValueError that names the option.
"""
import base64
import hashlib
import hmac
import re
from urllib.parse import quote

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
# An HTTP origin may decode once more than it should, so encoded dots and slashes count as decoded.
_SLASH = r"(?:[/\\]|%(?:25)*(?:2f|5c))"
_CLIMBS = re.compile(rf"(?:^|{_SLASH})(?:\.|%(?:25)*2e){{1,2}}(?:{_SLASH}|$)|%(?:25)*00", re.I)
_PRESET = re.compile(r"[A-Za-z0-9_,:-]{1,1024}")
_SUFFIX = re.compile(r"(@(?:0|[1-9][0-9]*)(?:\.[0-9]*[1-9])?x|@[1-9][0-9]*w)?(?:\.([a-z]+))?")
_VARIABLE = re.compile(r"[a-z0-9_.]{1,30}")


class Darkroom:
    """`key`: the server's signing key, hex. `own_formats`: the format of each preset that has one, such as
    {"thumb": "webp"}: the server redirects a suffix that repeats it, so it is left out."""

    def __init__(self, base_url, key, own_formats=None):
        if not isinstance(base_url, str) or not re.match(r"https?://[^/]", base_url):
            raise ValueError("base_url must begin with https:// or http://.")
        if not isinstance(key, str) or not re.fullmatch(r"(?:[0-9a-fA-F]{2}){32,}", key):
            raise ValueError("The signing key must be hex of at least 32 bytes.")
        self._base_url = base_url.rstrip("/")
        self._key = bytes.fromhex(key)
        self._own_formats = own_formats or {}

    def url(self, id, preset, **options):
        """The whole URL; options as for `path`."""
        return self._base_url + self.path(id, preset, **options)

    def path(self, id, preset, suffix="", expires_at=None, download=None, version=None, variables=None):
        """`suffix`: `@2x`, `@640w`, `.avif` or both. `expires_at`: unix seconds. `variables`: texts by name."""
        _check_id(id)
        if not isinstance(preset, str) or not _PRESET.fullmatch(preset):
            raise ValueError(f'"{preset}" is no preset.')
        named = _parameters(expires_at, download, version, variables or {})
        only_exp = all(name == "exp" for name, _ in named)
        if only_exp:
            signed = "darkroom:v1\n%s\n%s\n%s" % (preset, id, named[0][1] if named else "")
        else:
            signed = "\n".join(["darkroom:v2", preset, id] + [f"{name}={value}" for name, value in named])
        mac = hmac.new(self._key, signed.encode(), hashlib.sha256).digest()[:16]
        signature = base64.urlsafe_b64encode(mac).rstrip(b"=").decode()
        # A CDN could collapse doubled slashes; then all stand encoded.
        raw = "!*'()" if "" in id.split("/") else "!*'()/"
        query = "&".join(f"{name}={quote(value, safe='!*()')}" for name, value in named)
        path = f"/{signature}/{preset}{self._suffix(preset, suffix)}/{quote(id, safe=raw)}"
        return f"{path}?{query}" if query else path

    def _suffix(self, preset, suffix):
        found = _SUFFIX.fullmatch(suffix) if isinstance(suffix, str) else None
        if not found:
            raise ValueError(f'"{suffix}" is no suffix: it reads @2x, @640w, .webp or @640w.webp.')
        size, file_format = found[1] or "", found[2]
        inline = re.search(r"(?:^|,)f_([a-z]+)(?:,|$)", preset)
        own = self._own_formats.get(preset) or (inline[1] if inline else None)
        pinned = "" if file_format is None or file_format == own else f".{file_format}"
        return ("" if size == "@1x" else size) + pinned


def _parameters(expires_at, download, version, variables):
    if len(variables) > 8 or not all(_VARIABLE.fullmatch(name) for name in variables):
        raise ValueError("variables: at most 8, with names of a-z, 0-9, _ and . up to 30 long.")
    given = []
    if download is not None:
        given.append(("dl", _text("dl", download, 1, 200)))
    if expires_at is not None:
        if isinstance(expires_at, bool) or not isinstance(expires_at, int) or expires_at <= 0:
            raise ValueError("expires_at must be whole unix seconds.")
        if expires_at > 99_999_999_999:
            raise ValueError("expires_at is in milliseconds: it must be unix seconds.")
        given.append(("exp", str(expires_at)))
    for name in sorted(variables):
        given.append((f"t.{name}", _text(f"t.{name}", variables[name], 0, 256)))
    if version is not None:
        given.append(("v", _text("v", version, 1, 128)))
    return given


def _bytes(text):
    try:
        return len(text.encode())
    except (AttributeError, UnicodeEncodeError):
        return -1


def _text(name, value, least, most):
    if not least <= _bytes(value) <= most or _CONTROL.search(value):
        raise ValueError(f"{name} is no text of {least} to {most} bytes without control characters.")
    return value


def _check_id(id):
    if not 1 <= _bytes(id) <= 512 or id.startswith("/") or _CONTROL.search(id) or _CLIMBS.search(id):
        raise ValueError(f"{id!r} cannot be the id of an image.")
