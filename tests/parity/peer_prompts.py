"""Files of trained prompts in the layouts of their authors' trainers, which are Dassl's.

A checkpoint of Dassl holds, beside the state dict, the states of optimizer and scheduler; the scheduler's state holds whole
objects of torch.optim. Imported, not a test.
"""

import os
import zipfile

import torch


class ConstantWarmup(torch.optim.lr_scheduler.LRScheduler):
    """A warm-up before another scheduler, which becomes an object in its state dict."""

    def __init__(self, optimizer, successor, n_epochs):
        self.successor, self.n_epochs = successor, n_epochs
        super().__init__(optimizer)

    def get_lr(self):
        if self.last_epoch >= self.n_epochs:
            self.successor.step()
            return self.successor.get_last_lr()
        return [1e-5 for _ in self.base_lrs]


class Trap:
    """An object that makes a folder when it is unpickled by Python."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def checkpoint(tensors, epoch, trap=None, prefix=""):
    """What Dassl saves after some steps: tensors is {name: tensor}, those with gradients in the optimizer."""
    leaves = [torch.nn.Parameter(value.clone()) for value in tensors.values() if value.is_floating_point()]
    optimizer = torch.optim.SGD(leaves, lr=0.002, momentum=0.9, weight_decay=5e-4)
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 50.0)
    scheduler = ConstantWarmup(optimizer, cosine, 1)
    for leaf in leaves:
        leaf.grad = torch.ones_like(leaf)
    optimizer.step()
    scheduler.step()
    state = {"state_dict": {prefix + name: value for name, value in tensors.items()}, "epoch": epoch,
             "optimizer": optimizer.state_dict(), "scheduler": scheduler.state_dict(), "val_result": None}
    if trap:
        state["scheduler"]["trap"] = Trap(trap)
    return state


def move_to_cuda(path):
    """Writes "cuda:0" in the place of each storage's "cpu", as in a file from a GPU."""
    with zipfile.ZipFile(path) as archive:
        members = [(name, archive.read(name)) for name in archive.namelist()]
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members:
            archive.writestr(name, data.replace(b"X\x03\0\0\0cpu", b"X\x06\0\0\0cuda:0"))


def save(path, state, is_cuda=True, **more):
    torch.save(state, path, **more)
    if is_cuda:
        move_to_cuda(path)
    return path


def buffers(n_classes, n_vectors, width):
    """The fixed embeddings around CoOp's vectors, which its loader drops."""
    return {"token_prefix": torch.randn(n_classes, 1, width).half(),
            "token_suffix": torch.randn(n_classes, 76 - n_vectors, width).half()}


def coop(n_classes, n_vectors, width, class_specific=False):
    sets = (n_classes,) if class_specific else ()
    return {"ctx": (0.3 * torch.randn(*sets, n_vectors, width)).half(), **buffers(n_classes, n_vectors, width)}


def cocoop(n_classes, width, joint_width):
    hidden = joint_width // 16

    def linear(rows, columns):
        return (torch.randn(rows, columns) * columns**-0.5).half(), (0.1 * torch.randn(rows)).half()

    tensors = coop(n_classes, 4, width)
    for name, rows, columns in (("linear1", hidden, joint_width), ("linear2", width, hidden)):
        tensors[f"meta_net.{name}.weight"], tensors[f"meta_net.{name}.bias"] = linear(rows, columns)
    return tensors


def kgcoop(n_classes, width):
    """With the two layers of its file that nothing uses."""
    return {**coop(n_classes, 4, width), "bias_vectors": torch.zeros(1, width).half(),
            "meta_net.linear1.weight": torch.randn(width, width).half(), "meta_net.linear1.bias": torch.randn(width).half()}


def whole_model(weights):
    """The frozen tensors of a trainer that saves its whole model."""
    tensors = {}
    for name, value in weights.items():
        tower = "image_encoder." + name[len("visual."):] if name.startswith("visual.") else f"text_encoder.{name}"
        if name != "token_embedding.weight":
            tensors["logit_scale" if name == "logit_scale" else tower] = value
    return tensors


def deep(tower, n_vectors, width, depth):
    """The prompts of layers 2 to `depth` of a tower."""
    return {f"{tower}.transformer.resblocks.{i}.VPT_shallow": 0.3 * torch.randn(n_vectors, width) for i in range(1, depth)}


def vpt(weights, n_vectors, depth):
    width = weights["visual.proj"].shape[0]
    return {**whole_model({name: value.float() for name, value in weights.items()}),
            "image_encoder.VPT": 0.3 * torch.randn(n_vectors, width), **deep("image_encoder", n_vectors, width, depth)}


def prompt_learner(n_classes, n_vectors, width):
    return {f"prompt_learner.{name}": value for name, value in coop(n_classes, n_vectors, width).items()}


def ivlp(weights, n_classes, n_text, text_depth, n_vision, vision_depth, has_teacher=False):
    """PromptSRC's has its teacher as well."""
    d_v, d_l = weights["visual.proj"].shape[0], weights["text_projection"].shape[0]
    tensors = {**prompt_learner(n_classes, n_text, d_l), **whole_model(weights), **deep("text_encoder", n_text, d_l, text_depth)}
    if has_teacher:
        tensors |= {f"prompt_learner.ZS_image_encoder.{name[len('visual.'):]}": value for name, value in weights.items()
                    if name.startswith("visual.")}
    if n_vision:
        tensors["image_encoder.VPT"] = 0.3 * torch.randn(n_vision, d_v)
        tensors |= deep("image_encoder", n_vision, d_v, vision_depth)
    return tensors


def maple(weights, n_classes, n_vectors, depth):
    d_v, d_l = weights["visual.proj"].shape[0], weights["text_projection"].shape[0]

    def linear(name):
        return {f"prompt_learner.{name}.weight": torch.randn(d_v, d_l) * d_l**-0.5,
                f"prompt_learner.{name}.bias": 0.1 * torch.randn(d_v)}

    tensors = {**prompt_learner(n_classes, n_vectors, d_l), **whole_model(weights)}
    tensors |= {name: value.half() for name, value in linear("proj").items()}
    for i in range(depth - 1):
        tensors[f"prompt_learner.compound_prompts_text.{i}"] = 0.3 * torch.randn(n_vectors, d_l)
        tensors |= linear(f"compound_prompt_projections.{i}")
    return tensors


def clip_lora(layers, rank, **metadata):
    """lora_weights.pt; `layers` are (blocks, width) of the text and of the image tower."""
    def pair(width):
        return {"w_lora_A": torch.randn(rank, width) * width**-0.5, "w_lora_B": 0.3 * torch.randn(width, rank)}

    widths = [width for n, width in layers for _ in range(n)]
    weights = {f"layer_{i}": {f"{part}_proj": pair(width) for part in "qkv"} for i, width in enumerate(widths)}
    return {"weights": weights, "metadata": {"r": rank, "alpha": 1, "encoder": "both", "params": ["q", "k", "v"],
                                             "position": "all", **metadata}}


def tip_adapter(n_classes, n_shots, joint_width):
    """Three files, each one tensor: keys [d, N] as a transposed view, values [N, K], trained keys [N, d]."""
    labels = torch.arange(n_classes).repeat_interleave(n_shots)
    keys = torch.nn.functional.normalize(torch.randn(len(labels), joint_width), dim=-1).half()
    return {"keys": keys.permute(1, 0), "values": torch.nn.functional.one_hot(labels).half(),
            "best_F": torch.nn.Parameter(keys + 0.1 * torch.randn_like(keys))}
