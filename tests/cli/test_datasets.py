#!/usr/bin/env python3
"""Every data set's layout, in miniature: the lists against those that the published rules give, other layouts that are
found in the wild, what `prompt data check` says, and a user's own images."""

import hashlib
import itertools
import json
import os
import pathlib
import shutil
import sys
import tempfile
import unittest

import harness
import miniature
from harness import run

sys.path.insert(0, str(harness.ROOT / "tests" / "parity"))
from test_fewshot import expected  # noqa: E402  the sample and the halves, by Python's own random

SHOTS, SEEDS = (1, 2, 4, 8, 16), (1, 2, 3)
N_CLASSES, PER_CLASS = 5, 6
shared = {}


def setUpModule():
    folder = tempfile.TemporaryDirectory()
    unittest.addModuleCleanup(folder.cleanup)
    shared["root"] = pathlib.Path(folder.name)
    for name in miniature.NAMES:  # twelve: as text, 10 and 11 stand before 2
        miniature.make(shared["root"], name, 12 if name.startswith("imagenet") else N_CLASSES, PER_CLASS, px=8)


# ---------------------------------------------------------------- the published rules


def listed(root, name):
    """The lists of a set as the field's public code makes them, with sorted listings."""
    if name in miniature.SPLITS:
        spec = miniature.SPLITS[name]
        return json.loads((root / spec.folder / spec.split_file).read_text(encoding="utf-8"))
    if name == "fgvc_aircraft":
        folder = root / "fgvc_aircraft"
        names = folder.joinpath("variants.txt").read_text().splitlines()
        lists = {}
        for part in ("train", "val", "test"):
            lines = [line.split(" ") for line in folder.joinpath(f"images_variant_{part}.txt").read_text().splitlines()]
            lists[part] = [[f"{words[0]}.jpg", names.index(" ".join(words[1:])), " ".join(words[1:])] for words in lines]
        return lists
    images = root / ("imagenet/images" if name == "imagenet" else miniature.VARIANTS[name])
    lines = images.parent.joinpath("classnames.txt").read_text().splitlines()
    names = {line.split(" ")[0]: " ".join(line.split(" ")[1:]) for line in lines}
    if name == "imagenet":
        return {"train": by_folder(images, "train/", names), "val": [], "test": by_folder(images, "val/", names)}
    if name == "imagenetv2":  # a folder's name is its label
        names = dict(zip(map(str, range(len(names))), names.values()))
    return {"train": [], "val": [], "test": by_folder(images, "", names, key=int if name == "imagenetv2" else str)}


def by_folder(images, part, names, key=str):
    folders = sorted((path.name for path in (images / part).iterdir() if path.is_dir()), key=key)
    return [[f"{part}{folder}/{image}", label, names[folder]] for label, folder in enumerate(folders)
            for image in sorted(os.listdir(images / part / folder))]


def digest(texts):
    return hashlib.sha256("".join(text + "\n" for text in texts).encode()).hexdigest()[:16]


class Lists(unittest.TestCase):
    def test_built_in_classes_of_imagenet(self):
        self.assertEqual(digest(id for id, _ in miniature.IDS), "70002b0ff5de60a3")
        self.assertEqual(digest(name for _, name in miniature.IDS), "8800e39242cbed4c")

    def check(self, name, shots, seed):
        result = run("data", "split", "--data", shared["root"], "--dataset", name, "--shots", shots, "--seed", seed,
                     "--json")
        self.assertEqual(result.status, 0, str(result))
        theirs = expected(listed(shared["root"], name), shots, seed)
        self.assertEqual(sum(len(items) for lists in theirs.values() for items in lists.values()) > 0, True)
        self.assertEqual(json.loads(result.out), theirs)

    def test_sets_with_training_images(self):
        names = [name for name in miniature.NAMES if name not in miniature.VARIANTS]
        for i, name in enumerate(names):  # one set at all shots and seeds, the others at each shots and each seed
            pairs = list(itertools.product(SHOTS, SEEDS)) if name == "dtd" else [
                (shots, SEEDS[(i + k) % len(SEEDS)]) for k, shots in enumerate(SHOTS)]
            for shots, seed in pairs:
                with self.subTest(name=name, shots=shots, seed=seed):
                    self.check(name, shots, seed)

    def test_variants(self):
        for name in miniature.VARIANTS:
            with self.subTest(name=name):
                self.check(name, 16, 1)


# ---------------------------------------------------------------- other layouts


