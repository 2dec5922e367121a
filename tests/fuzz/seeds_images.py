"""Small pictures of every format. JPEG and WebP, which the standard library cannot write, are recorded."""

import struct
import zlib

# 8 to 17 pixels of noise, by Pillow 13.0.0 at quality 5
JPEGS = {
    "grey": "ffd8ffe000104a46494600010100000100010000ffdb004300a06e788c7864a08c828cb4aaa0bef0fffff0dcdcf0ffff"
            "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffc0000b080009"
            "000901011100ffc4001500010100000000000000000000000000000203ffc40020100001030207000000000000000000"
            "00002100011102313241618291c2f1ffda0008010100003f0030002da4435f3bc8f10e15df153b7b22bfffd9",
    "progressive": "ffd8ffe000104a46494600010100000100010000ffdb004300a06e788c7864a08c828cb4aaa0bef0fffff0dcdcf0ffff"
                   "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffdb004301aab4"
                   "b4f0d2f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
                   "ffffffffffffffffffffffffffffffc20011080007000903012200021101031101ffc400150001010000000000000000"
                   "0000000000000001ffc40014010100000000000000000000000000000001ffda000c03010002100310000001803fffc4"
                   "0014100100000000000000000000000000000010ffda00080101000105023fffc4001411010000000000000000000000"
                   "0000000000ffda0008010301013f017fffc40014110100000000000000000000000000000000ffda0008010201013f01"
                   "7fffc40014100100000000000000000000000000000010ffda0008010100063f023fffc4001610010101000000000000"
                   "00000000000000001141ffda0008010100013f21c57fffda000c03010002000300000010ff00ffc40015110101000000"
                   "00000000000000000000000001ffda0008010301013f10afffc4001611000300000000000000000000000000000001d1"
                   "ffda0008010201013f1074ffc4001c10000103050000000000000000000000000100115121618191e1ffda0008010100"
                   "013f103214c593a4ef8bffd9",
    "restart": "ffd8ffe000104a46494600010100000100010000ffdb004300a06e788c7864a08c828cb4aaa0bef0fffff0dcdcf0ffff"
               "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffdb004301aab4"
               "b4f0d2f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
               "ffffffffffffffffffffffffffffffc00011080009001103012100021101031101ffc400160001010100000000000000"
               "000000000000000201ffc4002410000003050900000000000000000000000001f002114142511222718191b1c1d1e1ff"
               "c400160101010100000000000000000000000000000201ffc4001f110100010109000000000000000000000000010211"
               "4151618191a1d1f0ffdd00040001ffda000c03010002110311003f00933bce48e3b8d766bb550fffd0596685af8026d9"
               "cb86eb3b52ffd1c39b1e4c43532884765fec1fffd2901297ffd9",
    "cmyk": "ffd8ffee000e41646f626500640000000000ffdb004300a06e788c7864a08c828cb4aaa0bef0fffff0dcdcf0ffffffff"
            "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffc000140800080008"
            "044311004d11005911004b1100ffc4001500010100000000000000000000000000000100ffc400211000020104020203"
            "000000000000000000011121003141510261224281b1f1ffda000e0443004d0059004b00003f00bd9e8493b83abe16a9"
            "21710b0ae3f33f2dd290f18d67a8be358dd298278b66e8e63ecdcc7715ffd9",
}
WEBPS = {
    "lossy": "524946465800000057454250565038204c000000b001009d012a090007000900ac25b0027400d996148000e248939fc3"
             "b529ff6afb8f367586f78863f5bf949674980286b641144043300c9258634c4fbbf06b490013e89cf8107027a2800000",
    "lossless": "5249464658000000574542505650384c4b0000002f088001001fa0a66d03e6efe4ff1568810809880f06fae7a1482660"
                "19dbf83435ff511ec5ae3b501bdb36f4577426d28e2eb440bc87aad08154ae9d88fec70bb4231507f9f35de00fd5c400",
    "alpha": "524946466a00000057454250565038580a00000010000000040000030000414c50481500000000ff0028008080ff8028"
             "ff288080ff80808080800000565038202e000000f001009d012a050004000900ac25900274813115c7ee700000fa0e9c"
             "08b109cac9338ed40e715a44acf595b80000",
    "animated": "524946462201000057454250565038580a00000002000000080000060000414e494d06000000000000000000414e4d46"
                "780000000000000000000800000600000900000256503820600000005001009d012a090007000900ac25b00004740000"
                "feb4f242f75a9c2e8e17ffeed37976a6859710586833ae2f2b62f2f3e66a94b3ab7b2f389e295296ffef3661ff20be02"
                "57fe6f001252b28e4e25f9b8efc1b00400013e89cf811c5127800000414e4d4676000000000000000000080000060000"
                "09000000565038205e0000005401009d012a090007000000ac25b00004740000fecdede775ff1d2bbda03bee33f1b8ca"
                "670d15072e7d8bb27d28b9fc2337fdf7473d6cfc4337388d1fc195d0669bbf832ba34003fa4d050f4667859dbbf04d65"
                "27a8ffe3d8489a000000",
}


