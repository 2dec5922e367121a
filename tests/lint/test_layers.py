#!/usr/bin/env python3
"""A layer includes its own headers and those of the layers it stands on, nothing else. C++ and libtorch stay in
shim/, cJSON behind src/base/json*.c, libraries of image formats behind src/data/image_FORMAT.c."""

import os
import re
import sys

from sources import read, report, root, sources, without_comments

# base --> torch (shim) --> nn --> clip --> methods --+
#   +----> data ---------------------------------------+--> run --> cli
#   +----> world --------------------------------------+
MAY_INCLUDE = {
    "base": {"base"},
    "torch": {"base", "torch"},
    "nn": {"base", "torch", "nn"},
    "clip": {"base", "torch", "nn", "clip"},
    "methods": {"base", "torch", "nn", "clip", "methods"},
    "data": {"base", "data"},
    "world": {"base", "world"},
    "run": {"base", "torch", "nn", "clip", "methods", "data", "world", "run"},
    "cli": {"base", "torch", "nn", "clip", "methods", "data", "world", "run", "cli"},
}
# a pattern and the only files that may hold it
ONLY_IN = [
    (re.compile(r"#\s*include\s*<(torch|ATen|c10|caffe2)/"), re.compile(r"shim/")),
    (re.compile(r"\bcJSON_\w+"), re.compile(r"src/base/json[^/]*\.c$")),
    (re.compile(r"\bstbi_\w+"), re.compile(r"src/data/image_gif\.c$")),
    (re.compile(r"\bjpeg_[a-z]\w+\s*\(|#\s*include\s*<j\w+\.h>"), re.compile(r"src/data/image_jpeg\.c$")),
    (re.compile(r"\bpng_\w+"), re.compile(r"src/(world/picture|data/image_png)\.c$")),
    (re.compile(r"\bWebP[A-Z]\w+"), re.compile(r"src/data/image_webp\.c$")),
]
# a header of another layer, and the layers that may include it: a plain value that both read
SHARED = {"prompt/data/preprocess.h": {"clip"}}
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.M)


def layer_of(path):
    if path.startswith("shim/"):
        return "torch"
    return re.match(r"(?:src|include/prompt)/(\w+)/", path).group(1)


def problems_of(path, text):
    text = without_comments(text)
    layer = layer_of(path)
    if layer not in MAY_INCLUDE:
        yield f"{path}: '{layer}' is no layer"
        return
    if path.endswith((".cpp", ".hpp")) and not path.startswith("shim/"):
        yield f"{path}: C++ belongs into shim/"
    for match in INCLUDE.finditer(text):
        line = text.count("\n", 0, match.start(1)) + 1
        header = match.group(1)
        target = re.match(r"prompt/(\w+)/", header)
        if target:
            if target.group(1) not in MAY_INCLUDE[layer] and layer not in SHARED.get(header, ()):
                yield f"{path}:{line}: {layer} may not include {header}"
        elif ".." in header or not os.path.exists(os.path.join(root(), os.path.dirname(path), header)):
            yield f"{path}:{line}: {header} is neither public (prompt/LAYER/) nor in the same folder or below"
    for pattern, allowed in ONLY_IN:
        for match in pattern.finditer(text):
            if not allowed.match(path):
                line = text.count("\n", 0, match.start()) + 1
                yield f"{path}:{line}: '{match.group(0)}' stands outside {allowed.pattern}"


def check_itself():
    """What must be found, or the test proves nothing."""
    for path, text in [
        ("src/data/x.c", '#include "prompt/nn/nn.h"\n'),
        ("src/clip/x.c", '#include "prompt/run/config.h"\n'),
        ("src/clip/x.c", '#include "prompt/data/transform.h"\n'),
        ("src/nn/x.c", '#include "prompt/data/preprocess.h"\n'),
        ("include/prompt/base/x.h", '#include "prompt/torch/torch.h"\n'),
        ("src/run/x.c", '#include "../clip/weights_internal.h"\n'),
        ("src/nn/x.c", "#include <torch/torch.h>\n"),
        ("src/run/x.c", "x = cJSON_Parse(text);\n"),
        ("src/run/x.c", "x = stbi_load(path);\n"),
        ("src/data/image.c", "jpeg_read_header(&info, TRUE);\n"),
        ("src/data/image_jpeg.c", "png_read_info(png, info);\n"),
        ("src/data/x.c", "WebPDataInit(&data);\n"),
        ("src/run/x.cpp", ""),
        ("src/util/x.c", ""),
    ]:
        assert len(list(problems_of(path, text))) == 1, (path, text)
    assert not list(problems_of("src/run/x.c", '/* cJSON_Parse, "prompt/cli/x.h" */\n#include "prompt/nn/nn.h"\n'))
    assert not list(problems_of("src/clip/x.c", '#include "prompt/data/preprocess.h"\n'))
    assert not list(problems_of("shim/x.cpp", '#include "kernels/kernels.hpp"\n'))


def main():
    check_itself()
    paths = sources(["include/prompt", "shim", "src"])
    return report("layers", [p for path in paths for p in problems_of(path, read(path))], len(paths), "files")


if __name__ == "__main__":
    sys.exit(main())
