"""Small lists, configurations, tokenizers and records."""

import json

# ---------------------------------------------------------------- lists


def csv_seeds():
    rows = [f"{kind}/{i}.jpg,{label},{kind}" for label, kind in enumerate(("cat", "dog")) for i in range(3)]
    yield ("path,label,name\n" + "\n".join(rows) + "\n").encode()
    yield "\n".join(rows).encode()
    yield ("\ufeff\"Name\";\"Path\";\"Label\"\r\n" + "\r\n".join(
        f"\"big, {name}\";a/{i}.png;{label}.0" for label, name in enumerate(("caf\u00e9", "x \"\"y\"\""))
        for i in range(3)) + "\r\n").encode()
    yield b"filename\tclass\tsplit\tnote\n" + b"".join(
        b"%d.jpg\tc%d\t%s\t\"two\nlines\"\n" % (i, i % 2, part) for i in range(4)
        for part in (b"train", b"val", b"test"))
    yield b"sep=;\npath;label\na/b.jpg;x\na/c.jpg;x\na/d.jpg;x\n"


def pairs_seeds():
    yield b"image,caption\n/dev/null,a photo of a cat\n/dev/null,\"a dog, and \"\"more\"\"\"\n"
    yield b"\xef\xbb\xbffilepath\ttitle\turl\r\n/dev/null\ta cat\thttp://x\r\n"
    yield "TEXT;Path\nna\u00efve;/dev/null\n".encode()


def classnames_seeds():
    yield b"n01440764 tench\nn01443537 goldfish\r\nn01484850 great white shark\n"
    yield b"\xef\xbb\xbfn99999999 x\n\nn00000000 caf\xc3\xa9\n"


def aircraft_seeds():
    yield b"707-320\n727-200\nF/A-18\n\n1025794 707-320\n1340192 F/A-18\n0056978 727-200\n"


# ---------------------------------------------------------------- tokenizer.json

MERGES = ["t h", "th e</w>", "a n", "an d</w>", "o f</w>"]


def printable_bytes():
    """The letters of GPT-2's table, in the order of CLIP's vocabulary."""
    own = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [b for b in range(256) if b not in own]
    return [chr(b) for b in own] + [chr(256 + i) for i in range(len(others))]


def tokenizer(merges, regex_special=""):
    letters = printable_bytes()
    tokens = letters + [c + "</w>" for c in letters] + ["".join(pair) for pair in merges]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    pattern = regex_special + r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
    return {
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": [{"id": tokens.index(t), "content": t, "special": True} for t in tokens[-2:]],
        "normalizer": {"type": "Sequence", "normalizers": [
            {"type": "NFC"}, {"type": "Replace", "pattern": {"Regex": r"\s+"}, "content": " "},
            {"type": "Lowercase"}]},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Removed", "invert": True},
            {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}]},
        "post_processor": None, "decoder": None,
        "model": {"type": "BPE", "dropout": None, "unk_token": "<|endoftext|>", "continuing_subword_prefix": "",
                  "end_of_word_suffix": "</w>", "fuse_unk": False, "merges": merges,
                  "vocab": {token: i for i, token in enumerate(tokens)}}}


def tokenizer_seeds():
    pairs = [merge.split() for merge in MERGES]
    whole = tokenizer(pairs)
    yield json.dumps(whole, ensure_ascii=False, separators=(",", ":")).encode()
    small = tokenizer(pairs, r"<\|startoftext\|>|<\|endoftext\|>|")
    small["model"].update(vocab={"a": 64}, merges=MERGES)
    yield json.dumps(small, indent=1).encode()
    del small["normalizer"]
    yield json.dumps(small).encode()


# ---------------------------------------------------------------- beside a model


