"""Files of one small random CLIP, each written by the library whose format it is.

    python make_models.py OUT     writes them all and prints their paths

Every file has the same weights (as far as fp16 and bf16 hold them), so that features can be compared across
libraries. The functions return (path, the library's model, its state dict).
"""
import dataclasses
import json
import pathlib
import sys

import peers  # noqa: F401  before the libraries below
import clip.model
import open_clip
import torch
import transformers
from open_clip.push_to_hf_hub import save_for_hf  # by name: the package has a function of the module's name


@dataclasses.dataclass(frozen=True)
class Sizes:
    """OpenAI's rule, heads = width / 64, holds: its archive does not say the heads."""

    embed_dim: int = 64
    image_px: int = 32
    patch_px: int = 8
    vision_width: int = 128
    vision_layers: int = 3
    text_width: int = 128
    text_layers: int = 2
    context_length: int = 77
    vocab_size: int = 49408

    @property
    def vision_heads(self):
        return self.vision_width // 64

    @property
    def text_heads(self):
        return self.text_width // 64


def openai_model(sizes=Sizes(), seed=0, gain=4.0):
    """OpenAI's class with its own initialization; `gain` on the blocks' matrices spreads the features."""
    torch.manual_seed(seed)
    model = clip.model.CLIP(
        embed_dim=sizes.embed_dim, image_resolution=sizes.image_px, vision_layers=sizes.vision_layers,
        vision_width=sizes.vision_width, vision_patch_size=sizes.patch_px, context_length=sizes.context_length,
        vocab_size=sizes.vocab_size, transformer_width=sizes.text_width, transformer_heads=sizes.text_heads,
        transformer_layers=sizes.text_layers)
    with torch.no_grad():
        for name, value in model.named_parameters():
            if ".resblocks." in name and value.dim() == 2:
                value *= gain
            elif value.dim() == 1:  # norms and biases start at 0 and 1, where a wrong one would not show
                value += 0.1 * torch.randn_like(value)
        model.logit_scale.fill_(4.6052)
    return model.eval()


# ---------------------------------------------------------------- OpenAI: a TorchScript archive in fp16


def write_openai(path, weights, sizes=Sizes()):
    """As the published archives: traced, convert_weights' mixture of fp16 and fp32, three sizes as buffers."""
    model = openai_model(sizes)
    model.load_state_dict(weights)
    clip.model.convert_weights(model)
    expected = {name: value.clone() for name, value in model.state_dict().items()}
    for name, value in (("input_resolution", sizes.image_px), ("context_length", sizes.context_length),
                        ("vocab_size", sizes.vocab_size)):
        if hasattr(model, name):
            delattr(model, name)
        model.register_buffer(name, torch.tensor(value))
    image = torch.randn(1, 3, sizes.image_px, sizes.image_px)
    text = torch.randint(1, sizes.vocab_size, (1, sizes.context_length))
    traced = torch.jit.trace_module(
        model, {"forward": (image, text), "encode_image": image, "encode_text": text}, check_trace=False)
    traced.save(str(path))
    return path, model, expected


# ---------------------------------------------------------------- Hugging Face: a folder


def hugging_face_weights(weights):
    """OpenAI's names to Hugging Face's. That it is right is seen by equal features (test_weights.py)."""
    out = {}
    names = {"attn.out_proj": "self_attn.out_proj", "ln_1": "layer_norm1", "ln_2": "layer_norm2",
             "mlp.c_fc": "mlp.fc1", "mlp.c_proj": "mlp.fc2"}
    single = {
        "token_embedding.weight": "text_model.embeddings.token_embedding.weight",
        "positional_embedding": "text_model.embeddings.position_embedding.weight",
        "ln_final.weight": "text_model.final_layer_norm.weight",
        "ln_final.bias": "text_model.final_layer_norm.bias",
        "logit_scale": "logit_scale",
        "visual.class_embedding": "vision_model.embeddings.class_embedding",
        "visual.conv1.weight": "vision_model.embeddings.patch_embedding.weight",
        "visual.positional_embedding": "vision_model.embeddings.position_embedding.weight",
        "visual.ln_pre.weight": "vision_model.pre_layrnorm.weight",
        "visual.ln_pre.bias": "vision_model.pre_layrnorm.bias",
        "visual.ln_post.weight": "vision_model.post_layernorm.weight",
        "visual.ln_post.bias": "vision_model.post_layernorm.bias",
    }
    for name, value in weights.items():
        if name in single:
            out[single[name]] = value
        elif name == "visual.proj":
            out["visual_projection.weight"] = value.t().contiguous()
        elif name == "text_projection":
            out["text_projection.weight"] = value.t().contiguous()
        else:
            tower = "vision_model" if name.startswith("visual.") else "text_model"
            number, rest = name.split("resblocks.")[1].split(".", 1)
            block = f"{tower}.encoder.layers.{number}."
            if rest.startswith("attn.in_proj_"):
                kind = rest[len("attn.in_proj_"):]
                for letter, part in zip("qkv", value.chunk(3)):
                    out[f"{block}self_attn.{letter}_proj.{kind}"] = part.clone()
            else:
                module, kind = rest.rsplit(".", 1)
                out[f"{block}{names[module]}.{kind}"] = value
    return out


