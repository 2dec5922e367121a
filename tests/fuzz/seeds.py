#!/usr/bin/env python3
"""Valid small files of every reader, from which fuzzing starts. Python's standard library alone makes them.

usage: seeds.py READER FOLDER    writes the reader's seeds into FOLDER, one file each
"""

import gzip
import io
import json
import os
import pickle
import struct
import sys
import types
import zipfile

import seeds_images
import seeds_texts

# ---------------------------------------------------------------- text


def json_seeds():
    yield b'{"a": [1, -2.5e3, 0.1, true, false, null], "b": {"c": "\\u00e9\\ud83d\\ude00\\n\\"\\\\\\/"}, "": []}'
    yield b"\xef\xbb\xbf [ ]\r\n"
    yield '"caf\u00e9 \u00e8\u0300 \U0001f600"'.encode()
    yield b"[[[[[[[[1e308, -0, 9007199254740991]]]]]]]]"
    yield b'{"dup": 1, "Dup": 2, "key": {"deep": {"deeper": ["x", "y"]}}}'


def split_seeds():
    items = [["dog/a.jpg", 0, "dog"], ["cat/b c.jpg", 1, "cat"], ["x/\u00e9.png", 2, "caf\u00e9_noir"]]
    yield json.dumps({"train": items, "val": items[:1], "test": items}).encode()
    yield json.dumps({"train": [["a.jpg", "0", "a"]], "val": [], "test": []}, indent=1).encode()
    yield json.dumps({"test": items[::-1], "val": [], "train": items[::-1], "other": None}).encode()


def template_seeds():
    yield b"a photo of a {}.\nitap of a {}.\r\n\n  \na bad photo of the {}."
    yield b"\xef\xbb\xbfa {} in a video game.\n"
    yield b'"a photo of a {}.",\n"art of the {}."\n'
    yield "una foto de {}, ni\u00f1o\n".encode()


MERGES = ["t h", "th e</w>", "a n", "an d</w>", "o f</w>", "l o", "lo w</w>", "lo w", "e r</w>", "n e", "ne w",
          "\u0120 a", "\u00c3 \u00a9</w>"]


def merges_seeds():
    text = ("#version: 0.2\n" + "\n".join(MERGES) + "\n").encode()
    yield text
    yield text.replace(b"\n", b"\r\n")
    yield b'"bpe_simple_vocab_16e6.txt#version: 0.2\ni n\nt h'
    yield gzip.compress(text, mtime=0)
    yield gzip.compress(text[:40], mtime=0) + gzip.compress(text[40:], mtime=0)


def name_seeds():
    yield b"a photo of a golden_retriever, a type of pet."
    yield "Levi\u2019s \ufb01lm \uff21\uff22\uff23 caf\u00e9 cafe\u0301 na\u00efve \u00df \u0130".encode()
    yield b"&amp;amp; &lt;b&gt; &#233; &#x1F600; &notin; &quot;quoted&quot;"
    yield b"<|startoftext|>x<end_of_text> <start_of_text>"
    yield "don't they'll I'm we've 1234 \u0663\u0664 \U0001f600\u200d\U0001f525 \u4e2d\u6587 \uac00".encode()
    yield b" \t\r\n\x1b[31mred\x1b[0m \x07 \xc2\x85 \xe2\x80\xa8 \xe2\x80\xa9"
    yield "l\u2019\u00e9t\u00e9 \u00d0\u00bf\u00d1\u20ac\u00d0\u00b8 \u0432\u0402\u2122 \ufb03 \uff76\uff9e".encode()
    yield "Fran\u00c3\u00a7ois \u00e2\u20ac\u2122".encode()


# ---------------------------------------------------------------- tensors


def safetensors(tensors, metadata=None):
    """tensors: name -> (dtype, shape, bytes)."""
    header, data = ({"__metadata__": metadata} if metadata else {}), b""
    for name, (dtype, shape, content) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    head = json.dumps(header).encode()
    head += b" " * (-len(head) % 8)
    return struct.pack("<Q", len(head)) + head + data


def floats(n):
    return struct.pack(f"<{n}f", *(0.5 * i - 1 for i in range(n)))


def safetensors_seeds():
    yield safetensors({"weight": ("F32", [2, 3], floats(6)), "scale": ("F32", [], floats(1))}, {"format": "pt"})
    kinds = {"F64": 8, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "U8": 1, "BOOL": 1}
    yield safetensors({name.lower(): (name, [3], bytes(3 * size)) for name, size in kinds.items()})
    yield safetensors({"empty": ("F32", [0, 4], b""), "odd": ("U8", [1], b"\1"), "after": ("F32", [1], floats(1))})
    yield safetensors({"a.b.c": ("F32", [1, 1, 1, 1, 1, 2], floats(2))}, {"k": "v", "\u00e9": "", "n": "1"})


