"""Rows of the table of peers: files of weights. Both towers' features of the same pixels and tokens, by the program and by
the library whose format it is, each from the very file; the library wrote it, too.
"""

import json

import make_models
import clip
import huggingface_hub
import open_clip
import safetensors.torch
import torch
import transformers

import peer_table
from peer_table import Row

SIZES = make_models.Sizes(embed_dim=32, vision_width=64, text_width=64)
BOUND = 1e-5  # of normalized features, as in test_features.py
TEXTS = ("a photo of a cat.", "a photo of a dog, a type of pet.", "satellite photo of a river", "zigzagged texture",
         "Boeing 737-700", "a", "a photo of a person doing tai chi", "sea horse")
OPEN_CLIP, CLIP = peer_table.version("open_clip_torch"), peer_table.version("clip-anytorch")
TRANSFORMERS, TORCH = peer_table.version("transformers"), peer_table.version("torch").split("+")[0]


def images(bench):
    """Eight drawn pictures, each of another class."""
    split = json.loads((bench.world() / "dtd/split_zhou_DescribableTextures.json").read_text(encoding="utf-8"))
    by_label = {label: path for path, label, _ in split["test"]}
    return [bench.world() / "dtd/images" / by_label[label] for label in sorted(by_label)[:8]]


def state():
    return make_models.openai_model(SIZES).state_dict()


def merges_of(bench):
    """The merges that open_clip's package holds."""
    return bench.once("merges", lambda _: open_clip.tokenizer.default_bpe())


# ---------------------------------------------------------------- what a library makes of a file


def as_tensor(output):
    """transformers 5 returns the projected features inside an output object."""
    return output if torch.is_tensor(output) else output.pooler_output


def compare(bench, path, model, texts=TEXTS, merges=None):
    """`model` is the library's, loaded from `path`."""
    ours = bench.features(path, images(bench), texts, merges or merges_of(bench))
    tokens = torch.nn.functional.pad(ours["tokens"], (0, SIZES.context_length - ours["tokens"].shape[1]))
    model = model.eval().float()
    with torch.no_grad():
        if isinstance(model, transformers.CLIPModel):
            theirs = (as_tensor(model.get_image_features(pixel_values=ours["pixels"])),
                      as_tensor(model.get_text_features(input_ids=tokens)))
        else:
            theirs = model.encode_image(ours["pixels"]), model.encode_text(tokens)
    return peer_table.together([peer_table.features(ours["image_features"], theirs[0]),
                                peer_table.features(ours["text_features"], theirs[1])])


def open_clip_folder(folder):
    return open_clip.create_model(f"local-dir:{folder}", load_weights=True)


def bare_open_clip(folder, **changes):
    """The model and its configuration, which is put into the folder."""
    config = make_models.open_clip_config(SIZES)
    config.update(changes)
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": config, "preprocess_cfg": {}}))
    words = dict(config)
    words.pop("custom_text", None)
    kind = open_clip.CustomTextCLIP if config.get("custom_text") else open_clip.CLIP
    return kind(**words), config


# ---------------------------------------------------------------- the kinds


def openai_archive(folder):
    path, _, _ = make_models.write_openai(folder / "small.pt", state(), SIZES)
    return path, clip.load(str(path), device="cpu")[0]


def open_clip_bin(folder):
    make_models.write_open_clip(folder, state(), SIZES, quick_gelu=True, serialization=False)
    return folder / "open_clip_pytorch_model.bin", open_clip_folder(folder)


def open_clip_safetensors(folder):
    make_models.write_open_clip(folder, state(), SIZES, serialization=True)
    return folder, open_clip_folder(folder)


def custom_text(folder):
    model, config = bare_open_clip(folder, custom_text=True)
    model.load_state_dict(open_clip.model.convert_to_custom_text_state_dict(state()))
    safetensors.torch.save_file(model.state_dict(), folder / "open_clip_model.safetensors")
    return folder, open_clip_folder(folder)


