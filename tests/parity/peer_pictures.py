"""Rows of the table of peers: pictures. The decoded bytes of the program and of Pillow's convert("RGB").

Files are Pillow's own where it writes the kind, jpeg_tool's (libjpeg) for JPEG that it does not write, else put together
by the functions of test_decoders.py, which tries many more of each.
"""

import io
import os
import re
import subprocess

import numpy
from PIL import Image, features

import peer_table
from image_peer import Tool, pillow_rgb
from peer_table import Row
from test_decoders import SAMPLINGS, bmp_file, chunk, gif_file, png_file, png_rows

SECTION = "Pictures"
SIZES = ((17, 33), (50, 41), (131, 97))
PILLOW = peer_table.version("pillow")
COMMON = ("4:4:4", "4:2:2", "4:2:0", "4:4:0", "4:1:1", "4:1:0")
PNG_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type


def noise(rng, size, n_channels=3):
    return rng.integers(0, 256, (size[1], size[0], n_channels), dtype=numpy.uint8)


def image(rng, size, mode="RGB"):
    """Half of them smooth, as photographs are."""
    if rng.integers(2):
        return Image.fromarray(noise(rng, size)).convert(mode)
    return Image.fromarray(noise(rng, (7, 5))).resize(size, Image.Resampling.BICUBIC).convert(mode)


def saved(picture, kind, **options):
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


# ---------------------------------------------------------------- each makes the bytes of some files


def by_pillow(kind, modes=("RGB",), options=({},)):
    def make(rng, bench):
        for size in SIZES:
            for mode in modes:
                for words in options:
                    yield saved(image(rng, size, mode), kind, **words)
    return make


def animated(kind, **options):
    def make(rng, bench):
        first = image(rng, SIZES[1])
        yield saved(first, kind, save_all=True, append_images=[first.rotate(180)] * 2, **options)
    return make


def by_jpeg_tool(samplings, n_channels=3, codings=("huffman",), scans=("one",), restart=0):
    def make(rng, bench):
        path = bench.new_folder() / "made.jpg"
        for sampling in samplings:
            n_blocks = sum(int(h) * int(v) for h, v in (part.split("x") for part in sampling.split(",")))
            for size in SIZES:
                for coding in codings:
                    for scan in scans if n_blocks <= 10 else ("separate",):  # more cannot be interleaved
                        order = f"{size[0]} {size[1]} {n_channels} 80 {sampling} {coding} {scan} {restart} {path}\n"
                        bench.run(bench.tools / "jpeg_tool",
                                  given=order.encode() + noise(rng, size, n_channels).tobytes())
                        yield path.read_bytes()
    return make


def stray_bytes(rng, bench):
    for stray in (b"abc", b"\xff\0", bytes(100)):
        data = saved(image(rng, SIZES[1]), "JPEG")
        yield data[:-2] + stray + data[-2:]


def png(kinds, interlace=(0, 1), transparent=False):
    """`kinds` are (colour type, bits); the transparent colour or the alphas of a palette are in a chunk."""
    alphas = {0: b"\0\1", 2: b"\0\1\0\2\0\3", 3: b"\0\x80"}

    def make(rng, bench):
        for kind, bits in kinds:
            for way in interlace:
                for size in SIZES:
                    raw = png_rows(rng, *size, PNG_CHANNELS[kind] * bits, way)
                    chunks = chunk(b"PLTE", rng.bytes(3 << bits)) if kind == 3 else b""
                    chunks += chunk(b"tRNS", alphas[kind]) if transparent else b""
                    yield png_file(*size, bits, kind, way, raw, chunks)
    return make