# EXIF data of two entries, width and orientation 6
EXIF = {"<": b"II*\0" + struct.pack("<IHHHIIHHIHH", 8, 2, 0x100, 3, 1, 40, 0x112, 3, 1, 6, 0),
        ">": b"MM\0*" + struct.pack(">IHHHIHHHHIHH", 8, 2, 0x100, 3, 1, 40, 0, 0x112, 3, 1, 6, 0)}


def jpeg_seeds():
    files = {name: bytes.fromhex(digits) for name, digits in JPEGS.items()}
    yield from files.values()
    grey = files["grey"]
    yield grey[:-2] + b"stray bytes\xff\xd9"
    yield grey.replace(b"\xff\xc0", b"\xff\xc9")  # arithmetic coding, of which any bits are a picture
    yield grey[:2] + b"\xff\xe1\x00\x10Exif\0\0II*\0\x08\0\0\0" + grey[2:]
    for exif in EXIF.values():
        yield grey[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 8) + b"Exif\0\0" + exif + grey[2:]


def webp_seeds():
    yield from map(bytes.fromhex, WEBPS.values())
    lossy = bytes.fromhex(WEBPS["lossy"])
    extended = b"VP8X" + struct.pack("<II", 10, 8) + struct.pack("<II", 8, 6)[:3] + struct.pack("<I", 6)[:3]
    body = b"WEBP" + extended + lossy[12:] + b"EXIF" + struct.pack("<I", len(EXIF["<"])) + EXIF["<"]
    yield b"RIFF" + struct.pack("<I", len(body)) + body


