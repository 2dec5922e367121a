"""Rows of the table of peers: lists of the data sets and of a user's own folders and tables.

A set with a published split file has lists that no library knows: its peer is Python's json with the few-shot sample by
Python's random, as CoOp states it (test_fewshot.py). Where torchvision has a class that reads the same tree, a second
row compares the pictures and their classes with it.
"""

import json
import pathlib
import sys

import peers  # noqa: F401  before torchvision
import torchvision.datasets

import peer_table
from peer_table import Row
from test_fewshot import expected

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "cli"))
import miniature  # noqa: E402  the names of folders and split files

SAMPLES = ((2, 1), (16, 3))  # shots and seed; a class has four training pictures: the second is all of them
SYNTH = "`prompt data synth`"
TORCHVISION = peer_table.version("torchvision", "python")


# ---------------------------------------------------------------- comparing


def compare_lists(bench, name, lists, samples=SAMPLES):
    """All lists of `prompt data split`: train, val and test, of all, base and new classes."""
    found = []
    for shots, seed in samples:
        ours = bench.json("data", "split", "--data", bench.world(), "--dataset", name, "--shots", shots, "--seed", seed)
        theirs = expected(lists, shots, seed)
        found += [peer_table.items(ours[part][classes], theirs[part][classes])
                  for part in theirs for classes in ("all", "base", "new")]
    return peer_table.together(found)


def compare_classes(bench, name, class_of):
    """Every picture of the lists with its class, up to the numbering of classes, which is the split file's."""
    lists = bench.json("data", "split", "--data", bench.world(), "--dataset", name, "--shots", 0)
    ours = {path: label for part in lists.values() for path, label, _ in part["all"]}
    renumbered = {}
    for path, label in ours.items():
        renumbered.setdefault(label, class_of.get(path))
    if len(set(renumbered.values())) < len(renumbered):
        raise AssertionError("two of our classes are one class of the peer's")
    return peer_table.items({path: renumbered[label] for path, label in ours.items()}, class_of)


def image_folder(folder, classes=None):
    """torchvision's list by label: [[path below the folder, label]]; `classes` in another order than its own."""
    class Ordered(torchvision.datasets.ImageFolder):
        def find_classes(self, directory):
            names, numbers = super().find_classes(directory)
            return (names, numbers) if not classes else (classes, {name: i for i, name in enumerate(classes)})
    samples = sorted(Ordered(folder).samples, key=lambda sample: sample[1])
    return [[str(pathlib.Path(path).relative_to(folder)), label] for path, label in samples]


def class_names(folder):
    """The lines "ID NAME" of classnames.txt."""
    lines = (folder / "classnames.txt").read_text(encoding="utf-8").splitlines()
    return dict(line.split(" ", 1) for line in lines)


# ---------------------------------------------------------------- split files


def split_file(name):
    spec = miniature.SPLITS[name]

    def measure(bench):
        text = (bench.world() / spec.folder / spec.split_file).read_text(encoding="utf-8")
        return compare_lists(bench, name, json.loads(text))
    return Row("Layouts of data sets", f"{name}, `{spec.split_file}`", SYNTH,
               peer_table.version("python") + " json, random", "few-shot lists: path, label, name", measure,
               covers=(name,))


def pictures(name, what, read):
    def measure(bench):
        return compare_classes(bench, name, read(bench.world() / miniature.folder_of(name), bench.new_folder()))
    return Row("Layouts of data sets", f"{name}, its pictures", SYNTH,
               f"{peer_table.version('torchvision')} {what}", "class of every picture", measure)


def caltech101(folder, scratch):
    """The class wants another outer name, and the folder that the field leaves out."""
    images = scratch / "caltech101/101_ObjectCategories"
    (images / "BACKGROUND_Google").mkdir(parents=True)
    for each in (folder / "101_ObjectCategories").iterdir():
        (images / each.name).symlink_to(each)
    data = torchvision.datasets.Caltech101(scratch)
    return {f"{data.categories[label]}/image_{number:04}.jpg": label for label, number in zip(data.y, data.index)}


def eurosat(folder, scratch):
    data = torchvision.datasets.EuroSAT(folder.parent)
    return {str(pathlib.Path(path).relative_to(folder / "2750")): label for path, label in data.samples}


def sun397(folder, scratch):
    """ClassName.txt, which the archive has, names the folders."""
    names = sorted({f"/{path.parent.relative_to(folder / 'SUN397')}" for path in folder.rglob("sun_*.jpg")})
    (scratch / "SUN397").mkdir()
    (scratch / "SUN397/ClassName.txt").write_text("\n".join(names) + "\n", encoding="utf-8")
    for letter in (folder / "SUN397").iterdir():
        (scratch / "SUN397" / letter.name).mkdir()
        for each in letter.iterdir():
            each_copy = scratch / "SUN397" / letter.name / each.name
            for path in each.rglob("*.jpg"):
                (each_copy / path.relative_to(each)).parent.mkdir(parents=True, exist_ok=True)
                (each_copy / path.relative_to(each)).symlink_to(path)
    data = torchvision.datasets.SUN397(scratch)
    return {str(path.relative_to(scratch / "SUN397")): label for path, label in zip(data._image_files, data._labels)}


