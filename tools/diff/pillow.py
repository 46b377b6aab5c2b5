"""Decodes pictures by Pillow for tools/diff/python.ts: a path a line in; out a line of JSON, then the rows where there are some.

Rows are RGBA in sRGB, 8 bits, upright, of the first frame.
"""

import io
import json
import sys
import warnings

import PIL
from PIL import Image, ImageCms, ImageOps

warnings.simplefilter("ignore")
VERSION = PIL.__version__
try:  # a plug-in of its own, where it is installed
    import pillow_heif

    pillow_heif.register_heif_opener()
    VERSION += f" with pillow_heif {pillow_heif.__version__}"
except ImportError:
    pass
MAX_PIXELS = int(sys.argv[1])
OUT = sys.stdout.buffer


def eight_bits(image):
    """Pillow's own conversions cut 16 bits off at 255."""
    if not image.mode.startswith("I"):
        return image
    return image.convert("I").point(lambda level: level * (1 / 257)).convert("L")


def in_srgb(image):
    profile = image.info.get("icc_profile")
    if not profile:
        return image
    alpha = image.convert("RGBA").getchannel("A") if image.mode in ("RGBA", "LA", "PA", "P") else None
    plain = {"RGBA": "RGB", "P": "RGB", "PA": "RGB", "LA": "L"}.get(image.mode, image.mode)
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        drawn = ImageCms.profileToProfile(
            image.convert(plain), source, ImageCms.createProfile("sRGB"), outputMode="RGB"
        )
    except (ImageCms.PyCMSError, OSError, ValueError):
        return image
    if alpha is not None:
        drawn.putalpha(alpha)
    return drawn


def decoded(path):
    with Image.open(path) as image:
        if image.width * image.height > MAX_PIXELS:
            raise ValueError("too large to compare")
        image.load()
        upright = ImageOps.exif_transpose(image)
        return in_srgb(eight_bits(upright)).convert("RGBA")


def answer(head, rows=b""):
    OUT.write(json.dumps({**head, "bytes": len(rows)}).encode() + b"\n")
    OUT.write(rows)
    OUT.flush()


def serve(decode, version):
    answer({"version": version})
    for line in sys.stdin:
        name = json.loads(line)
        try:
            picture = decode(name)
            answer({"width": picture.width, "height": picture.height}, picture.tobytes())
        except Exception as error:  # decoders raise whatever they meet
            answer({"error": f"{type(error).__name__}: {error}".replace(repr(name), "it")[:200]})


if __name__ == "__main__":
    serve(decoded, VERSION)