# ---------------------------------------------------------------- PNG


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, height, depth, colour, interlace=0, between=b"", n_parts=1):
    n_channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]

    def rows(w, h, first_filter):
        n = (w * n_channels * depth + 7) // 8
        return b"".join(bytes([(first_filter + y) % 5]) + bytes((37 * (x + y)) % 256 for x in range(n))
                        for y in range(h)) if w and h else b""

    if interlace:
        passes = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
        raw = b"".join(rows(-(-(width - x) // dx) if width > x else 0, -(-(height - y) // dy) if height > y else 0, i)
                       for i, (x, y, dx, dy) in enumerate(passes))
    else:
        raw = rows(width, height, 0)
    packed = zlib.compress(raw, 9)
    part = -(-len(packed) // n_parts)
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)
    if colour == 3:
        between = chunk(b"PLTE", bytes(range(3 * min(16, 1 << depth)))) + between
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + between +
            b"".join(chunk(b"IDAT", packed[i:i + part]) for i in range(0, len(packed), part)) + chunk(b"IEND", b""))


def png_seeds():
    for colour, depths in ((0, (1, 2, 4, 8, 16)), (2, (8, 16)), (3, (1, 4)), (4, (8,)), (6, (8, 16))):
        for depth in depths:
            yield png(7, 6, depth, colour)
    yield png(9, 9, 8, 2, interlace=1)
    yield png(5, 3, 2, 3, interlace=1)
    yield png(4, 4, 8, 2, n_parts=3, between=chunk(b"tRNS", bytes(6)) + chunk(b"gAMA", b"\0\0\xb1\x8f") +
              chunk(b"tEXt", b"Title\0x"))
    yield png(4, 4, 4, 3, between=chunk(b"tRNS", b"\0\x80"))
    yield png(4, 3, 8, 2, between=chunk(b"eXIf", EXIF[">"]))
    yield png(16, 16, 8, 0)[:-20]  # the end is missing


# ---------------------------------------------------------------- BMP


def bmp(width, height, bits, pixels, compression=0, palette=b"", masks=b"", head=40):
    size = 14 + head + len(masks) + len(palette)
    if head == 12:
        info = struct.pack("<IHHHH", 12, width, height, 1, bits)
    else:
        info = struct.pack("<IiiHHIIiiII", head, width, height, 1, bits, compression, len(pixels), 0, 0,
                           len(palette) // 4, 0)
        if head > 40:
            info += masks + bytes(head - 40 - len(masks))
            size, masks = 14 + head + len(palette), b""
    return b"BM" + struct.pack("<IHHI", size + len(pixels), 0, 0, size) + info + masks + palette + pixels


def bmp_seeds():
    for bits in (1, 4, 8):
        palette = bytes((7 * i) % 256 for i in range(4 << bits))
        yield bmp(5, 3, bits, bytes(range(3 * ((5 * bits + 31) // 32 * 4))), palette=palette)
    yield bmp(5, 3, 24, bytes(3 * 16))
    yield bmp(5, -3, 24, bytes(range(48)))
    yield bmp(3, 2, 32, bytes(range(24)))
    yield bmp(3, 2, 16, bytes(range(16)))
    yield bmp(3, 2, 16, bytes(range(16)), 3, masks=struct.pack("<III", 0xf800, 0x7e0, 0x1f))
    yield bmp(3, 2, 32, bytes(range(24)), 3, masks=struct.pack("<IIII", 0xff0000, 0xff00, 0xff, 0xff000000), head=108)
    yield bmp(3, 2, 24, bytes(range(24)), head=12)
    yield bmp(6, 3, 8, b"\x03\x01\x03\x02\0\0\0\x03\x01\x02\x03\0\0\0\0\x02\x01\0\x02\x05\0\x01", 1,
              palette=bytes(range(64)))
    yield bmp(6, 2, 8, b"\x06\x01\0\0\x03\x02\x03\x03\0\x01", 1, palette=bytes(range(64)))
    yield bmp(6, 2, 4, b"\x06\x12\0\0\0\x04\x12\x34\x02\x56\0\x01", 2, palette=bytes(range(64)))


# ---------------------------------------------------------------- GIF


def lzw(indices, bits):
    """Codes of one length: the table is cleared before it needs longer ones."""
    clear, codes = 1 << bits, []
    for i, index in enumerate(indices):
        if i % max(1, clear - 2) == 0:
            codes.append(clear)
        codes.append(index)
    codes.append(clear + 1)
    value = sum(code << (bits + 1) * i for i, code in enumerate(codes))
    data = value.to_bytes(((bits + 1) * len(codes) + 7) // 8, "little")
    return bytes([bits]) + b"".join(bytes([len(data[i:i + 255])]) + data[i:i + 255]
                                    for i in range(0, len(data), 255)) + b"\0"


def gif(frames, width=6, height=4, version=b"89a", has_table=True, bits=2):
    table = bytes(range(3 << bits))
    head = b"GIF" + version + struct.pack("<HHBBB", width, height, (0x80 | bits - 1) if has_table else 0, 1, 0)
    return head + (table if has_table else b"") + b"".join(frames) + b";"


def gif_frame(x, y, width, height, flags=0, bits=2, control=b""):
    table = bytes(reversed(range(3 << bits))) if flags & 0x80 else b""
    indices = [(i * i) % (1 << bits) for i in range(width * height)]
    return control + b"," + struct.pack("<HHHHB", x, y, width, height, flags) + table + lzw(indices, bits)


def gif_seeds():
    control = b"!\xf9\x04\x01\x0a\0\x02\0"
    yield gif([gif_frame(0, 0, 6, 4)], version=b"87a")
    yield gif([b"!\xfe\x05hello\0", gif_frame(0, 0, 6, 4, control=control), gif_frame(1, 1, 2, 2)])
    yield gif([gif_frame(1, 1, 3, 2, 0x81)], has_table=False)
    yield gif([gif_frame(0, 0, 6, 12, 0x40)], height=12)  # interlaced
    yield gif([gif_frame(2, 1, 8, 8, control=control)])  # larger than the canvas
    yield gif([gif_frame(0, 0, 6, 4, bits=6)], bits=6)


# ---------------------------------------------------------------- PNM


def pnm_seeds():
    yield b"P6 3 2 255\n" + bytes(range(18))
    yield b"P5\n# a comment\n4 2\n255\n" + bytes(range(8))
    yield b"P5 2 2 65535\n" + bytes(range(8))
    yield b"P6 1 1 1023 " + bytes(range(6))
    yield b"P3\n2 1\n15\n1 2 3 # one\n 15 0 7\n"
    yield b"P2 3 1 7\n0 3\t7\n"


SEEDS = {"jpeg": jpeg_seeds, "png": png_seeds, "bmp": bmp_seeds, "gif": gif_seeds, "webp": webp_seeds,
         "pnm": pnm_seeds}