def model_config_seeds():
    vision = {"layers": 2, "width": 32, "head_width": 16, "mlp_ratio": 4.0, "patch_size": [8, 8], "image_size": 16,
              "ls_init_value": None, "pool_type": "tok", "act_kwargs": {}, "global_average_pool": False}
    text = {"context_length": 77, "vocab_size": 512, "width": 32, "heads": 2, "layers": 2, "eos_id": 511,
            "pool_type": "eos", "tokenizer_kwargs": {"clean": "lower"}, "hf_tokenizer_name": None}
    preprocess = {"mean": [0.5, 0.5, 0.5], "std": [0.25, 0.5, 1], "size": [16, 16], "mode": "RGB",
                  "interpolation": "bilinear", "resize_mode": "squash", "fill_color": 0}
    yield json.dumps({"model_cfg": {"embed_dim": 64, "quick_gelu": True, "vision_cfg": vision, "text_cfg": text},
                      "preprocess_cfg": preprocess}).encode()
    yield json.dumps({"model_cfg": {"embed_dim": 64, "vision_cfg": {"head_width": 8, "new": 1},
                                    "text_cfg": {"heads": 4}},
                      "preprocess_cfg": {"resize_mode": "longest", "fill_color": [1, 2, 3]}}).encode()
    tower = {"hidden_size": 32, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2,
             "hidden_act": "quick_gelu", "layer_norm_eps": 1e-5, "attention_dropout": 0.0}
    yield json.dumps({"model_type": "clip", "architectures": ["CLIPModel"], "projection_dim": 64,
                      "logit_scale_init_value": 2.6592, "torch_dtype": "float32", "vision_config": {
                          **tower, "image_size": 16, "patch_size": 8, "num_channels": 3, "projection_dim": 64},
                      "text_config": {**tower, "vocab_size": 512, "max_position_embeddings": 77, "eos_token_id": 511,
                                      "bos_token_id": 510, "projection_dim": 64}}).encode()
    yield json.dumps({"text_config_dict": {"hidden_size": 32}, "vision_config_dict": None}).encode()
    for size in (16, {"shortest_edge": 20}, {"height": 16, "width": 16}):
        yield json.dumps({"crop_size": {"height": 16, "width": 16}, "do_center_crop": True, "do_convert_rgb": True,
                          "do_normalize": True, "do_rescale": True, "do_resize": True, "image_mean": [0.5, 0.4, 0.3],
                          "image_processor_type": "CLIPImageProcessor", "image_std": [0.2, 0.2, 0.2], "resample": 3,
                          "rescale_factor": 1 / 255, "size": size}).encode()


def shards_seeds():
    both = {"a": "a.safetensors", "b": "b.safetensors"}
    yield json.dumps({"metadata": {"total_size": 8}, "weight_map": both}).encode()
    yield json.dumps({"weight_map": {"a": "a.safetensors"}}).encode()
    yield json.dumps({"weight_map": {"a": "b.safetensors", "c": "none.safetensors"}}).encode()


# ---------------------------------------------------------------- runs

CONFIG = {"method": "prompt", "iterations": 2, "lambda": 1, "generator_input": "normalized", "filter": True,
          "vision_prompt": {"count": 8, "depth": 9, "generator": True}, "text_prompt": {"count": 5, "covers_sos": True},
          "zero_shot_template": "a photo of a {}.", "data": {"classes": "base", "shots": 16, "dataset": "caltech101",
                                                             "root": "/data"},
          "model": {"path": "/model.pt", "vision_heads": 2, "image_mean": "0.5"},
          "training": {"epochs": 5, "batch_size": 4, "lr": 0.008, "schedule": "cosine", "shuffle": True},
          "precision": "auto", "seed": 3}


def config_seeds():
    yield json.dumps(CONFIG, indent=2).encode()
    yield b'{"extends": "none.json", "seed": 1}'
    yield b'{"method": "coop", "training": {"lr": 1e-3, "momentum": 0.0}, "data": {"templates": "a {}"}}'


def record_seeds():
    inputs = {"preprocessing": "shortest, bicubic", "image_decoder": "libjpeg-turbo 2.1.5", "tokenizer_revision": 2}
    record = {"method": "prompt", "dataset": "caltech101", "split": "test", "classes": "base", "n_classes": 50,
              "shots": 16, "seed": 1, "finished": True, "untrained": False, "limit": 0, "steps": 4, "n_steps": 4,
              "correct": 3, "total": 4, "accuracy": 0.75, "accuracy_per_iteration": [0.5, 0.75, 0.75],
              "skipped_images": 0, "synthetic": False, "as_published": True,
              "digests": {"weights_sha256": "0" * 64, "class_names": "1" * 16, "images": "2" * 64},
              "inputs": inputs, "trained_inputs": inputs, "config": CONFIG, "time": "2026-01-01T00:00:00Z"}
    yield json.dumps([record]).encode()
    older = {key: value for key, value in record.items() if key not in ("inputs", "trained_inputs", "synthetic")}
    yield json.dumps([{**older, "config": {}, "classes": "all"}, {**older, "config": {}, "classes": "new"}]).encode()
    yield b"[]"


SEEDS = {"csv": csv_seeds, "pairs": pairs_seeds, "classnames": classnames_seeds, "aircraft": aircraft_seeds,
         "tokenizer": tokenizer_seeds, "model_config": model_config_seeds, "shards": shards_seeds,
         "config": config_seeds, "records": record_seeds}