class Layouts(harness.Case):
    def copy(self, name):
        root = self.tmp / name
        folder = miniature.folder_of(name)
        shutil.copytree(shared["root"] / folder, root / folder)
        return root

    def moved(self, name, changes):
        """A copy in which folders and files have been moved; its lists must stay the same."""
        root = self.copy(name)
        for old, new in changes:
            (root / new).parent.mkdir(parents=True, exist_ok=True)
            (root / old).rename(root / new)
        return root

    def check_same(self, root, name, note):
        split = run("data", "split", "--data", root, "--dataset", name, "--json")
        self.assertEqual(split.status, 0, str(split))
        self.assertEqual(json.loads(split.out), expected(listed(shared["root"], name), 16, 1))
        self.assertRegex(split.err, note)

    def check_moved(self, root, name, n_moved):
        self.check_same(root, name, r"\A\Z")
        check = json.loads(run("data", "check", "--data", root, "--dataset", name, "--json").out)[0]
        self.assertEqual((check["state"], check["missing"], check["moved"]), ("differs", 0, n_moved), check)

    def test_folders_of_other_names(self):
        for name, changes, note in (
                ("caltech101", [("caltech-101", "Caltech101")], r"images in '.*/Caltech101/101_ObjectCategories'; split"),
                ("sun397", [("sun397/split_zhou_SUN397.json", "data_splits/split_zhou_SUN397.json"),
                            ("sun397/SUN397", "SUN397")], r"images in '.*/SUN397'; split file '.*/data_splits/.*'"),
                ("dtd", [("dtd/images", "dtd/dtd/images")], r"images in '.*/dtd/dtd/images'"),
                ("oxford_flowers", [("oxford_flowers", "flowers-102")], "images in '.*/flowers-102/jpg'"),
                ("fgvc_aircraft", [("fgvc_aircraft", "fgvc-aircraft-2013b/data")], "2013b/data/images'"),
                ("imagenet", [("imagenet/images", "ILSVRC/Data/CLS-LOC")], "images in '.*/ILSVRC/Data/CLS-LOC'"),
                ("imagenetv2", [("imagenetv2/imagenetv2-matched-frequency-format-val",
                                 "imagenetv2-matched-frequency-format-val"),
                                ("imagenetv2/classnames.txt", "imagenetv2-matched-frequency-format-val/classnames.txt")],
                 "images in '.*-val'"),
                ("imagenet_sketch", [("imagenet-sketch/images", "imagenet-sketch/sketch")], "images in '.*/sketch'"),
                ("imagenet_a", [("imagenet-adversarial/imagenet-a", "imagenet-a"),
                                ("imagenet-adversarial/classnames.txt", "imagenet-a/classnames.txt")],
                 "images in '.*/imagenet-a'")):
            with self.subTest(name=name):
                self.check_same(self.moved(name, changes), name, note)

    def test_doubled_folder(self):
        root = self.moved("stanford_cars", [("stanford_cars/cars_train", "stanford_cars/moved"),
                                            ("stanford_cars/moved", "stanford_cars/cars_train/cars_train")])
        self.check_moved(root, "stanford_cars", sum(map(len, listed(shared["root"], "stanford_cars").values())))

    def test_other_capitals(self):
        root = self.copy("ucf101")
        videos = root / "ucf101/UCF-101-midframes/Handstand_Pushups"
        for path in list(videos.iterdir()):
            path.rename(videos / path.name.replace("HandStand", "Handstand"))
        self.check_moved(root, "ucf101", sum(n for _, n in miniature.counts(2, PER_CLASS)))

    def flat(self, name, lines):
        """ImageNet's validation images in one folder, with the ids in a list."""
        root = self.copy("imagenet")
        val = root / "imagenet/images/val"
        ids = {}
        for folder in sorted(val.iterdir()):
            for path in list(folder.iterdir()):
                ids[path.stem] = folder.name
                path.rename(val / path.name)
            folder.rmdir()
        if name:
            (root / "imagenet" / name).write_text(lines(ids), encoding="utf-8")
        return root

    def test_flat_validation_images(self):
        self.check_same(self.flat("LOC_val_solution.csv", lambda ids: "ImageId,PredictionString\n" + "".join(
            f"{stem},{id} 85 1 499 272 {id} 1 1 2 2\n" for stem, id in sorted(ids.items()))), "imagenet",
                        "labels from '.*/LOC_val_solution.csv'")
        shutil.rmtree(self.tmp / "imagenet")
        self.check_same(self.flat("valprep.sh", lambda ids: "#!/bin/bash\n" + "".join(
            f"mkdir -p {id}\n" for id in sorted(set(ids.values()))) + "".join(
            f"mv {stem}.JPEG {id}/\n" for stem, id in sorted(ids.items()))), "imagenet", "labels from '.*/valprep.sh'")
        shutil.rmtree(self.tmp / "imagenet")
        self.check_error(run("data", "split", "--data", self.flat("", None), "--dataset", "imagenet"), 1,
                         r"data set 'imagenet': '.*/imagenet/images/val' holds no class folders: sort its images with "
                         r"valprep\.sh, or put valprep\.sh or Kaggle's LOC_val_solution\.csv beside it")

    def test_imagenet_without_training_images(self):
        root = self.copy("imagenet")
        shutil.rmtree(root / "imagenet/images/train")
        ours = run("data", "split", "--data", root, "--dataset", "imagenet", "--json")
        self.assertEqual(json.loads(ours.out)["test"], expected(listed(shared["root"], "imagenet"), 16, 1)["test"])
        check = run("data", "check", "--data", root, "--dataset", "imagenet")
        self.assertRegex(check.out, "no '.*/imagenet/images/train': for evaluation only")
        self.assertNotRegex(check.out, "train 0 instead")

    def test_variant_without_a_class_folder(self):
        """Of two hundred of the thousand classes, and of all; a folder that is missing makes no smaller task."""
        for name, classes, error in (
                ("imagenet_a", miniature.IDS[::5], r"199 class folders are there, expected 200"),
                ("imagenet_sketch", miniature.IDS, r"999 of 1000 class folders are there, the first missing one is "
                                                   rf"'{miniature.IDS[85][0]}' \(label 85\)")):
            with self.subTest(name=name):
                images = self.tmp / miniature.VARIANTS[name]
                for id, _ in classes:
                    (images / id).mkdir(parents=True)
                    (images / id / "1.jpg").touch()
                words = ("data", "split", "--data", self.tmp, "--dataset", name, "--json")
                self.assertEqual(json.loads(self.check_ok(run(*words)).out)["test"]["all"],
                                 [[f"{id}/1.jpg", label, text] for label, (id, text) in enumerate(classes)])
                shutil.rmtree(images / miniature.IDS[85][0])
                self.check_error(run(*words), 1, rf"data set '{name}': '/.*/{images.name}': {error} \(.*github\.com/.*\)")

    def test_files_given_by_keys(self):
        root = self.copy("dtd")
        (root / "dtd/images").rename(self.tmp / "elsewhere")
        (root / "dtd/split_zhou_DescribableTextures.json").rename(self.tmp / "split.json")
        result = run("data", "split", "--data", root, "--dataset", "dtd", "--set", f"data.image_dir={self.tmp}/elsewhere",
                     "--set", f"data.split_file={self.tmp}/split.json", "--json")
        self.assertEqual(json.loads(self.check_ok(result).out), expected(listed(shared["root"], "dtd"), 16, 1))


