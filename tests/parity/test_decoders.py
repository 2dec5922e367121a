"""Every kind of image file against Pillow: the same bytes, or the same refusal.

Files are made by Pillow where it writes the kind, by jpeg_tool (libjpeg) for JPEG that it does not write, else put
together here from random pixels. Needs PROMPT_TOOLS (folder of image_tool and jpeg_tool), no data. Prints a table of
kinds and how many files of each were compared; none is a failure.
"""
import io
import os
import struct
import subprocess
import sys
import tempfile
import unittest
import zlib

import numpy as np
from PIL import Image, ImageFile, ImageOps

from image_peer import Tool, compare, pillow_rgb, report
from real_data import skip_or_fail

ImageFile.MAXBLOCK = 1 << 20 # Pillow's own writer wants whole small files in one piece
SIZES = ((1, 1), (17, 33), (50, 41), (131, 97))
SAMPLINGS = { # of Y, Cb, Cr; libjpeg interleaves up to 10 blocks, so some are written in a scan for each
    "4:4:4": "1x1,1x1,1x1", "4:2:2": "2x1,1x1,1x1", "4:2:0": "2x2,1x1,1x1", "4:4:0": "1x2,1x1,1x1",
    "4:1:1": "4x1,1x1,1x1", "4:1:0": "4x2,1x1,1x1", "1x4": "1x4,1x1,1x1", "2x4": "2x4,1x1,1x1", "4x4": "4x4,1x1,1x1",
    "3x1": "3x1,1x1,1x1", "1x3": "1x3,1x1,1x1", "3x2": "3x2,1x1,1x1", "chroma 2x1 of 2x2": "2x2,2x1,2x1",
    "chroma 1x2 of 2x2": "2x2,1x2,1x2", "Cb and Cr differ": "2x2,1x1,2x1", "chroma finer": "1x1,2x1,1x2",
    "Cb full": "2x1,2x1,1x1",
}


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png_file(width, height, bits, kind, interlace, raw, chunks=b""):
    header = struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, interlace)
    data = zlib.compress(raw)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunks + chunk(b"IDAT", data[:20]) + chunk(b"IDAT", data[20:])
            + chunk(b"IEND", b""))