def logit_bias(folder):
    model, _ = bare_open_clip(folder, init_logit_bias=-10.0, nonscalar_logit_scale=True)
    model.load_state_dict({**state(), "logit_scale": torch.full([1], 4.6052), "logit_bias": torch.full([1], -10.0)})
    safetensors.torch.save_file(model.state_dict(), folder / "open_clip_model.safetensors")
    return folder, open_clip_folder(folder)


def training_checkpoint(folder):
    """State dict of DataParallel, epoch, name and optimizer."""
    path, _, _ = make_models.write_open_clip_checkpoint(folder / "epoch_3.pt", state(), SIZES)
    model, _ = bare_open_clip(folder)
    open_clip.load_checkpoint(model, str(path), weights_only=False)
    return path, model


def compiled(folder):
    model, _ = bare_open_clip(folder)
    model.load_state_dict(state())
    path = folder / "model.pt"
    torch.save(torch.compile(model).state_dict(), path)
    again = torch.compile(bare_open_clip(folder)[0])
    again.load_state_dict(torch.load(path))
    return path, again._orig_mod


def lightning(folder):
    """A module whose attribute `clip_model` is the model, as Lightning saves it."""
    model, _ = bare_open_clip(folder)
    model.load_state_dict(state())
    module = torch.nn.Module()
    module.clip_model = model
    path = folder / "last.ckpt"
    torch.save({"epoch": 1, "global_step": 10, "state_dict": module.state_dict()}, path)
    again = torch.nn.Module()
    again.clip_model = bare_open_clip(folder)[0]
    again.load_state_dict(torch.load(path)["state_dict"])
    return path, again.clip_model


def old_pickle(folder):
    """What torch.save wrote before version 1.6."""
    model, _ = bare_open_clip(folder)
    model.load_state_dict(state())
    path = folder / "open_clip_pytorch_model.bin"
    torch.save(model.state_dict(), path, _use_new_zipfile_serialization=False)
    return path, open_clip_folder(folder)


def hugging_face(dtype):
    def write(folder):
        make_models.write_hugging_face(folder, state(), SIZES, dtype)
        return folder, transformers.CLIPModel.from_pretrained(folder)
    return write


def hugging_face_bin(folder):
    model = make_models.hugging_face_model(state(), SIZES)
    model.config.save_pretrained(folder)
    torch.save(model.state_dict(), folder / "pytorch_model.bin")
    return folder, transformers.CLIPModel.from_pretrained(folder, use_safetensors=False)


def sharded_safetensors(folder):
    make_models.hugging_face_model(state(), SIZES).save_pretrained(folder, max_shard_size="500KB")
    if len(list(folder.glob("model-*.safetensors"))) < 3 or not (folder / "model.safetensors.index.json").exists():
        raise AssertionError("transformers wrote no shards")
    return folder, transformers.CLIPModel.from_pretrained(folder)


def sharded_bin(folder):
    model = make_models.hugging_face_model(state(), SIZES)
    model.config.save_pretrained(folder)
    huggingface_hub.save_torch_model(model, folder, safe_serialization=False, max_shard_size="500KB")
    if len(list(folder.glob("pytorch_model-*.bin"))) < 3:
        raise AssertionError("huggingface_hub wrote no shards")
    return folder, transformers.CLIPModel.from_pretrained(folder, use_safetensors=False)


# ---------------------------------------------------------------- our own


def ours_in_openai_class(bench):
    """`prompt model init` writes it, OpenAI's class takes the state dict."""
    path = bench.new_folder() / "tiny.safetensors"
    bench.prompt("model", "init", "--arch", "tiny", "--seed", 3, "--gain", 4, "--out", path)
    info = bench.json("model", "info", path)
    model = clip.model.CLIP(
        info["embed_dim"], info["vision"]["image_px"], info["vision"]["layers"], info["vision"]["width"],
        info["vision"]["patch_px"], info["text"]["context_length"], info["text"]["vocab_size"], info["text"]["width"],
        info["text"]["heads"], info["text"]["layers"])
    model.load_state_dict(safetensors.torch.load_file(path))
    return compare(bench, path, model)


