"""Runs the authors' own classes on a small random CLIP: trains them for some steps, saves by their code, imports the file,
compares logits, exports the run, loads it by their code, and records the file for tests/cli/test_authors.py.

    run.sh run_authors.py NAME CHECKOUTS [OUT]     CHECKOUTS holds coop, dassl, maple, promptsrc, kgcoop, lora, tip

Not a test, since it needs their repositories (src/import/README.md has the commits) and the packages yacs and
tabulate on PYTHONPATH. Only NAME's own repository is imported, since several of them have a package `clip`. None of their
code is here, and of theirs nothing is changed but what a CPU, a newer torch and a small model demand: see `stand_ins` and
`with_widths`.
"""

import argparse
import datetime
import importlib
import json
import os
import pickle
import subprocess
import sys
import tempfile
import types
import zipfile
from pathlib import Path
from unittest import mock

import peers  # noqa: F401  before torchvision
import torch
from PIL import Image

TESTS = Path(__file__).resolve().parent.parent
sys.path += [str(TESTS / "cli"), str(TESTS / "reference")]
os.environ.setdefault("PROMPT_BIN", os.environ["PROMPT"])

import authors_files  # noqa: E402
from harness import SmallData  # noqa: E402
from safetensors_file import read_safetensors  # noqa: E402

EPOCHS = 3  # of two batches; the first is the warm-up
LR = 0.5  # high, so that few steps have an effect
TEMPLATE = "a photo of a {}."
# repository, module, class, its own configuration, what differs here from it, options of the import
DASSL = {
    "coop": ("coop", "coop", "CoOp", "CoOp/vit_b16_ep50", ["TRAINER.COOP.N_CTX", 16], []),
    "coop_csc_fp32": ("coop", "coop", "CoOp", "CoOp/vit_b16_ep50",
                      ["TRAINER.COOP.N_CTX", 4, "TRAINER.COOP.CSC", True, "TRAINER.COOP.PREC", "fp32",
                       "TRAINER.COOP.CLASS_TOKEN_POSITION", "middle"], ["--set", "context.position=middle"]),
    "cocoop": ("coop", "cocoop", "CoCoOp", "CoCoOp/vit_b16_c4_ep10_batch1_ctxv1", [], []),
    "kgcoop": ("kgcoop/KgCoOp", "kgcoop", "KgCoOp", "KgCoOp/vit_b16_ep100_ctxv1", ["TRAINER.COOP.W", 8.0], []),
    "vpt": ("maple", "vpt", "VPT", "VPT/vit_b16_c2_ep5_batch4_4", ["TRAINER.VPT.PROMPT_DEPTH_VISION", 3], []),
    "ivlp": ("maple", "independentVL", "IVLP", "IVLP/vit_b16_c2_ep5_batch4_2+2ctx",
             ["TRAINER.IVLP.PROMPT_DEPTH_VISION", 3, "TRAINER.IVLP.PROMPT_DEPTH_TEXT", 2], []),
    "promptsrc": ("promptsrc", "promptsrc", "PromptSRC", "PromptSRC/vit_b16_c2_ep20_batch4_4+4ctx",
                  ["TRAINER.PROMPTSRC.PROMPT_DEPTH_VISION", 3, "TRAINER.PROMPTSRC.PROMPT_DEPTH_TEXT", 3,
                   "TRAINER.PROMPTSRC.GPA_MEAN", 2], []),
    "maple": ("maple", "maple", "MaPLe", "MaPLe/vit_b16_c2_ep5_batch4_2ctx", ["TRAINER.MAPLE.PROMPT_DEPTH", 3], []),
}


