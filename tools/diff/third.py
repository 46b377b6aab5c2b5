"""Decodes pictures by a third decoder for tools/diff/python.ts, as pillow.py does by Pillow: third.py PIXELS tifffile|psd-tools|pillow-jxl|ffmpeg."""

import sys
from importlib.metadata import version

import numpy
from PIL import Image
from pillow import in_srgb, serve

MAX_PIXELS = int(sys.argv[1])


def small_enough(width, height):
    if width * height > MAX_PIXELS:
        raise ValueError("too large to compare")


def by_tifffile(path):
    """The first page by https://pypi.org/project/tifffile, samples and photometric interpretation by TIFF 6.0."""
    with tifffile.TiffFile(path) as file:
        page = file.pages[0]
        small_enough(page.imagewidth, page.imagelength)
        rows = page.asarray()
    if page.planarconfig == 2 and rows.ndim == 3:
        rows = numpy.moveaxis(rows, 0, -1)
    bits = page.bitspersample if isinstance(page.bitspersample, int) else page.bitspersample[0]
    if rows.dtype.kind == "f":
        raise ValueError("floating point")
    kind = page.photometric.name
    rows = rows.reshape(page.imagelength, page.imagewidth, -1)
    if kind == "PALETTE":
        rows = numpy.moveaxis(page.colormap, 0, -1)[rows[..., 0]]
        bits = 16
    levels = numpy.rint(rows.astype(numpy.float64) * (255 / (2**bits - 1))).astype(numpy.uint8)
    if kind == "MINISWHITE":
        levels = 255 - levels
    colours = {"MINISBLACK": 1, "MINISWHITE": 1, "PALETTE": 3, "RGB": 3, "SEPARATED": 4, "YCBCR": 3}[kind]
    mode = {1: "L", 3: "YCbCr" if kind == "YCBCR" and page.compression != 7 else "RGB", 4: "CMYK"}[colours]
    drawn = levels[..., 0] if colours == 1 else levels[..., :colours]
    picture = Image.fromarray(numpy.ascontiguousarray(drawn), mode)
    profile = page.tags.get(34675)
    if profile is not None:
        picture.info["icc_profile"] = profile.value
    picture = in_srgb(picture).convert("RGBA")
    # 2 is unassociated alpha; samples that say nothing are no alpha.
    if page.extrasamples and page.extrasamples[0] in (1, 2):
        picture.putalpha(Image.fromarray(numpy.ascontiguousarray(levels[..., colours]), "L"))
    return turned(picture, page.tags.get(274))


def turned(picture, tag):
    ways = {2: [0], 3: [3], 4: [1], 5: [5], 6: [4], 7: [6], 8: [2]}
    for way in ways.get(tag.value if tag is not None else 1, []):
        picture = picture.transpose(Image.Transpose(way))
    return picture


def by_psd_tools(path):
    """The merged picture by https://pypi.org/project/psd-tools."""
    document = psd_tools.PSDImage.open(path)
    small_enough(document.width, document.height)
    return document.topil().convert("RGBA")


def by_ffmpeg(path):
    """The first frame by FFmpeg's own decoders, through https://pypi.org/project/av; it applies no profiles."""
    with av.open(path) as container:
        streams = container.streams.video
        small_enough(streams[0].width, streams[0].height)
        # AVIF's alpha is a stream of its own.
        grey = next((n for n, one in enumerate(streams) if n > 0 and (one.pix_fmt or "").startswith("gray")), None)
        frame = next(container.decode(streams[0]))
        picture = Image.fromarray(frame.to_ndarray(format="rgba"), "RGBA")
        turns = frame.rotation
    if grey is not None:
        with av.open(path) as container:
            frame = next(container.decode(container.streams.video[grey]))
            bits = 8 if frame.format.name == "gray" else int(frame.format.name[4:-2])
            levels = frame.to_ndarray().astype(numpy.float64)
            if frame.color_range == 1:  # ITU-T H.273: 16 to 235, times a power of two
                levels = (levels / 2 ** (bits - 8) - 16) * (255 / 219)
            else:
                levels *= 255 / (2**bits - 1)
            levels = numpy.rint(numpy.clip(levels, 0, 255)).astype(numpy.uint8)
            picture.putalpha(Image.fromarray(levels, "L"))
    return picture.rotate(turns, expand=True)


def by_pillow_jxl(path):
    """By libjxl through https://pypi.org/project/pillow-jxl-plugin."""
    with Image.open(path) as image:
        small_enough(image.width, image.height)
        return in_srgb(image).convert("RGBA")


name = sys.argv[2]
if name == "tifffile":
    import tifffile

    serve(by_tifffile, f"tifffile {tifffile.__version__}")
elif name == "psd-tools":
    import psd_tools

    serve(by_psd_tools, f"psd-tools {psd_tools.__version__}")
elif name == "pillow-jxl":
    import pillow_jxl

    serve(by_pillow_jxl, f"pillow-jxl-plugin {version('pillow-jxl-plugin')}")
else:
    import av

    av.logging.set_level(av.logging.PANIC)
    serve(by_ffmpeg, f"FFmpeg by av {av.__version__}")