def dtd(folder, scratch):
    """labels/train1.txt, which the archive has, names the pictures; here all of them."""
    (scratch / "dtd/dtd/labels").mkdir(parents=True)
    (scratch / "dtd/dtd/images").symlink_to(folder / "images")
    paths = sorted(str(path.relative_to(folder / "images")) for path in (folder / "images").rglob("*.jpg"))
    (scratch / "dtd/dtd/labels/train1.txt").write_text("\n".join(paths) + "\n", encoding="utf-8")
    data = torchvision.datasets.DTD(scratch)
    return {str(path.relative_to(scratch / "dtd/dtd/images")): label
            for path, label in zip(data._image_files, data._labels)}


def food101(folder, scratch):
    """meta/train.json, which the archive has, names the pictures; here all of them."""
    (scratch / "food-101/meta").mkdir(parents=True)
    (scratch / "food-101/images").symlink_to(folder / "images")
    classes = {each.name: sorted(f"{each.name}/{path.stem}" for path in each.iterdir())
               for each in (folder / "images").iterdir()}
    (scratch / "food-101/meta/train.json").write_text(json.dumps(classes), encoding="utf-8")
    data = torchvision.datasets.Food101(scratch)
    return {str(path.relative_to(scratch / "food-101/images")): label
            for path, label in zip(data._image_files, data._labels)}


def ucf101(folder, scratch):
    return dict(image_folder(folder / "UCF-101-midframes"))


# ---------------------------------------------------------------- folders


def aircraft():
    def measure(bench):
        scratch = bench.new_folder()
        (scratch / "fgvc-aircraft-2013b").mkdir()
        (scratch / "fgvc-aircraft-2013b/data").symlink_to(bench.world() / "fgvc_aircraft")
        lists = {}
        for part in ("train", "val", "test"):
            data = torchvision.datasets.FGVCAircraft(scratch, part)
            lists[part] = [[pathlib.Path(path).name, label, data.classes[label]]
                           for path, label in zip(data._image_files, data._labels)]
        return compare_lists(bench, "fgvc_aircraft", lists)
    return Row("Layouts of data sets", "fgvc_aircraft, `variants.txt`", SYNTH, f"{TORCHVISION}: FGVCAircraft, random",
               "few-shot lists: path, label, name", measure, covers=("fgvc_aircraft",))


def imagenet():
    def measure(bench):
        folder = bench.world() / "imagenet"
        names = list(class_names(folder).values())
        train, test = ([[f"{part}/{path}", label, names[label]] for path, label in image_folder(folder / "images" / part)]
                       for part in ("train", "val"))
        return compare_lists(bench, "imagenet", {"train": train, "val": [], "test": test})
    return Row("Layouts of data sets", "imagenet, `train/`, `val/`", SYNTH, f"{TORCHVISION}: ImageFolder, random",
               "few-shot lists: path, label, name", measure, covers=("imagenet",))


def variant(name):
    images = miniature.VARIANTS[name]

    def measure(bench):
        folder = bench.world() / images
        names = class_names(folder.parent)
        by_number = [str(number) for number in range(len(names))] if name == "imagenetv2" else None
        test = [[path, label, list(names.values())[label]] for path, label in image_folder(folder, by_number)]
        return compare_lists(bench, name, {"train": [], "val": [], "test": test}, SAMPLES[:1])
    what = "ImageFolder, its folders as numbers" if name == "imagenetv2" else "ImageFolder"
    return Row("Layouts of data sets", f"{name}, a folder for each {'label' if name == 'imagenetv2' else 'id'}", SYNTH,
               f"{peer_table.version('torchvision')} {what}", "test lists: path, label, name", measure, covers=(name,))


def own_folders():
    def measure(bench):
        world = bench.new_folder() / "own"
        bench.prompt("data", "synth", world, "--folder", "--px", 16, "--per-class", 4)
        # what a user's folder has: other endings, capitals, sub-folders, a hidden file
        first, second = sorted(path for path in (world / "train").iterdir())[:2]
        first.rename(first.parent / "a picture.with dots")
        (second / "deeper").mkdir()
        for number, path in enumerate(sorted(second.glob("*.png"))):
            path.rename(second / ("deeper" if number % 2 else ".") / f"{number}.JPEG")
        for part in ("val", "test"):
            (world / part / first.name).rename(world / part / "a picture.with dots")
        ours = bench.json("data", "split", "--data", world, "--dataset", "folder", "--shots", 0)
        found = []
        for part in ("train", "val", "test"):
            data = torchvision.datasets.ImageFolder(world / part)
            theirs = [[str(pathlib.Path(path).relative_to(world)), label, data.classes[label]]
                      for path, label in data.samples]
            found.append(peer_table.items(ours[part]["all"], theirs))
        return peer_table.together(found)
    return Row("Layouts of data sets", "folder, `train/CLASS/`, with sub-folders", "`prompt data synth --folder`",
               f"{peer_table.version('torchvision')} ImageFolder", "whole lists: path, label, name", measure,
               covers=("folder",))


def rows():
    out = []
    read_by = {"caltech101": ("Caltech101", caltech101), "food101": ("Food101", food101), "sun397": ("SUN397", sun397),
               "dtd": ("DTD", dtd), "eurosat": ("EuroSAT", eurosat), "ucf101": ("ImageFolder", ucf101)}
    for name in miniature.SPLITS:
        out.append(split_file(name))
        if name in read_by:
            out.append(pictures(name, *read_by[name]))
    return [*out, aircraft(), imagenet(), *map(variant, miniature.VARIANTS), own_folders()]