def stand_ins():
    """For a machine without CUDA and a torch of 2026."""
    for name in ("gdown", "wilds", "torch.utils.tensorboard"):  # imported by Dassl, not used here
        sys.modules[name] = mock.MagicMock(__path__=[], __spec__=None)
    torch.Tensor.cuda = lambda self, *_, **__: self
    torch.nn.Module.cuda = lambda self, *_, **__: self
    base = torch.optim.lr_scheduler.LRScheduler

    class WithVerbose(base):  # torch 2.7 has taken the argument away
        def __init__(self, optimizer, last_epoch=-1, verbose=False):
            super().__init__(optimizer, last_epoch)

    torch.optim.lr_scheduler._LRScheduler = WithVerbose
    numpy = torch.Tensor.numpy  # numpy 2.4 makes no number of an array of one number
    torch.Tensor.numpy = lambda self: numpy(self.squeeze() if self.numel() == 1 else self)


def in_fp32(model):
    """The same computation in fp32: no weight, no activation and no inserted vector is rounded."""
    model.float()
    for module in model.modules():
        if "dtype" in vars(module):
            module.dtype = torch.float32
    return mock.patch.object(torch.Tensor, "half", lambda self: self)


def prompt(*words):
    done = subprocess.run([os.environ["PROMPT"], *map(str, words)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"prompt {words[0]}: {done.stderr}")
    return done.stderr


class Run:
    """The small data set, the small CLIP, and what the program makes of a file."""

    def __init__(self, folder, sizes):
        self.folder, self.sizes = folder, sizes
        self.data = SmallData(folder / "data", names=authors_files.NAMES)
        self.names = authors_files.NAMES[:5]
        self.tensors = authors_files.make_clip(**sizes)
        self.state = {name: torch.tensor(values).reshape(shape) for name, (shape, values) in self.tensors.items()}
        self.model = self.write_model("clip.safetensors", self.state, sizes)
        self.pickled = folder / "clip.pt"
        torch.save(self.state, self.pickled)

    def write_model(self, name, state, sizes):
        tensors = {key: (tuple(value.shape), value.float().reshape(-1).tolist()) for key, value in state.items()}
        return authors_files.write_clip(self.folder / name, tensors, **sizes)

    def import_files(self, paths, method, options, model=None):
        """Our logits of the base classes' pictures, and the pictures' paths."""
        run_dir, out = self.folder / "run", self.folder / "logits.safetensors"
        notes = prompt("import", *paths, "--method", method, "--template", TEMPLATE, "--model", model or self.model, "--data",
                       self.data.root, "--dataset", "caltech101", "--out", run_dir, "--force", "--set", "threads=1", "--set",
                       "data.classes=base", *options)
        print("".join(line + "\n" for line in notes.splitlines() if "frozen" in line), end="")
        prompt("eval", "--run", run_dir, "--classes", "base", "--save-logits", out)
        tensors, metadata = read_safetensors(out)
        return tensors["logits"][:, 1], json.loads(metadata["paths"])

    def pixels(self, paths, transform):
        return torch.stack([transform(Image.open(self.data.images / path)) for path in paths])


def difference(ours, theirs):
    return float((ours.float() - theirs.float()).abs().max() / theirs.float().abs().max())


# ---------------------------------------------------------------- Dassl's trainers


def with_widths(path, text, vision):
    """Makes the module of trainers/maple.py, which has a ViT-B/16's widths as plain numbers, with other widths."""
    if "trainers.maple" in sys.modules:
        return
    source = path.read_text(encoding="utf-8").replace("512", str(text)).replace("768", str(vision))
    module = types.ModuleType("trainers.maple")
    sys.modules["trainers.maple"] = module
    exec(compile(source, path, "exec"), vars(module))


def build_trainer(name, run, checkouts):
    """Their trainer with their configuration, by Dassl's constructor, on the small CLIP."""
    repository, module, class_name, config, changes, _ = DASSL[name]
    folder = checkouts / repository
    if str(folder) not in sys.path:
        sys.path[:0] = [str(folder), str(checkouts / "dassl")]
    from clip import clip
    from dassl.config import get_cfg_default
    if name == "maple":
        with_widths(folder / "trainers/maple.py", run.sizes["text"], run.sizes["vision"])
    theirs = getattr(importlib.import_module(f"trainers.{module}"), class_name)
    cfg = get_cfg_default()
    importlib.import_module("train").extend_cfg(cfg)
    cfg.merge_from_file(str(folder / f"configs/trainers/{config}.yaml"))
    cfg.merge_from_list(["INPUT.SIZE", (authors_files.IMAGE_PX,) * 2, "OPTIM.MAX_EPOCH", EPOCHS, "OPTIM.LR", LR,
                         "DATASET.NAME", "Caltech101", *changes])

    class OnSmallData(theirs):
        def build_data_loader(self):
            self.dm = types.SimpleNamespace(dataset=types.SimpleNamespace(classnames=list(run.names)))
            self.lab2cname, self.num_classes = dict(enumerate(run.names)), len(run.names)
            self.train_loader_x = self.train_loader_u = self.val_loader = self.test_loader = None

    with mock.patch.object(clip, "_download", lambda *_: str(run.pickled)):
        return OnSmallData(cfg), clip._transform(authors_files.IMAGE_PX)


def train(trainer, n_classes):
    """Random pictures and labels, by the steps of Dassl's loop."""
    trainer.num_batches = 2
    for trainer.epoch in range(EPOCHS):
        trainer.set_model_mode("train")
        for trainer.batch_idx in range(trainer.num_batches):
            images = torch.randn(4, 3, authors_files.IMAGE_PX, authors_files.IMAGE_PX)
            print(trainer.forward_backward({"img": images, "label": torch.randint(n_classes, (4,))}))
    trainer.set_model_mode("eval")


@torch.no_grad()
def logits_of(trainer, pixels):
    return trainer.model_inference(pixels)


def run_dassl(name, run, checkouts):
    options = DASSL[name][-1]
    method = name.split("_")[0]
    torch.manual_seed(3)
    trainer, transform = build_trainer(name, run, checkouts)
    train(trainer, len(run.names))
    out = run.folder / "theirs"
    trainer.save_model(EPOCHS - 1, str(out))
    (path,) = out.rglob("model.pth.tar-*")
    ours, pictures = run.import_files([path], method, options)
    pixels = run.pixels(pictures, transform)
    half = logits_of(trainer, pixels)

    # their prompts with the CLIP as it was: PromptSRC's average has moved the file's
    model, fresh = saved_model(trainer), build_trainer(name, run, checkouts)[0]
    prompts = {key: value for key, value in model.named_parameters() if value.requires_grad}
    fresh.set_model_mode("eval")
    start = logits_of(fresh, pixels)
    saved_model(fresh).load_state_dict(prompts, strict=False)
    kept = logits_of(fresh, pixels)
    if method != "vpt":
        prompt("export", run.folder / "run", "--to", "dassl", "--out", run.folder / "ours", *exported_type(prompts))
        again, _ = build_trainer(name, run, checkouts)
        again.load_model(str(run.folder / "ours"), epoch=EPOCHS)
        again.set_model_mode("eval")
        print(f"{name}: exported, loaded by their class: logits differ by {difference(logits_of(again, pixels), kept)}")
    with in_fp32(fresh.model):
        wanted = logits_of(fresh, pixels)
    print(f"{name}: imported, of their class in fp32 {difference(ours, wanted):.2g}, in its own type {difference(ours, half):.2g}, "
          f"effect of training {difference(start, half):.2g}")
    with in_fp32(trainer.model):
        moved = logits_of(trainer, pixels)
    clip_of_file = file_clip(run, trainer.model.state_dict())
    ours, _ = run.import_files([path], method, options, model=run.write_model("moved.safetensors", clip_of_file, run.sizes))
    print(f"{name}: imported with the file's own CLIP {difference(ours, moved):.2g}")
    return [path], options, wanted, pictures, prompts


def saved_model(trainer):
    (model,) = trainer._models.values()
    return model


def file_clip(run, state):
    """The small CLIP with the tensors that a file of the whole model has."""
    found = {clip_name(key): value for key, value in state.items() if clip_name(key) in run.state}
    return {**run.state, **{key: value.float() for key, value in found.items()}}


def clip_name(key):
    return key.replace("prompt_learner.ZS_image_encoder.", "visual.").replace("image_encoder.", "visual.").replace("text_encoder.", "")


def exported_type(prompts):
    return [] if any(value.dtype == torch.float16 for value in prompts.values()) else ["--dtype", "fp32"]


# ---------------------------------------------------------------- CLIP-LoRA, Tip-Adapter


def batches(n_classes, n_batches=2, n_images=6):
    size = authors_files.IMAGE_PX
    return [(torch.randn(n_images, 3, size, size), torch.arange(n_images) % n_classes) for _ in range(n_batches)]


@torch.no_grad()
def features(model, pixels, tokens):
    """Normalized, of pictures and texts."""
    pair = model.encode_image(pixels), model.encode_text(tokens)
    return [x / x.norm(dim=-1, keepdim=True) for x in pair]


def run_lora(name, run, checkouts):
    sys.path.insert(0, str(checkouts / "lora"))
    import clip
    import lora
    torch.manual_seed(3)
    model, transform = clip.load(str(run.pickled), device="cpu")
    out = run.folder / "theirs"
    args = types.SimpleNamespace(backbone="ViT-B/16", position="all", encoder="both", params=["q", "k", "v"], r=2, alpha=1,
                                 dropout_rate=0.25, lr=0.02, n_iters=2, shots=EPOCHS, seed=1, dataset="caltech101",
                                 eval_only=False, save_path=str(out), filename="lora_weights")
    dataset = types.SimpleNamespace(classnames=list(run.names), template=[TEMPLATE])
    test = batches(len(run.names))
    lora.run_lora(args, model, 100, dataset, batches(len(run.names)), test, test)
    (path,) = out.rglob("lora_weights.pt")
    ours, pictures = run.import_files([path], name, [])
    tokens = clip.tokenize([TEMPLATE.format(text.replace("_", " ")) for text in run.names])
    pixels = run.pixels(pictures, transform)
    x, t = features(model.eval(), pixels, tokens)
    x0, t0 = features(clip.load(str(run.pickled), device="cpu")[0], pixels, tokens)
    print(f"{name}: imported, of their class {difference(ours, 100 * x @ t.t()):.2g}, effect of training "
          f"{difference(x0 @ t0.t(), x @ t.t()):.2g}")
    return [path], [], 100 * x @ t.t(), pictures, None


def run_tip_adapter(name, run, checkouts):
    sys.path.insert(0, str(checkouts / "tip"))
    import clip
    import main as theirs
    from clip.model import build_model
    torch.manual_seed(3)
    out = run.folder / "theirs"
    out.mkdir()
    cfg = {"cache_dir": str(out), "shots": 3, "load_cache": False, "augment_epoch": 2, "search_hp": True,
           "search_scale": [12, 5], "search_step": [20, 5], "init_beta": 1, "init_alpha": 3, "lr": 0.02, "train_epoch": EPOCHS}
    pictures = [path for path, label, _ in run.data.split["test"] if label < len(run.names)]
    labels = torch.tensor([label for _, label, _ in run.data.split["test"] if label < len(run.names)])
    pixels = run.pixels(pictures, clip.clip._transform(authors_files.IMAGE_PX))
    tokens = clip.tokenize([TEMPLATE.format(text.replace("_", " ")) for text in run.names])
    half, whole = build_model(dict(run.state)), build_model(dict(run.state)).float()
    shots = batches(len(run.names), 3, len(run.names))
    keys, values = theirs.build_cache_model(cfg, half, shots)
    val = shots[0]  # so that the search finds the cache of use

    def call(run_it, model, keys, values, *more):
        """What their function passes to its last count of right answers, and what its search found."""
        seen, found = [], []
        count, search = theirs.cls_acc, theirs.search_hp
        x, t = features(model, pixels, tokens)
        with mock.patch.object(theirs, "cls_acc", lambda output, *rest: (seen.append(output), count(output, *rest))[1]), \
                mock.patch.object(theirs, "search_hp", lambda *rest, **named: (found.append(search(*rest, **named)), found[-1])[1]):
            run_it(cfg, keys, values, features(model, val[0], tokens)[0], val[1], x, labels, t.t(), *more)
        return seen[-1].detach(), found[-1]

    file = "keys"
    if name == "tip_adapter_f":
        call(theirs.run_tip_adapter_F, half, keys, values, half, shots)
        file, keys = "best_F", torch.load(out / "best_F_3shots.pt").detach().t()
    wanted, (beta, alpha) = call(theirs.run_tip_adapter, whole, keys.float(), values.float())
    paths = [out / f"{part}_3shots.pt" for part in (file, "values")]
    options = ["--alpha", repr(alpha), "--beta", repr(beta)]
    ours, same = run.import_files(paths, "tip_adapter", options)
    assert same == pictures
    x, t = features(whole, pixels, tokens)
    print(f"{name}: imported, of their function in fp32 {difference(ours, wanted):.2g}, effect of the cache "
          f"{difference(100 * x @ t.t(), wanted):.2g}; alpha {alpha}, beta {beta}")
    return paths, options, wanted, pictures, None


# ---------------------------------------------------------------- the record


class Structure(pickle.Unpickler):
    """A file's objects without the code that they name: a tensor is the number of its storage."""

    def persistent_load(self, pid):
        return pid[2]

    def find_class(self, module, name):
        if module == "collections":
            return super().find_class(module, name)
        if name.startswith("_rebuild"):
            return lambda storage, *_: storage
        return type(name, (), {"__new__": lambda cls, *_, **__: object.__new__(cls), "__init__": lambda *_, **__: None,
                               "__setstate__": lambda *_: None})


def record(path, out, run, trained):
    """Adds a file's members that hold what was trained, all if that is None; returns what the others are."""
    zeros, frozen = {}, {}
    with zipfile.ZipFile(path) as archive:
        (pickled,) = [member for member in archive.namelist() if member.endswith("/data.pkl")]
        names = {} if trained is None else Structure(archive.open(pickled)).load()["state_dict"]
        name_of = {pickled.replace(".pkl", f"/{number}"): name for name, number in names.items()}
        for member in archive.namelist():
            data, name = archive.read(member), name_of.get(member, "")
            if clip_name(name) in run.state and "ZS_image_encoder" not in name:
                kind = "e" if len(data) == 2 * run.state[clip_name(name)].numel() else "f"
                frozen[member] = clip_name(name), kind
            elif trained is not None and name not in trained and "/data/" in member:
                zeros[member] = len(data)
            else:
                out.writestr(f"{path.name}/{member}", data)
    return {"zeros": zeros, "clip": frozen}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("name", choices=[*DASSL, "clip_lora", "tip_adapter", "tip_adapter_f"])
    parser.add_argument("checkouts", type=Path)
    parser.add_argument("out", nargs="?", type=Path)
    parser.add_argument("--widths", type=int, nargs=2, default=(authors_files.TEXT, authors_files.VISION))
    args = parser.parse_args()
    stand_ins()
    torch.set_num_threads(1)
    how = run_dassl if args.name in DASSL else run_lora if args.name == "clip_lora" else run_tip_adapter
    with tempfile.TemporaryDirectory() as folder:
        run = Run(Path(folder), {"text": args.widths[0], "vision": args.widths[1]})
        paths, options, logits, pictures, trained = how(args.name, run, args.checkouts)
        if args.out:
            with zipfile.ZipFile(args.out / f"{args.name}.zip", "w", zipfile.ZIP_DEFLATED) as out:
                files = {path.name: record(path, out, run, trained) for path in paths}
                out.writestr("record.json", json.dumps({
                    "date": datetime.date.today().isoformat(), "torch": torch.__version__, "options": options,
                    "files": files, "logits": dict(zip(pictures, logits.tolist()))}))


if __name__ == "__main__":
    main()
