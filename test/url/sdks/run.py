"""Reads calls, one a line (test/helpers/sdk-calls.ts), and prints a path or `! <message>` for each."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../../../sdks/python"))
sys.dont_write_bytecode = True
from darkroom import Darkroom  # noqa: E402


def text(field):
    return bytes.fromhex(field[1:]).decode("utf-8", "surrogateescape")


for line in sys.stdin:
    key, preset, suffix, own, id, exp, *named = line.rstrip("\n").split("\t")
    others = dict((name, text(value)) for name, value in (part.split("=") for part in named))
    try:
        images = Darkroom("https://a.example", text(key), {text(preset): text(own)} if own != "x" else None)
        options = {
            "suffix": text(suffix),
            "expires_at": int(exp[1:]) if exp != "x" else None,
            "download": others.pop("dl", None),
            "version": others.pop("v", None),
            "variables": {name[2:]: value for name, value in others.items()},
        }
        path = images.path(text(id), text(preset), **options)
        assert images.url(text(id), text(preset), **options) == "https://a.example" + path
        print(path)
    except ValueError as error:
        print("!", str(error).replace("\n", " ").encode("ascii", "replace").decode())