# ---------------------------------------------------------------- what data check says


class Check(harness.Case):
    def setUp(self):
        super().setUp()
        self.root = self.tmp / "data"

    def make(self, name):
        shutil.copytree(shared["root"] / miniature.folder_of(name), self.root / miniature.folder_of(name))

    def check(self, name, *more):
        before = sorted((str(path), path.stat().st_mtime) for path in self.root.rglob("*"))
        result = run("data", "check", "--data", self.root, "--dataset", name, "--quiet", *more)
        self.assertEqual(sorted((str(path), path.stat().st_mtime) for path in self.root.rglob("*")), before)
        self.assertEqual(result.status, 1, str(result))
        self.assertRegex(result.errors[0], rf"not complete: {name if name != 'all' else ''}")
        return result.out

    def test_missing_images(self):
        self.make("oxford_pets")
        for path in sorted((self.root / "oxford_pets/images").glob("Abyssinian_*"))[:4]:
            path.unlink()
        images = f"{self.root.resolve()}/oxford_pets/images"
        self.assertEqual(
            self.check("oxford_pets"),
            f"oxford_pets      incomplete: 4 of 74 images are missing in '{images}', first: '{images}/Abyssinian_1.jpg', "
            f"'{images}/Abyssinian_10.jpg', '{images}/Abyssinian_11.jpg'; was the archive downloaded or unpacked in part? "
            "(images: images.tar.gz of robots.ox.ac.uk/~vgg/data/pets; split file: CoOp's DATASETS.md; both: "
            "huggingface.co/zhengli97/prompt_learning_dataset)\n")

    def test_another_archive(self):
        self.make("oxford_pets")
        images = self.root / "oxford_pets/images"
        shutil.rmtree(images)
        (images / "n02085620-Chihuahua").mkdir(parents=True)
        self.assertRegex(self.check("oxford_pets"), "incomplete: 74 of 74 images are missing .*; 'n02085620-Chihuahua' "
                                                    "stands there instead: is it another archive, or a folder too many")

    def test_missing_split_file(self):
        self.make("eurosat")
        (self.root / "eurosat/split_zhou_EuroSAT.json").unlink()
        self.assertRegex(self.check("eurosat"), r"\Aeurosat +incomplete: the split file '/.*/eurosat/split_zhou_EuroSAT"
                                                r"\.json' is missing; looked in 'eurosat', 'EuroSAT', 'data_splits', '\.' of "
                                                r"'/.*/data' \(.*CoOp's DATASETS\.md.*\)\n\Z")

    def test_missing_class_folder(self):
        self.make("imagenet")
        shutil.rmtree(self.root / "imagenet/images/val" / miniature.IDS[3][0])
        self.assertRegex(self.check("imagenet"), r"incomplete: '.*/val': 11 of 12 class folders are there, the first "
                                                 rf"missing one is '{miniature.IDS[3][0]}' \(label 3\) \(image-net\.org .*\)\n")

    def test_unreadable_and_mislabelled_images(self):
        self.make("dtd")
        images = self.root / "dtd/images/banded"
        (images / "banded_0001.jpg").write_bytes((images / "banded_0001.jpg").read_bytes()[:60])
        (images / "banded_0003.jpg").write_bytes(b"<html>not found</html>")
        self.assertRegex(self.check("dtd", "--deep"),
                         r"\Adtd +incomplete: 2 images cannot be decoded, first: cannot decode '/.*/banded_0001\.jpg': .*; "
                         r"not the published split: .*; 72 images of another format than their name says, first: '.*/banded_0002\.jpg' is PNG\n\Z")

    def test_deep_with_missing_images(self):
        self.make("dtd")
        images = self.root / "dtd/images/banded"
        (images / "banded_0001.jpg").write_bytes(b"<html>not found</html>")
        (images / "banded_0002.jpg").unlink()
        self.assertRegex(self.check("dtd", "--deep"), r"\Adtd +incomplete: 1 of 74 images are missing .*; 1 images cannot be "
                                                      r"decoded, first: cannot decode '/.*/banded_0001\.jpg': .*\n\Z")

    def test_image_that_stands_twice(self):
        self.make("dtd")
        path = self.root / "dtd/split_zhou_DescribableTextures.json"
        split = json.loads(path.read_text())
        again = split["train"][0]
        for part, label, name in (("train", again[1], again[2]), ("test", again[1], again[2]), ("val", 1, "polka-dotted")):
            with self.subTest(part=part, name=name):
                path.write_text(json.dumps({**split, part: [*split[part], [again[0], label, name]]}))
                self.assertRegex(self.check("dtd"), rf"\Adtd +incomplete: 1 image stands twice in the lists, first: '{again[0]}' "
                                                    rf"in train as 'banded', in {part} as '{name}'; not the published .*\n\Z")

    def test_all_sets(self):
        self.make("dtd")
        lines = self.check("all").splitlines()
        self.assertEqual([line.split()[0] for line in lines],
                         [entry["name"] for entry in json.loads(run("data", "list", "--json").out)
                          if entry["name"] not in ("folder", "csv")])
        self.assertEqual(len([line for line in lines if ": the folder '" in line and " not there: " in line]), 14)
        self.assertRegex(run("data", "check", "--data", self.root).errors[0], "not complete: dtd$")