def bmp(all_bits, height=7, header=40, compression=0, masks=()):
    def make(rng, bench):
        for bits in all_bits:
            palette = rng.bytes((3 if header == 12 else 4) << bits) if bits <= 8 else b""
            rows = rng.bytes((13 * bits + 31) // 32 * 4 * abs(height))
            yield bmp_file(13, height, bits, rows, palette, compression, masks, header)
    return make


def bmp_of_runs(rng, bench):
    for bits, compression in ((8, 1), (4, 2)):
        for height in (7, -7):
            rows = b"".join(b"\5" + rng.bytes(1) + b"\0\4" + rng.bytes(bits // 2) + b"\4" + rng.bytes(1) + b"\0\0"
                            for _ in range(7))
            yield bmp_file(13, height, bits, rows + b"\0\1", rng.bytes(4 << bits), compression)


def gif(frames, **options):
    def make(rng, bench):
        for bits in (2, 4, 8):
            for frame, canvas in frames:
                yield gif_file(rng, canvas, frame, bits, **options)
    return make


def pnm(magic, n_channels):
    def make(rng, bench):
        for largest in (1, 100, 255, 1000, 65535):
            values = rng.integers(0, largest + 1, 9 * 6 * n_channels)
            data = (" ".join(map(str, values)).encode() + b"\n" if magic in ("P2", "P3")
                    else values.astype(">u2" if largest > 255 else numpy.uint8).tobytes())
            yield f"{magic}\n# a comment\n9 6\n{largest}\n".encode() + data
    return make


# ---------------------------------------------------------------- rows


def jpeg_kinds():
    turbo = "jpeg_tool (libjpeg-turbo)"
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: neither side turns it
    grid = [{"quality": quality, "subsampling": sampling, "progressive": progressive}
            for quality in (20, 75, 97) for sampling in (0, 1, 2) for progressive in (False, True)]
    others = [sampling for name, sampling in SAMPLINGS.items() if name not in COMMON]
    four = "1x1,1x1,1x1,1x1"
    return [
        ("JPEG by Pillow, all its samplings and qualities", PILLOW, by_pillow("JPEG", options=grid)),
        *((f"JPEG {name}", turbo, by_jpeg_tool([SAMPLINGS[name]])) for name in COMMON),
        (f"JPEG, {len(others)} rarer samplings", turbo, by_jpeg_tool(others)),
        ("JPEG progressive", turbo, by_jpeg_tool([SAMPLINGS[name] for name in COMMON], scans=("progressive",))),
        ("JPEG arithmetic, one scan and progressive", turbo,
         by_jpeg_tool([SAMPLINGS[name] for name in COMMON], codings=("arithmetic",), scans=("one", "progressive"))),
        ("JPEG with restart markers", turbo, by_jpeg_tool([SAMPLINGS[name] for name in COMMON], restart=5)),
        ("JPEG grey", PILLOW, by_pillow("JPEG", ("L",))),
        ("JPEG CMYK", PILLOW, by_pillow("JPEG", ("CMYK",))),
        ("JPEG YCCK", turbo, by_jpeg_tool(["2x2,1x1,1x1,2x2"], 4, ("huffman", "arithmetic"))),
        ("JPEG CMYK, in a scan for each colour", turbo, by_jpeg_tool([four], 4, scans=("separate",))),
        ("JPEG with EXIF orientation, RGB, optimized", PILLOW,
         by_pillow("JPEG", options=({"exif": exif}, {"keep_rgb": True}, {"optimize": True}))),
        ("JPEG with stray bytes before its end", f"{PILLOW}, this test", stray_bytes),
    ]


def other_kinds():
    here = "this test"
    whole, beside = (((0, 0, 40, 33), (40, 33)),), (((2, 1, 40, 33), (50, 40)), ((3, 2, 40, 33), (40, 33)))
    return [
        ("PNG by Pillow", PILLOW, by_pillow("PNG", ("RGB", "L", "1", "P", "LA", "RGBA"))),
        ("PNG grey of 1, 2, 4, 8 bits", here, png([(0, bits) for bits in (1, 2, 4, 8)])),
        ("PNG of 16 bits", here, png([(kind, 16) for kind in (0, 2, 4, 6)])),
        ("PNG palette of 1, 2, 4, 8 bits", here, png([(3, bits) for bits in (1, 2, 4, 8)])),
        ("PNG with transparency", here, png([(0, 8), (2, 8), (3, 8)], transparent=True)),
        ("PNG with alpha", here, png([(4, 8), (6, 8)])),
        ("PNG animated", PILLOW, animated("PNG")),
        ("BMP by Pillow", PILLOW, by_pillow("BMP", ("RGB", "L", "1", "P"))),
        ("BMP of 1, 4, 8, 16, 24, 32 bits", here, bmp((1, 4, 8, 16, 24, 32))),
        ("BMP from the top", here, bmp((1, 4, 8, 16, 24, 32), height=-7)),
        ("BMP of run lengths", here, bmp_of_runs),
        ("BMP of bit fields", here, bmp((16,), compression=3, masks=(0xf800, 0x7e0, 0x1f), header=52)),
        ("BMP of OS/2", here, bmp((1, 4, 8, 24), header=12)),
        ("GIF by Pillow", PILLOW, by_pillow("GIF", ("RGB", "L", "P"))),
        ("GIF interlaced", here, gif(whole, is_interlaced=True)),
        ("GIF with transparency", here, gif(whole, transparent=3)),
        ("GIF whose frame is beside its canvas", here, gif(beside)),
        ("GIF animated", PILLOW, animated("GIF")),
        ("WebP lossy", PILLOW, by_pillow("WEBP", ("RGB", "RGBA"), ({"quality": 60}, {"quality": 95}))),
        ("WebP lossless", PILLOW, by_pillow("WEBP", ("RGB", "RGBA"), ({"lossless": True},))),
        ("WebP animated", PILLOW, animated("WEBP")),
        ("PPM by Pillow", PILLOW, by_pillow("PPM")),
        ("PPM, text and binary, any largest value", here, lambda rng, bench: (
            data for magic in ("P3", "P6") for data in pnm(magic, 3)(rng, bench))),
        ("PGM, text and binary, any largest value", here, lambda rng, bench: (
            data for magic in ("P2", "P5") for data in pnm(magic, 1)(rng, bench))),
    ]


def row(kind, made_by, make):
    def measure(bench):
        tool = Tool(os.fspath(bench.tools))
        path = os.fspath(bench.new_folder() / "picture")
        found = []
        try:
            for data in make(numpy.random.default_rng(4), bench):
                with open(path, "wb") as file:
                    file.write(data)
                found.append(peer_table.numbers(tool.decode(path), pillow_rgb(path)))
        finally:
            tool.close()
        return peer_table.together(found)
    library = {"JPEG": "libjpeg_turbo", "WebP": "webp"}.get(kind.split()[0])
    peer = PILLOW + (f" ({library.replace('_', '-')} {features.version(library)})" if library else "")
    return Row(SECTION, kind, made_by, peer, "decoded bytes", measure, covers=(kind.replace(",", "").split()[0],))


def formats_of_the_program(bench):
    """Those that it expects, by its message on another file."""
    path = bench.new_folder() / "text"
    path.write_text("no picture")
    answer = subprocess.run([bench.tools / "image_tool"], input=f"decode {path}\n", text=True, capture_output=True,
                            check=True).stdout
    return re.split(r", | or ", answer.strip().split(", expected ")[1])


def rows():
    return [row(*kind) for kind in jpeg_kinds() + other_kinds()]
