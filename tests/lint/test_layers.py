#!/usr/bin/env python3
"""A layer includes only its own headers and those of the layers below it. C++ and libtorch stay in
shim/, cJSON behind src/base/json*.c, libraries of image formats behind src/image/FORMAT.c."""

import os
import re
import sys

from sources import read, report, root, sources, without_comments

# Every room and the rooms that it may include, as CMakeLists.txt draws them.
MAY_INCLUDE = {
    "base": {"base"},
    "text": {"base", "text"},
    "ranks": {"base", "ranks"},
    "safetensors": {"base", "safetensors"},
    "store": {"base", "safetensors", "store"},
    "image": {"base", "image"},
    "data": {"base", "image", "data"},
    "world": {"base", "world"},
    "torch": {"base", "torch"},
    "nn": {"base", "ranks", "safetensors", "torch", "nn"},
    "weights": {"base", "image", "torch", "nn", "weights"},
    "clip": {"base", "ranks", "torch", "nn", "weights", "clip"},
    "methods": {"base", "text", "torch", "nn", "weights", "clip", "methods"},
    "config": {"base", "image", "data", "config"},
    "report": {"base", "text", "safetensors", "image", "data", "config", "report"},
}
MAY_INCLUDE["run"] = MAY_INCLUDE["methods"] | MAY_INCLUDE["report"] | {"ranks", "store", "run"}
MAY_INCLUDE["pretrain"] = MAY_INCLUDE["run"] | {"world", "pretrain"}
MAY_INCLUDE["import"] = MAY_INCLUDE["run"] | {"import"}
MAY_INCLUDE["page"] = MAY_INCLUDE["report"] | {"page"}
MAY_INCLUDE["grid"] = MAY_INCLUDE["report"] | {"grid"}
MAY_INCLUDE["cli"] = MAY_INCLUDE["pretrain"] | {"import", "grid", "page", "cli"}
# a pattern and the only files that may hold it
ONLY_IN = [
    (re.compile(r"#\s*include\s*<(torch|ATen|c10|caffe2)/"), re.compile(r"shim/")),
    (re.compile(r"\bcJSON_\w+"), re.compile(r"src/base/json[^/]*\.c$")),
    (re.compile(r"\bstbi_\w+"), re.compile(r"src/image/gif\.c$")),
    (re.compile(r"\bjpeg_[a-z]\w+\s*\(|#\s*include\s*<j\w+\.h>"), re.compile(r"src/image/jpeg(_write)?\.c$")),
    (re.compile(r"\bpng_\w+"), re.compile(r"src/(world/picture|image/png)\.c$")),
    (re.compile(r"#\s*include\s*<mpi\.h>|\bMPI_\w+"), re.compile(r"src/ranks/mpi\.c$")),
    (re.compile(r"\bWebP[A-Z]\w+"), re.compile(r"src/image/webp\.c$")),
]
# headers of rooms with libtorch that are free of it themselves (library prompt_options), for the rooms without
SHARED = {f"prompt/{header}.h": {"config", "report", "grid", "page"} for header in ("clip/encoder", "methods/options", "nn/schedule")}
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.M)


def layer_of(path):
    if path.startswith("shim/"):
        return "torch"
    return re.match(r"(?:src|include/prompt)/(\w+)/", path).group(1)


def problems_of(path, text):
    text = without_comments(text)
    layer = layer_of(path)
    if layer not in MAY_INCLUDE:
        yield f"{path}: '{layer}' is not a layer"
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
                yield f"{path}:{line}: '{match.group(0)}' occurs outside {allowed.pattern}"


def check_itself():
    """Slips that must be found, or the test proves nothing."""
    for path, text in [
        ("src/data/x.c", '#include "prompt/nn/nn.h"\n'),
        ("src/clip/x.c", '#include "prompt/config/config.h"\n'),
        ("src/report/x.c", '#include "prompt/clip/clip.h"\n'),
        ("src/text/x.c", '#include "prompt/clip/encoder.h"\n'),
        ("src/clip/x.c", '#include "prompt/image/transform.h"\n'),
        ("src/nn/x.c", '#include "prompt/image/preprocess.h"\n'),
        ("include/prompt/base/x.h", '#include "prompt/torch/torch.h"\n'),
        ("src/run/x.c", '#include "../weights/internal.h"\n'),
        ("src/nn/x.c", "#include <torch/torch.h>\n"),
        ("src/run/x.c", "x = cJSON_Parse(text);\n"),
        ("src/run/x.c", "x = stbi_load(path);\n"),
        ("src/image/image.c", "jpeg_read_header(&info, TRUE);\n"),
        ("src/image/jpeg.c", "png_read_info(png, info);\n"),
        ("src/data/x.c", "WebPDataInit(&data);\n"),
        ("src/ranks/ranks.c", "#include <mpi.h>\n"),
        ("src/run/x.cpp", ""),
        ("src/util/x.c", ""),
    ]:
        assert len(list(problems_of(path, text))) == 1, (path, text)
    assert not list(problems_of("src/run/x.c", '/* cJSON_Parse, "prompt/cli/x.h" */\n#include "prompt/nn/nn.h"\n'))
    assert not list(problems_of("src/config/x.c", '#include "prompt/methods/options.h"\n'))
    assert not list(problems_of("shim/x.cpp", '#include "kernels/kernels.hpp"\n'))


def main():
    check_itself()
    paths = sources(["include/prompt", "shim", "src"])
    return report("layers", [p for path in paths for p in problems_of(path, read(path))], len(paths), "files")


if __name__ == "__main__":
    sys.exit(main())