def checkpoint_seeds():
    metadata = {"format": "prompt checkpoint 1", "method": "prompt", "config_hash": "0" * 64,
                "config": json.dumps({"method": {"name": "prompt"}, "training": {"lr": 0.008, "epochs": 5}}),
                "weights_sha256": "1" * 64, "sample_digest": "2" * 64, "class_digest": "3" * 16,
                "class_names": '["dog", "cat"]', "n_classes": "2", "epoch": "1", "step_in_epoch": "0", "step": "4",
                "n_steps": "20"}
    trained = {"text_prompts": ("F32", [2, 3], floats(6)), "scale": ("F32", [1], floats(1))}
    momentum = {"optimizer.momentum." + name: value for name, value in trained.items()}
    yield safetensors({**trained, **momentum}, metadata)
    yield safetensors(trained, {**metadata, "config": "{}", "step": "0"})
    yield safetensors(trained, {**metadata, "config": '{"extends": "none.json", "seed": 3}'})


# ---------------------------------------------------------------- torch.save


def module(name, **members):
    """A module for the pickler to find names in; nothing of torch is here."""
    sys.modules[name] = types.ModuleType(name)
    for key, value in members.items():
        value.__module__, value.__qualname__ = name, key
        setattr(sys.modules[name], key, value)


class Storage:
    def __init__(self, kind, key, numel):
        self.kind, self.key, self.numel = kind, key, numel


class Tensor:
    def __init__(self, storage, offset, size, stride):
        self.fields = (storage, offset, size, stride, False, {})

    def __reduce__(self):
        return sys.modules["torch._utils"]._rebuild_tensor_v2, self.fields


class Module:
    """torch.jit.save's objects: a class in __torch__ whose state is a dict."""


def torch_modules():
    module("torch")
    for kind in ("FloatStorage", "HalfStorage", "BFloat16Storage", "LongStorage", "QInt8Storage"):
        kind_class = type(kind, (), {"__module__": "torch"})
        setattr(sys.modules["torch"], kind, kind_class)
    module("torch._utils", _rebuild_tensor_v2=lambda *fields: None, _rebuild_parameter=lambda *fields: None)
    Module.__module__, Module.__qualname__ = "__torch__.multimodal", "Module"
    module("__torch__")
    sys.modules["__torch__.multimodal"] = types.ModuleType("__torch__.multimodal")
    sys.modules["__torch__.multimodal"].Module = Module


def pickled(value, protocol=2):
    class Pickler(pickle._Pickler):  # in Python, for it shows an unknown class as it is
        def persistent_id(self, obj):
            if isinstance(obj, Storage):
                return ("storage", getattr(sys.modules["torch"], obj.kind), obj.key, "cpu", obj.numel)
            return None

    out = io.BytesIO()
    Pickler(out, protocol).dump(value)
    return out.getvalue()


def values():
    import collections
    one, two = Storage("FloatStorage", "0", 6), Storage("HalfStorage", "1", 4)
    state = collections.OrderedDict(weight=Tensor(one, 0, (2, 3), (3, 1)), bias=Tensor(one, 3, (3,), (1,)),
                                    half=Tensor(two, 0, (2, 2), (1, 2)))
    root, child = Module(), Module()
    child.weight, child.training = Tensor(one, 1, (2,), (2,)), False
    root.visual, root.scale, root.name, root.input_resolution = child, Tensor(one, 0, (), ()), "clip", Tensor(two, 0, (1,), (1,))
    wrapped = {"state_dict": {"module.a": Tensor(one, 0, (6,), (1,))}, "epoch": 3, "lr": 0.1, "args": ("x", None, 2**40, -1),
               "best": True, 7: Tensor(Storage("QInt8Storage", "1", 8), 0, (8,), (1,))}
    return state, root, wrapped


def pickle_seeds():
    torch_modules()
    for value in values():
        for protocol in (0, 1, 2, 3, 4):
            yield pickled(value, protocol)


def archive(pkl, script=False, method=zipfile.ZIP_STORED, byteorder=b"little"):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as file:
        def add(name, data):
            file.writestr(zipfile.ZipInfo("archive/" + name), data, method)
        add("data.pkl", pkl)
        add("byteorder", byteorder)
        add("data/0", floats(6))
        add("data/1", bytes(8))
        if script:
            add("constants.pkl", pickled(()))
            add("code/__torch__/multimodal.py", b"class Module(Module):\n")
        add("version", b"3\n")
    return out.getvalue()


def archive_seeds():
    torch_modules()
    state, root, wrapped = values()
    yield archive(pickled(state))
    yield archive(pickled(root), script=True)
    yield archive(pickled(wrapped), method=zipfile.ZIP_DEFLATED)
    yield archive(pickled({"x": state}), byteorder=b"big")
    yield b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03."  # the old format's beginning


SEEDS = {"json": json_seeds, "split": split_seeds, "templates": template_seeds, "merges": merges_seeds,
         "names": name_seeds, "safetensors": safetensors_seeds, "archive": archive_seeds, "pickle": pickle_seeds,
         "checkpoint": checkpoint_seeds, **seeds_images.SEEDS, **seeds_texts.SEEDS}


def main():
    if len(sys.argv) != 3 or sys.argv[1] not in SEEDS:
        sys.exit(__doc__ + f"\nreaders: {', '.join(SEEDS)}")
    os.makedirs(sys.argv[2], exist_ok=True)
    for i, seed in enumerate(SEEDS[sys.argv[1]]()):
        with open(os.path.join(sys.argv[2], f"seed-{i:02}"), "wb") as stream:
            stream.write(seed)


if __name__ == "__main__":
    main()
