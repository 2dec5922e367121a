#!/usr/bin/env python3
"""Kept corpora: tests/fuzz/corpus/READER.txt, one input a line in hexadecimal digits.

usage: corpus.py unpack READER FOLDER    writes each kept input into FOLDER as a file
       corpus.py pack READER FOLDER      keeps the inputs in FOLDER, the shortest first, as far as there is room
"""

import hashlib
import os
import sys

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "corpus")
LARGEST_INPUT, LARGEST_FILE = 4096, 40_000  # bytes


def unpack(reader, folder):
    path = os.path.join(HERE, reader + ".txt")
    os.makedirs(folder, exist_ok=True)
    if not os.path.exists(path):
        return
    with open(path, encoding="ascii") as stream:
        for line in stream:
            data = bytes.fromhex(line)
            with open(os.path.join(folder, hashlib.sha1(data).hexdigest()), "wb") as out:
                out.write(data)


def pack(reader, folder):
    inputs = set()
    for name in os.listdir(folder):
        with open(os.path.join(folder, name), "rb") as stream:
            inputs.add(stream.read())
    lines, n_bytes = [], 0
    for data in sorted(inputs, key=lambda data: (len(data), data)):
        line = data.hex() + "\n"
        if data and len(data) <= LARGEST_INPUT and n_bytes + len(line) <= LARGEST_FILE:
            lines.append(line)
            n_bytes += len(line)
    with open(os.path.join(HERE, reader + ".txt"), "w", encoding="ascii") as stream:
        stream.writelines(lines)
    print(f"{reader}: {len(lines)} of {len(inputs)} inputs kept, {n_bytes:,} bytes")


def main():
    if len(sys.argv) != 4 or sys.argv[1] not in ("pack", "unpack"):
        sys.exit(__doc__)
    os.makedirs(HERE, exist_ok=True)
    (pack if sys.argv[1] == "pack" else unpack)(sys.argv[2], sys.argv[3])


if __name__ == "__main__":
    main()