def hugging_face_model(weights, sizes=Sizes(), activation="quick_gelu"):
    config = transformers.CLIPConfig(
        text_config=dict(hidden_size=sizes.text_width, intermediate_size=4 * sizes.text_width,
                         num_hidden_layers=sizes.text_layers, num_attention_heads=sizes.text_heads,
                         max_position_embeddings=sizes.context_length, vocab_size=sizes.vocab_size,
                         hidden_act=activation, projection_dim=sizes.embed_dim,
                         bos_token_id=sizes.vocab_size - 2, eos_token_id=sizes.vocab_size - 1),
        vision_config=dict(hidden_size=sizes.vision_width, intermediate_size=4 * sizes.vision_width,
                           num_hidden_layers=sizes.vision_layers, num_attention_heads=sizes.vision_heads,
                           image_size=sizes.image_px, patch_size=sizes.patch_px, hidden_act=activation,
                           projection_dim=sizes.embed_dim),
        projection_dim=sizes.embed_dim)
    model = transformers.CLIPModel(config)
    missing, unexpected = model.load_state_dict(hugging_face_weights(weights), strict=False)
    if unexpected or any(not name.endswith("position_ids") for name in missing):
        raise ValueError(f"missing {missing}, unexpected {unexpected}")
    return model.eval()


def write_hugging_face(folder, weights, sizes=Sizes(), dtype=torch.float32, activation="quick_gelu"):
    model = hugging_face_model(weights, sizes, activation).to(dtype)
    model.save_pretrained(folder)
    return folder, model, model.state_dict()


# ---------------------------------------------------------------- open_clip: folder, state dict, training checkpoint


def open_clip_config(sizes=Sizes(), quick_gelu=False):
    config = {
        "embed_dim": sizes.embed_dim,
        "vision_cfg": {"image_size": sizes.image_px, "layers": sizes.vision_layers, "width": sizes.vision_width,
                       "patch_size": sizes.patch_px},
        "text_cfg": {"context_length": sizes.context_length, "vocab_size": sizes.vocab_size,
                     "width": sizes.text_width, "heads": sizes.text_heads, "layers": sizes.text_layers},
    }
    if quick_gelu:
        config["quick_gelu"] = True
    return config


def open_clip_model(weights, sizes=Sizes(), quick_gelu=False):
    config = open_clip_config(sizes, quick_gelu)
    model = open_clip.CLIP(config["embed_dim"], config["vision_cfg"], config["text_cfg"], quick_gelu=quick_gelu)
    model.load_state_dict(weights)
    open_clip.set_model_preprocess_cfg(
        model, {"mean": open_clip.OPENAI_DATASET_MEAN, "std": open_clip.OPENAI_DATASET_STD})
    return model.eval()


class NoTokenizer:
    def save_pretrained(self, folder):
        pass


def write_open_clip(folder, weights, sizes=Sizes(), quick_gelu=False, serialization="both"):
    """As it pushes to the hub: open_clip_model.safetensors, open_clip_pytorch_model.bin, open_clip_config.json."""
    model = open_clip_model(weights, sizes, quick_gelu)
    save_for_hf(model, NoTokenizer(), open_clip_config(sizes, quick_gelu), str(folder),
                safe_serialization=serialization)
    return folder, model, model.state_dict()


def write_open_clip_checkpoint(path, weights, sizes=Sizes(), quick_gelu=False):
    """As its trainer saves: epoch, name, the distributed model's state dict and the optimizer's."""
    path.parent.mkdir(parents=True, exist_ok=True)
    model = open_clip_model(weights, sizes, quick_gelu)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    model.logit_scale.grad = torch.zeros_like(model.logit_scale)
    optimizer.step()
    state = {f"module.{name}": value for name, value in model.state_dict().items()}
    torch.save({"epoch": 3, "name": "small", "state_dict": state, "optimizer": optimizer.state_dict()}, path)
    config = {"model_cfg": open_clip_config(sizes, quick_gelu), "preprocess_cfg": {}}
    (path.parent / "open_clip_config.json").write_text(json.dumps(config))
    return path, model, model.state_dict()


# ---------------------------------------------------------------- all of them


def write_all(out, sizes=Sizes()):
    """{name: (path, model, state dict)}"""
    out = pathlib.Path(out)
    weights = openai_model(sizes).state_dict()
    (out / "openai").mkdir(parents=True, exist_ok=True)
    return {
        "openai": write_openai(out / "openai" / "small.pt", weights, sizes),
        "hf-fp32": write_hugging_face(out / "hf-fp32", weights, sizes),
        "hf-fp16": write_hugging_face(out / "hf-fp16", weights, sizes, torch.float16),
        "hf-bf16": write_hugging_face(out / "hf-bf16", weights, sizes, torch.bfloat16),
        "hf-gelu": write_hugging_face(out / "hf-gelu", weights, sizes, activation="gelu"),
        "open_clip-safetensors": write_open_clip(out / "open_clip", weights, sizes, serialization=True),
        "open_clip-bin": write_open_clip(out / "open_clip-bin", weights, sizes, True, serialization=False),
        "open_clip-checkpoint": write_open_clip_checkpoint(out / "checkpoint" / "epoch_3.pt", weights, sizes),
    }


if __name__ == "__main__":
    for name, (path, _, _) in write_all(sys.argv[1]).items():
        print(f"{name}\t{path}")