# ---------------------------------------------------------------- own images


class Own(harness.Case):
    def write(self, *paths):
        for number, path in enumerate(paths):
            miniature.write_image(self.tmp / "own" / path, 0, number, 4)

    def split(self, *more, shots=0, name="folder"):
        result = run("data", "split", "--data", self.tmp / "own", "--dataset", name, "--shots", shots, "--json", *more)
        return {part: lists["all"] for part, lists in json.loads(self.check_ok(result).out).items()}

    def test_folders_with_parts(self):
        self.write("train/b c/2.PNG", "train/b c/1.jpg", "train/Ant/1.jpeg", "test/Ant/9.png", "val/b c/7.gif",
                   ".hidden/x/1.jpg")
        (self.tmp / "own/train/Ant/Thumbs.db").write_bytes(b"")
        self.assertEqual(self.split(), {"train": [["train/Ant/1.jpeg", 0, "Ant"], ["train/b c/1.jpg", 1, "b c"],
                                                  ["train/b c/2.PNG", 1, "b c"]],
                                        "val": [["val/b c/7.gif", 1, "b c"]], "test": [["test/Ant/9.png", 0, "Ant"]]})

    def test_folders_without_parts(self):
        self.write(*(f"{name}/{i}.jpg" for name in ("x", "y") for i in range(10)))
        first, again, other = self.split(), self.split("--seed", 7), self.split("--set", "data.split_seed=2")
        self.assertEqual(first, again)  # the seed of a run changes the sample, never the test images
        self.assertNotEqual(first, other)
        self.assertEqual({part: len(items) for part, items in first.items()}, {"train": 10, "val": 4, "test": 6})
        self.assertEqual(sorted(item[0] for items in first.values() for item in items),
                         sorted(f"{name}/{i}.jpg" for name in ("x", "y") for i in range(10)))

    def test_csv(self):
        names = ("a.jpg", "b.jpg", "c.jpg", "d.jpg", "sub/e, f.jpg", "sub/g.jpg")
        self.write(*names)
        table = self.tmp / "own" / "list.csv"
        cases = (
            ("\ufeffpath,label,name\r\na.jpg,1,Zoo\r\nb.jpg,1,Zoo\r\nc.jpg,1,Zoo\r\nd.jpg,1,Zoo\r\n"
             "\"sub/e, f.jpg\",0,\"F-16A/B, \"\"old\"\"\"\r\nsub/g.jpg,0,\"F-16A/B, \"\"old\"\"\"",
             ['F-16A/B, "old"', "Zoo"], 1),
            ("a.jpg,low\nb.jpg,low\nc.jpg,low\nd.jpg,low\n\"sub/e, f.jpg\",Up\nsub/g.jpg,Up\n", ["Up", "low"], 1),
            ("a.jpg\t0\nb.jpg\t0\nc.jpg\t0\nd.jpg\t0\nsub/e, f.jpg\t1\nsub/g.jpg\t1\n", ["0", "1"], 0),
        )
        for text, classes, label in cases:
            table.write_text(text, encoding="utf-8", newline="")
            with self.subTest(text=text):
                lists = self.split("--set", f"data.split_file={table}", name="csv")
                items = sorted(item for items in lists.values() for item in items)
                self.assertEqual(items, [[name, label if "/" not in name else 1 - label,
                                          classes[label if "/" not in name else 1 - label]] for name in names])
                self.assertEqual({part: len(items) for part, items in lists.items()}, {"train": 3, "val": 0, "test": 3})

    def test_refused(self):
        table = self.tmp / "list.csv"
        for text, pattern in (
                ("a.jpg,0,x\nb.jpg,0,y\n", r"/.*/list\.csv:2: label 0 is 'y' here and 'x' before"),
                ("a.jpg,0\nb.jpg,2\nc.jpg,2\n", r"/.*/list\.csv: label 1 has no image, but label 2 has"),
                ("a.jpg,0\n../b.jpg,0\n", r"/.*/list\.csv:2: the path '\.\./b\.jpg' climbs out of the image folder"),
                ("a.jpg,0\nb.jpg\n", r"/.*/list\.csv:2: expected path, label and perhaps a class name"),
                ("a.jpg,0\nb.jpg,x\n", r"/.*/list\.csv:2: expected a whole number from 0 as the label, .*, found 'x'"),
                ("a.jpg,0\n", r"/.*/list\.csv: class '0' has 1 image, too few for a train and a test list"),
                ("", r"/.*/list\.csv:0: no line with path and label")):
            with self.subTest(text=text):
                table.write_text(text, encoding="utf-8")
                self.check_error(run("data", "split", "--dataset", "csv", "--set", f"data.split_file={table}"), 1,
                                 "data set 'csv': " + pattern)
        table.write_text("a.jpg,0\nb.jpg,0\n", encoding="utf-16")
        self.check_error(run("data", "split", "--dataset", "csv", "--set", f"data.split_file={table}"), 1, "data set 'csv': "
                         r"/.*/list\.csv:1: expected text in UTF-8, found a byte of value 0: is it UTF-16\?")
        self.write("train/a/1.jpg", "test/b/1.jpg")
        words = ("data", "split", "--data", self.tmp / "own", "--dataset", "folder")
        self.check_error(run(*words), 1, r"data set 'folder': '/.*/own/test' has a class folder 'b', which train/ has not")
        (self.tmp / "own/train/b").mkdir()
        self.check_error(run(*words), 1, r"data set 'folder': the class folder '/.*/own/train/b' holds no images")


if __name__ == "__main__":
    harness.main()
