"""Files that authors' own classes saved, made again from what tests/golden/authors records of them. Imported, not a test.

A record is a zip file. FILE/... are members of the authors' FILE as it was, which is a zip file of torch.save: its pickle
and the storages of what was trained. record.json has the rest: what the other members are, and the logits that the
authors' classes computed. tests/parity/run_authors.py makes records.
"""

import json
import math
import pathlib
import random
import re
import struct
import zipfile

from harness import ROOT, write_safetensors

RECORDS = ROOT / "tests" / "golden" / "authors"
NAMES = ("apple", "brown_bear", "cup", "grand_piano", "engine", "flower", "guitar", "house", "island", "jacket")

# Widths are multiples of 64, since OpenAI's code makes a head of each 64.
TEXT, VISION, LAYERS, JOINT, IMAGE_PX, PATCH_PX, N_POSITIONS, N_TOKENS = 64, 128, 3, 32, 32, 8, 77, 49408
GAIN = 3  # of the blocks' matrices, so that the features of different pictures and texts are far apart


def clip_shapes(text, vision, layers, joint):
    """{name: (shape, standard deviation)} with OpenAI's names."""
    n_patches = (IMAGE_PX // PATCH_PX) ** 2
    shapes = {
        "token_embedding.weight": ((N_TOKENS, text), 0.02), "positional_embedding": ((N_POSITIONS, text), 0.01),
        "text_projection": ((text, joint), text**-0.5), "visual.proj": ((vision, joint), vision**-0.5),
        "visual.conv1.weight": ((vision, 3, PATCH_PX, PATCH_PX), (3 * PATCH_PX**2) ** -0.5),
        "visual.class_embedding": ((vision,), vision**-0.5),
        "visual.positional_embedding": ((1 + n_patches, vision), vision**-0.5),
    }
    norms = {"ln_final": text, "visual.ln_pre": vision, "visual.ln_post": vision}
    for tower, width in (("", text), ("visual.", vision)):
        for i in range(layers):
            block = f"{tower}transformer.resblocks.{i}."
            norms |= {block + "ln_1": width, block + "ln_2": width}
            for name, rows, columns in (("attn.in_proj_", 3 * width, width), ("attn.out_proj.", width, width),
                                        ("mlp.c_fc.", 4 * width, width), ("mlp.c_proj.", width, 4 * width)):
                shapes[f"{block}{name}weight"] = (rows, columns), GAIN * (2 * layers * columns) ** -0.5
                shapes[f"{block}{name}bias"] = (rows,), 0.1
    for name, width in norms.items():
        shapes |= {f"{name}.weight": ((width,), 0.1), f"{name}.bias": ((width,), 0.1)}
    return shapes


def make_clip(text=TEXT, vision=VISION, layers=LAYERS, joint=JOINT):
    """{name: (shape, values)} of a random CLIP whose weights are the same in fp16 and fp32, and on every machine."""
    tensors, noise = {}, random.Random(7)
    for name, (shape, deviation) in clip_shapes(text, vision, layers, joint).items():
        n = math.prod(shape)
        # integers of 12 bits, as many as fp16's fraction holds, times a power of two
        step = 2.0 ** round(math.log2(deviation * 12**0.5 / 4096))
        start = float(re.search(r"ln_\w+\.weight$", name) is not None)
        tensors[name] = shape, [start + step * ((x & 4095) - 2048) for x in struct.unpack(f"<{n}H", noise.randbytes(2 * n))]
    tensors["logit_scale"] = (), [4.605170249938965]  # ln 100
    return tensors


def write_clip(path, tensors, text=TEXT, vision=VISION):
    towers = {"text": text // 64, "vision": vision // 64}
    metadata = {"format": "pt"}
    for tower, n_heads in towers.items():
        metadata |= {f"prompt.{tower}_heads": str(n_heads), f"prompt.{tower}_activation": "quick_gelu",
                     f"prompt.{tower}_norm_eps": "1e-05"}
    write_safetensors(path, {name: ("F32", list(shape), struct.pack(f"<{len(values)}f", *values))
                             for name, (shape, values) in tensors.items()}, metadata)
    return pathlib.Path(path)


def read_record(name):
    with zipfile.ZipFile(RECORDS / f"{name}.zip") as archive:
        return json.loads(archive.read("record.json"))


def write_files(name, folder, clip):
    """The authors' files: what was trained as recorded, CLIP's tensors from `clip`, zeros for what no reader looks at."""
    paths = []
    with zipfile.ZipFile(RECORDS / f"{name}.zip") as record:
        facts = json.loads(record.read("record.json"))
        for file, others in facts["files"].items():
            paths.append(pathlib.Path(folder) / file)
            with zipfile.ZipFile(paths[-1], "w") as out:
                for member in record.namelist():
                    if member.startswith(file + "/"):
                        out.writestr(member[len(file) + 1:], record.read(member))
                for member, size in others["zeros"].items():
                    out.writestr(member, bytes(size))
                for member, (tensor, kind) in others["clip"].items():
                    values = clip[tensor][1]
                    out.writestr(member, struct.pack(f"<{len(values)}{kind}", *values))
    return paths