def png_rows(rng, width, height, pixel_bits, interlace):
    """Rows with a random filter each, of one image or of the seven passes."""
    passes = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
    rows = []
    for left, top, step_x, step_y in passes if interlace else ((0, 0, 1, 1),):
        n_columns, n_rows = -(-(width - left) // step_x), -(-(height - top) // step_y)
        for _ in range(n_rows if n_columns > 0 else 0):
            rows.append(bytes([int(rng.integers(0, 5))]) + rng.bytes((n_columns * pixel_bits + 7) // 8))
    return b"".join(rows)


def bmp_file(width, height, bits, data, palette=b"", compression=0, masks=(), header=40, colours=0):
    if header == 12:
        head = struct.pack("<IHHHH", 12, width, height, 1, bits)
    else:
        head = struct.pack("<IiiHHIIiiII", header, width, height, 1, bits, compression, len(data), 2835, 2835, colours, 0)
        head += b"".join(struct.pack("<I", mask) for mask in masks)
        head = head.ljust(header, b"\0")
    offset = 14 + len(head) + len(palette)
    return b"BM" + struct.pack("<IHHI", offset + len(data), 0, 0, offset) + head + palette + data


def gif_codes(indices, bits):
    """LZW with a clear code so often that no code is longer than bits + 1."""
    value = n_bits = 0
    data = bytearray()
    codes = []
    for i, index in enumerate(indices):
        codes += [1 << bits] if i % ((1 << bits) - 2) == 0 else []
        codes.append(int(index))
    for code in codes + [(1 << bits) + 1]:
        value |= code << n_bits
        n_bits += bits + 1
        while n_bits >= 8:
            data.append(value & 255)
            value, n_bits = value >> 8, n_bits - 8
    data.append(value & 255)
    blocks = [bytes(data[i:i + 255]) for i in range(0, len(data), 255)]
    return bytes([bits]) + b"".join(bytes([len(block)]) + block for block in blocks) + b"\0"


def gif_file(rng, canvas, frame, bits, transparent=None, is_local=False, is_interlaced=False, background=0):
    left, top, width, height = frame
    palettes = [rng.bytes(3 << bits), rng.bytes(3 << bits)]
    data = b"GIF89a" + struct.pack("<HHBBB", *canvas, 0 if is_local else 0x80 | bits - 1, background, 0)
    data += b"" if is_local else palettes[0]
    if transparent is not None:
        data += b"!\xf9\4" + bytes([1, 0, 0, transparent]) + b"\0"
    flags = (0x80 | bits - 1 if is_local else 0) | (0x40 if is_interlaced else 0)
    data += b"!\xfe\3abc\0," + struct.pack("<HHHHB", left, top, width, height, flags) + (palettes[1] if is_local else b"")
    return data + gif_codes(rng.integers(0, 1 << bits, width * height), bits) + b";"


class DecodersTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.tool = Tool(os.environ["PROMPT_TOOLS"])
        cls.encoder = subprocess.Popen([os.path.join(os.environ["PROMPT_TOOLS"], "jpeg_tool")], stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE)
        cls.folder = tempfile.TemporaryDirectory()
        cls.path = os.path.join(cls.folder.name, "image")
        cls.rng = np.random.default_rng(4)
        cls.table = {}

    @classmethod
    def tearDownClass(cls):
        cls.tool.close()
        cls.encoder.stdin.close()
        cls.encoder.wait()
        cls.encoder.stdout.close()
        cls.folder.cleanup()
        for kind, (n_files, max_abs) in cls.table.items():
            print(f"| {kind} | {n_files} files | {f'within {max_abs} levels' if max_abs else 'equal'} |")

    def noise(self, width, height, n_channels):
        return self.rng.integers(0, 256, (height, width, n_channels), dtype=np.uint8)

    def check(self, kind, data, what="", max_abs=0):
        """Ours are Pillow's bytes, or no further from them."""
        with open(self.path, "wb") as file:
            file.write(data)
        compare(self, self.tool.decode(self.path), pillow_rgb(self.path), f"{kind} {what}", max_abs)
        n_files, worst = self.table.get(kind, (0, 0))
        self.table[kind] = n_files + 1, max(worst, max_abs)

    def check_refused(self, data, reason, pillow=None):
        """We refuse it with this reason; Pillow refuses it, too, or makes a picture of this size of it."""
        with open(self.path, "wb") as file:
            file.write(data)
        with self.assertRaisesRegex(RuntimeError, reason):
            self.tool.decode(self.path)
        if pillow:
            self.assertEqual(pillow_rgb(self.path).shape[1::-1], pillow)
            return
        with self.assertRaises((OSError, ValueError, SyntaxError)):
            pillow_rgb(self.path)

    def save(self, image, kind, **options):
        buffer = io.BytesIO()
        image.save(buffer, kind, **options)
        return buffer.getvalue()

    # ---------------------------------------------------------------- JPEG

    def encode(self, pixels, sampling, coding="huffman", scans="one", restart=0, quality=80):
        height, width, n_channels = pixels.shape
        order = f"{width} {height} {n_channels} {quality} {sampling} {coding} {scans} {restart} {self.path}\n"
        self.encoder.stdin.write(order.encode() + pixels.tobytes())
        self.encoder.stdin.flush()
        self.assertEqual(self.encoder.stdout.readline(), b"ok\n", order)
        with open(self.path, "rb") as file:
            return file.read()

    def test_jpeg_of_every_sampling(self):
        for name, sampling in SAMPLINGS.items():
            n_blocks = sum(int(h) * int(v) for h, v in (part.split("x") for part in sampling.split(",")))
            for width, height in SIZES:
                for coding in ("huffman", "arithmetic"):
                    for scans in ("one", "progressive", "separate") if n_blocks <= 10 else ("separate",):
                        for restart in (0, 5):
                            data = self.encode(self.noise(width, height, 3), sampling, coding, scans, restart)
                            self.check(f"JPEG {name}, {coding}", data, f"{width}x{height} {scans} {restart}")

    def test_jpeg_of_other_channels(self):
        for width, height in SIZES:
            for coding in ("huffman", "arithmetic"):
                for scans in ("one", "progressive"):
                    self.check("JPEG grey", self.encode(self.noise(width, height, 1), "1x1", coding, scans))
                    cmyk = self.encode(self.noise(width, height, 4), "1x1,1x1,1x1,1x1", coding, scans)
                    ycck = self.encode(self.noise(width, height, 4), "2x2,1x1,1x1,2x2", coding, scans)
                    for name, data in (("CMYK", cmyk), ("YCCK", ycck)):
                        at = data.index(b"\xff\xee")
                        self.check(f"JPEG {name}", data, scans)
                        self.check(f"JPEG {name} without Adobe's marker", data[:at] + data[at + 16:], scans)

    def test_jpeg_of_pillow(self):
        exif = Image.Exif()
        exif[0x0112] = 6 # orientation: must be ignored
        for width, height in SIZES:
            image = Image.fromarray(self.noise(width, height, 3))
            smooth = Image.fromarray(self.noise(9, 7, 3)).resize((width, height), Image.BICUBIC)
            for quality in (20, 75, 97):
                for subsampling in (0, 1, 2):
                    for is_progressive in (False, True):
                        for picture in (image, smooth):
                            self.check("JPEG by Pillow", self.save(picture, "JPEG", quality=quality, subsampling=subsampling,
                                                                   progressive=is_progressive))
            for options in ({"exif": exif}, {"restart_marker_blocks": 3}, {"keep_rgb": True}, {"optimize": True}):
                self.check("JPEG by Pillow", self.save(smooth, "JPEG", **options), str(options))
            self.check("JPEG by Pillow", self.save(smooth.convert("CMYK"), "JPEG"), "CMYK")

    def test_jpeg_of_missing_scans(self):
        """A progressive file that ends properly after some of its scans is smoothed where coefficients are missing."""
        smooth = Image.fromarray(self.noise(9, 7, 3)).resize((131, 97), Image.BICUBIC)
        # with chroma at half the height libjpeg-turbo 2.1.5 smooths two rows of blocks otherwise than 3.2, Pillow's
        for subsampling, max_abs in ((0, 0), (2, 24)):
            data = self.save(smooth, "JPEG", progressive=True, quality=90, subsampling=subsampling)
            scans = [i for i in range(len(data)) if data[i:i + 2] == b"\xff\xda"]
            for before, scan in zip(scans, scans[1:]):
                tables = data.find(b"\xff\xc4", before, scan)
                self.check("JPEG without its last scans", data[:tables if tables > 0 else scan] + b"\xff\xd9", max_abs=max_abs)

    def test_jpeg_with_stray_bytes(self):
        for is_progressive in (False, True):
            data = self.save(Image.fromarray(self.noise(50, 41, 3)), "JPEG", progressive=is_progressive)
            scan = data.index(b"\xff\xda")
            for stray in (b"abc", b"\xff\0", b"\xff\xd3", bytes(100), b"\xff\0" * 50):
                self.check("JPEG with stray bytes", data[:-2] + stray + data[-2:], f"before the end {stray}")
                self.check("JPEG with stray bytes", data + stray, f"after the end {stray}")
            for stray in (b"abc", b"\xff\xff", bytes(100)):
                self.check("JPEG with stray bytes", data[:scan] + stray + data[scan:], f"before the scan {stray}")

    def test_damaged_jpeg(self):
        data = self.save(Image.fromarray(self.noise(50, 41, 3)), "JPEG")
        for n_lost in (1, 2, 3, 10, len(data) // 2, len(data) - 100):
            self.check_refused(data[:-n_lost], "the file ends too early")
        # Pillow makes grey of what is missing
        self.check_refused(data[:-200] + b"\xff\xd9", "data of a scan end before the picture", (50, 41))
        restart = self.save(Image.fromarray(self.noise(50, 41, 3)), "JPEG", restart_marker_blocks=2)
        at = restart.index(b"\xff\xd2")
        self.check_refused(restart[:at + 1] + b"\xd5" + restart[at + 2:], "restart markers are out of order|scan end", (50, 41))
        for bits in (12, 16):
            frame = data.index(b"\xff\xc0")
            self.check_refused(data[:frame + 4] + bytes([bits]) + data[frame + 5:], "other than 8 bits per sample")

    def test_jpeg_of_too_many_scans(self):
        """A small file of many scans of a large picture is given up, not decoded scan by scan."""
        data = self.encode(np.full((6000, 6000, 1), 128, np.uint8), "1x1", scans="progressive", coding="arithmetic")
        at = data.rindex(b"\xff\xda")
        with open(self.path, "wb") as file:
            file.write(data[:at] + data[at:-2] * 1000 + data[-2:])
        with self.assertRaisesRegex(RuntimeError, "scans or more"):
            self.tool.decode(self.path)

    # ---------------------------------------------------------------- PNG

    def test_every_kind_of_png(self):
        n_channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
        names = {0: "grey", 2: "RGB", 3: "palette", 4: "grey and alpha", 6: "RGB and alpha"}
        transparent = {0: b"\0\1", 2: b"\0\1\0\2\0\3", 3: b"\0\x80"}
        for kind, depths in ((0, (1, 2, 4, 8, 16)), (2, (8, 16)), (3, (1, 2, 4, 8)), (4, (8, 16)), (6, (8, 16))):
            for bits in depths:
                for interlace in (0, 1):
                    for width, height in (*SIZES[:3], (3, 2)):
                        raw = png_rows(self.rng, width, height, n_channels[kind] * bits, interlace)
                        chunks = chunk(b"PLTE", self.rng.bytes(3 << bits)) if kind == 3 else b""
                        for extra in (b"", chunk(b"tRNS", transparent.get(kind, b""))):
                            if extra and kind not in transparent:
                                continue
                            self.check(f"PNG {names[kind]}, {bits} bits",
                                       png_file(width, height, bits, kind, interlace, raw, chunks + extra))
        short = png_file(4, 1, 8, 3, 0, bytes([0, 0, 1, 5, 200]), chunk(b"PLTE", bytes(range(6))))
        self.check("PNG with indices beyond its palette", short)
        grey = b"\0" + struct.pack(">6H", 0, 1, 254, 255, 256, 65535)
        self.check("PNG grey, 16 bits", png_file(6, 1, 16, 0, 0, grey), "low values")
        image = Image.fromarray(self.noise(50, 41, 3))
        self.check("PNG animated", self.save(image, "PNG", save_all=True, append_images=[image.rotate(90)]))
        gamma = chunk(b"gAMA", struct.pack(">I", 20000))
        self.check("PNG with a gamma", png_file(2, 1, 8, 2, 0, b"\0abcdef", gamma))

    def test_damaged_png(self):
        raw = png_rows(self.rng, 50, 41, 24, 0)
        data = png_file(50, 41, 8, 2, 0, raw, chunk(b"tEXt", b"a\0b"))
        for name in (b"IHDR", b"tEXt"): # as Pillow: in front of the pixels every sum must be right
            at = data.index(name)
            self.check_refused(data[:at + 4] + bytes([data[at + 4] ^ 1]) + data[at + 5:], f"sum of its chunk {name.decode()}")
        at = data.index(b"IDAT") + 100
        self.check_refused(data[:at] + bytes([data[at] ^ 16]) + data[at + 1:], "sum of its chunk IDAT")
        packed = zlib.compress(raw)
        start, end = data.index(b"IDAT") - 4, chunk(b"IEND", b"")
        wrong_sum = data[:start] + chunk(b"IDAT", packed[:-1] + bytes([packed[-1] ^ 1])) + end
        self.check_refused(wrong_sum, "sum over its pixels is wrong")
        self.check_refused(data[:start] + chunk(b"IDAT", zlib.compress(raw[:-5])) + end, "some are missing")
        after = data[:-12] + chunk(b"tEXt", b"a\0b")[:-1] + b"x" + end
        self.check("PNG damaged behind its pixels", after)
        self.check("PNG with more data than pixels", data[:start] + chunk(b"IDAT", zlib.compress(raw + bytes(99))) + end)
        for n_lost in (1, 12, 13, 16, 20):
            self.check("PNG without its end", data[:-n_lost], f"{n_lost} bytes")
        self.check_refused(data[:-300], "ends too early")

    # ---------------------------------------------------------------- BMP

    def test_every_kind_of_bmp(self):
        def rows(bits):
            return self.rng.bytes((13 * bits + 31) // 32 * 4 * 7)

        for bits in (1, 4, 8, 16, 24, 32):
            palette = self.rng.bytes(4 << bits) if bits <= 8 else b""
            for height, name in ((7, "BMP"), (-7, "BMP from the top")):
                self.check(f"{name}, {bits} bits", bmp_file(13, height, bits, rows(bits), palette))
            for header in (52, 56, 64, 108, 124):
                self.check(f"BMP with a header of {header} bytes", bmp_file(13, 7, bits, rows(bits), palette, header=header))
            if bits not in (16, 32):
                colours = self.rng.bytes(3 << bits) if bits <= 8 else b""
                self.check("BMP of OS/2", bmp_file(13, 7, bits, rows(bits), colours, header=12), f"{bits} bits")
        for bits, *masks in ((16, 0xf800, 0x7e0, 0x1f), (16, 0x7c00, 0x3e0, 0x1f), (24, 0xff0000, 0xff00, 0xff),
                             (32, 0xff0000, 0xff00, 0xff), (32, 0xff000000, 0xff0000, 0xff00)):
            self.check("BMP of bit fields", bmp_file(13, 7, bits, rows(bits), compression=3, masks=masks, header=52), f"{masks}")
        for masks in ((0xff, 0xff00, 0xff0000, 0xff000000), (0xff0000, 0xff00, 0xff, 0xff000000)):
            self.check("BMP of bit fields", bmp_file(13, 7, 32, rows(32), compression=3, masks=masks, header=56), f"{masks}")
        odd = bmp_file(13, 7, 16, rows(16), compression=3, masks=(0xf00, 0xf0, 0xf), header=52)
        self.check_refused(odd, "masks f00, f0, f, expected")
        self.check("BMP of few colours", bmp_file(13, 7, 8, rows(8), self.rng.bytes(64), colours=16))
        greys = b"".join(bytes([i, i, i, 0]) for i in range(256))
        self.check("BMP of greys", bmp_file(13, 7, 8, rows(8), greys))
        self.check("BMP of greys", bmp_file(13, 7, 8, rows(8), greys[:64], colours=16))
        self.check("BMP, 1 bits", bmp_file(13, 7, 1, rows(1), b"\xff\xff\xff\0\0\0\0\0"), "white first")
        self.check_refused(bmp_file(13, 7, 24, rows(24))[:-9], "ends too early")

    def test_bmp_of_run_lengths(self):
        def row(bits, literal):
            n_bytes = (literal * bits + 7) // 8
            data = bytes([13 - literal]) + self.rng.bytes(1) + bytes([0, literal]) + self.rng.bytes(n_bytes)
            return data + b"\0" * (n_bytes % 2) + b"\0\0"

        for bits, compression in ((8, 1), (4, 2)):
            palette = self.rng.bytes(4 << bits)
            for height in (7, -7):
                for literal in (3, 5, 8, 12):
                    runs = b"".join(row(bits, literal) for _ in range(7)) + b"\0\1"
                    self.check(f"BMP of run lengths, {bits} bits", bmp_file(13, height, bits, runs, palette, compression))
            steps = b"\3\x15\0\2\2\3\4\x27\0\0" + b"\0\0".join(b"\x0d\x31" for _ in range(3)) + b"\0\1"
            self.check(f"BMP of run lengths, {bits} bits", bmp_file(13, 7, bits, steps, palette, compression), "a step")
            self.check_refused(bmp_file(13, 7, bits, b"\x0d\7\0\0\0\1", palette, compression), "ends too early")

    # ---------------------------------------------------------------- GIF, WebP, PPM

    def test_every_kind_of_gif(self):
        for bits in (2, 4, 8):
            for frame, canvas in (((0, 0, 40, 33), (40, 33)), ((2, 1, 40, 33), (50, 40)), ((0, 0, 40, 33), (50, 33)),
                                  ((0, 0, 40, 33), (30, 20)), ((3, 2, 40, 33), (40, 33))):
                for options in ({}, {"transparent": 3}, {"transparent": 0, "background": 2}, {"is_local": True},
                                {"is_interlaced": True}, {"is_local": True, "transparent": 1}, {"background": 2}):
                    name = "GIF" if canvas == frame[2:] and frame[:2] == (0, 0) else "GIF with a frame beside its canvas"
                    self.check(name, gif_file(self.rng, canvas, frame, bits, **options), f"{bits} {frame} {canvas} {options}")
        image = Image.fromarray(self.noise(50, 41, 3))
        self.check("GIF", self.save(image, "GIF"), "by Pillow")
        self.check("GIF animated", self.save(image, "GIF", save_all=True, append_images=[image.rotate(90)] * 2))
        data = gif_file(self.rng, (40, 33), (0, 0, 40, 33), 4)
        self.check_refused(data[:-20], "ends too early")
        short = gif_file(self.rng, (40, 33), (0, 0, 40, 33), 4)
        at = short.index(struct.pack("<HHHH", 0, 0, 40, 33))
        self.check_refused(short[:at + 6] + b"\x2c" + short[at + 7:], "data end before the picture does")

    def test_every_kind_of_webp(self):
        for width, height in SIZES:
            for n_channels in (3, 4):
                image = Image.fromarray(self.noise(width, height, n_channels))
                smooth = Image.fromarray(self.noise(9, 7, n_channels)).resize((width, height), Image.BICUBIC)
                for picture in (image, smooth):
                    for options in ({"lossless": True, "exact": True}, {"quality": 60}, {"quality": 95}, {"lossless": True}):
                        name = "WebP lossless" if "lossless" in options else "WebP lossy"
                        self.check(name, self.save(picture, "WEBP", **options), f"{width}x{height} {n_channels} {options}")
        image = Image.fromarray(self.noise(50, 41, 4))
        data = self.save(image, "WEBP", save_all=True, append_images=[image.rotate(90)] * 2)
        self.check("WebP animated", data)
        self.check_refused(data[:200], "damaged WebP|ends too early")

    def test_every_kind_of_ppm_and_pgm(self):
        for magic, n_channels in (("P2", 1), ("P3", 3), ("P5", 1), ("P6", 3)):
            for largest in (1, 7, 100, 255, 256, 1000, 65535):
                values = self.rng.integers(0, largest + 1, 9 * 6 * n_channels)
                if magic in ("P2", "P3"):
                    data = " ".join(map(str, values)).replace(" ", "\n", 5).encode() + b"\n"
                else:
                    data = values.astype(">u2" if largest > 255 else np.uint8).tobytes()
                name = "PPM" if n_channels == 3 else "PGM"
                self.check(f"{name} ({magic})", f"{magic}\n# a comment\n9 6\n{largest}\n".encode() + data)
                self.check_refused(f"{magic} 9 6 {largest} ".encode() + data[:-20], "ends too early")
        self.check("PGM (P2)", b"P2 2 1 255 1#x\n2 3 and the rest is not read")
        self.check("PPM (P6)", b"P6\r\n2 1\r\n255\n123456")
        self.check_refused(b"P2 2 1 100 1 101", "a value of 101")
        self.check_refused(b"P6 2 1 0 123456", "a largest value of 0")

    # ---------------------------------------------------------------- EXIF orientation

    def exif_data(self, order, orientation, kind=3, count=1):
        """A directory of three entries, the orientation among them."""
        value = struct.pack(order + ("HH" if kind == 3 else "I"), *((orientation, 0) if kind == 3 else (orientation,)))
        entries = [struct.pack(order + "HHI", 0x100, 4, 1) + bytes(4), struct.pack(order + "HHI", 0x112, kind, count) + value,
                   struct.pack(order + "HHI", 0x128, 3, 1) + bytes(4)]
        head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8)
        return head + struct.pack(order + "H", len(entries)) + b"".join(entries) + bytes(4)

    def check_upright(self, kind, data, what):
        with open(self.path, "wb") as file:
            file.write(data)
        with Image.open(self.path) as image:
            theirs = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
        compare(self, self.tool.upright(self.path), theirs, f"{kind} {what}")
        self.table[kind] = self.table.get(kind, (0, 0))[0] + 1, 0

    def test_exif_orientation(self):
        image = Image.fromarray(self.noise(50, 41, 3))
        cases = [(order, orientation, kind, 1) for order in "<>" for orientation in range(10) for kind in (3, 4)]
        cases += [("<", 6, 5, 1), (">", 6, 2, 1), ("<", 65535, 3, 1)]
        for case in cases:
            exif = self.exif_data(*case)
            for name, options in (("JPEG", {"quality": 90}), ("PNG", {}), ("WEBP", {"lossless": True})):
                self.check_upright(f"EXIF orientation of {name}", self.save(image, name, exif=exif, **options), case)
        whole = self.exif_data("<", 6)
        for n in range(0, len(whole), 5):  # cut off, and behind other markers
            data = self.save(image, "JPEG")
            part = b"Exif\0\0" + whole[:n]
            marker = b"\xff\xe1" + struct.pack(">H", len(part) + 2) + part
            if n in (0, 5) or n > 30:  # Pillow raises an error at other lengths
                self.check_upright("EXIF data cut off", data[:2] + b"\xff\xfe\0\5abc\xff" + marker + data[2:], n)
            with open(self.path, "wb") as file:
                file.write(data[:2] + marker + data[2:])
            self.tool.upright(self.path)


if __name__ == "__main__":
    if "PROMPT_TOOLS" not in os.environ:
        skip_or_fail("PROMPT_TOOLS (folder of image_tool) is not set")
    report(unittest.main(exit=False, verbosity=2, warnings="ignore").result)
    sys.exit(0)