def converted(bench):
    """`prompt model convert` of a sharded folder; the library reads the folder."""
    folder = bench.new_folder()
    _, model = hugging_face(torch.float32)(folder)
    path = folder / "converted.safetensors"
    bench.prompt("model", "convert", folder, "--out", path)
    return compare(bench, path, model)


# ---------------------------------------------------------------- rows


KINDS = (
    ("OpenAI's TorchScript archive, fp16", CLIP, CLIP, openai_archive, "OpenAI TorchScript archive"),
    ("open_clip `.bin`, QuickGELU", OPEN_CLIP, OPEN_CLIP, open_clip_bin, "open_clip state dict"),
    ("open_clip `.safetensors`, GELU", OPEN_CLIP, OPEN_CLIP, open_clip_safetensors, "open_clip state dict"),
    ("open_clip with `custom_text`", OPEN_CLIP, OPEN_CLIP, custom_text, "open_clip state dict"),
    ("open_clip with `logit_bias`, `logit_scale` of shape [1]", OPEN_CLIP, OPEN_CLIP, logit_bias, "open_clip state dict"),
    ("open_clip's training checkpoint, `module.`", OPEN_CLIP, OPEN_CLIP, training_checkpoint, "open_clip state dict"),
    ("state dict of torch.compile, `_orig_mod.`", f"{TORCH}, {OPEN_CLIP}", f"{TORCH}, {OPEN_CLIP}", compiled,
     "open_clip state dict"),
    ("Lightning's checkpoint, `clip_model.`", f"{TORCH}, {OPEN_CLIP}", f"{TORCH}, {OPEN_CLIP}", lightning,
     "open_clip state dict"),
    ("torch.save's format before 1.6", TORCH, OPEN_CLIP, old_pickle, "open_clip state dict"),
    ("Hugging Face folder, `model.safetensors`", TRANSFORMERS, TRANSFORMERS, hugging_face(torch.float32),
     "Hugging Face CLIPModel"),
    ("the same in fp16", TRANSFORMERS, TRANSFORMERS, hugging_face(torch.float16), "Hugging Face CLIPModel"),
    ("the same in bf16", TRANSFORMERS, TRANSFORMERS, hugging_face(torch.bfloat16), "Hugging Face CLIPModel"),
    ("Hugging Face folder, `pytorch_model.bin`", TORCH, TRANSFORMERS, hugging_face_bin, "Hugging Face CLIPModel"),
    ("sharded `.safetensors` with an index", TRANSFORMERS, TRANSFORMERS, sharded_safetensors, "Hugging Face CLIPModel"),
    ("sharded `.bin` with an index", peer_table.version("huggingface_hub"), TRANSFORMERS, sharded_bin,
     "Hugging Face CLIPModel"),
)


def row(kind, made_by, peer, write, file_format):
    def measure(bench):
        path, model = write(bench.new_folder())
        found = bench.json("model", "info", path)["format"]
        if found != file_format:
            raise AssertionError(f"the program takes it for '{found}', expected '{file_format}'")
        return compare(bench, path, model)
    return Row("Files of weights", kind, made_by, peer, "features of 8 pictures, 8 texts", measure, BOUND, (file_format,))


def rows():
    own = "features of 8 pictures, 8 texts"
    return [*(row(*kind) for kind in KINDS),
            Row("Files of weights", "our own `.safetensors`", "`prompt model init`", CLIP, own, ours_in_openai_class, BOUND,
                ("prompt safetensors",)),
            Row("Files of weights", "a Hugging Face folder, converted", f"{TRANSFORMERS}, `prompt model convert`",
                TRANSFORMERS, own, converted, BOUND, ("prompt safetensors",))]
