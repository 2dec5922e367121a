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
NOBODY = 65534
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

    def test_frames_in_folders_named_as_the_videos(self):
        root = self.copy("ucf101")
        images = root / "ucf101/UCF-101-midframes"
        for name in ("Hammer_Throw", "Handstand_Pushups"):
            (images / name).rename(images / name.replace("_", ""))
        self.check_moved(root, "ucf101", sum(n for label in (1, 2) for _, n in miniature.counts(label, PER_CLASS)))

    def test_data_at_the_own_folder(self):
        for name, folder in (("caltech101", "caltech-101"), ("caltech101", "caltech-101/101_ObjectCategories/"),
                             ("stanford_cars", "stanford_cars"), ("fgvc_aircraft", "fgvc_aircraft"),
                             ("imagenet", "imagenet"), ("imagenet_a", "imagenet-adversarial/imagenet-a")):
            with self.subTest(folder=folder):
                split = self.check_ok(run("data", "split", "--data", f"{shared['root']}/{folder}", "--dataset", name, "--json"))
                self.assertEqual(json.loads(split.out), expected(listed(shared["root"], name), 16, 1))
                self.assertRegex(split.err, rf"\A{name}: --data is the set's own folder(; left out: 1 \.txt)?\n\Z")

    def test_folder_of_the_hubs_cache(self):
        cache = self.tmp / "datasets--me--dtd"
        (cache / "snapshots").mkdir(parents=True)
        shutil.copytree(shared["root"] / "dtd", cache / "snapshots/0a1b/dtd")
        self.check_same(cache, "dtd", r"the snapshot '/.*/datasets--me--dtd/snapshots/0a1b'")
        (cache / "snapshots/ffff").mkdir()
        self.check_error(run("data", "split", "--data", cache, "--dataset", "dtd"), 2,
                         r"data set 'dtd': '/.*/snapshots' holds 2 snapshots, expected one: name it by --data")
        (cache / "refs").mkdir()
        (cache / "refs/main").write_text("0a1b")
        self.check_same(cache, "dtd", "the snapshot '/.*/0a1b'")

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

    def test_flat_images_with_ids_in_their_names(self):
        """As Hugging Face's archives are unpacked."""
        root = self.copy("imagenet")
        for part in ("train", "val"):
            images = root / "imagenet/images" / part
            for folder in sorted(images.iterdir()):
                for path in list(folder.iterdir()):
                    path.rename(images / f"{path.stem}_{folder.name}{path.suffix}")
                folder.rmdir()
        note = "images of train/ without class folders, labels from the ids in their names; images of val/ .*"
        self.check_same(root, "imagenet", note)
        check = json.loads(run("data", "check", "--data", root, "--dataset", "imagenet", "--json").out)[0]
        self.assertEqual((check["missing"], check["moved"]), (0, 0))
        (root / "imagenet/images/val/x.JPEG").touch()
        self.check_error(run("data", "split", "--data", root, "--dataset", "imagenet"), 1, "data set 'imagenet': the name of "
                         r"'val/x\.JPEG' has no id of /.*/classnames\.txt, but other names there do")

    def test_parts_of_other_names(self):
        root = self.moved("imagenet", [("imagenet/images/train", "imagenet/images/Train"),
                                       ("imagenet/images/val", "imagenet/images/validation")])
        self.check_same(root, "imagenet", r"\A\Z")

    def test_other_class_names(self):
        root = self.copy("imagenet")
        path = root / "imagenet/classnames.txt"
        lines = path.read_text().splitlines()
        path.write_text("".join(f"{line}, a fish\n" if i == 2 else f"{line}\n" for i, line in enumerate(lines)))
        id, name = lines[2].split(" ", 1)
        self.assertIn(f"class names of '{path.resolve()}', the first: '{id}' is '{name}, a fish' instead of '{name}'",
                      run("data", "check", "--data", root, "--dataset", "imagenet").out)

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

    def test_variant_with_a_folder_that_is_no_label(self):
        root = self.copy("imagenetv2")
        (root / miniature.VARIANTS["imagenetv2"] / "12").mkdir()
        self.check_error(run("data", "split", "--data", root, "--dataset", "imagenetv2"), 1,
                         r"data set 'imagenetv2': '/.*-val': the folder '12' is not a label below 12")

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
        before = sorted((str(path), path.lstat().st_mtime) for path in self.root.rglob("*"))
        result = run("data", "check", "--data", self.root, "--dataset", name, "--quiet", *more)
        self.assertEqual(sorted((str(path), path.lstat().st_mtime) for path in self.root.rglob("*")), before)
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

    def test_missing_folder_is_named(self):
        self.make("stanford_cars")
        images = self.root / "stanford_cars"
        path = images / "split_zhou_StanfordCars.json"
        split = json.loads(path.read_text())
        split["test"] = [[item.replace("cars_train", "cars_test"), *rest] for item, *rest in split["test"]]
        path.write_text(json.dumps(split))
        n = len(split["test"])
        self.assertRegex(self.check("stanford_cars"), rf"incomplete: {n} of \d+ images are missing in .*; the folder 'cars_test' "
                                                      r"is missing \(the original server")
        for image in (images / "cars_train").iterdir():
            image.unlink()
        self.assertRegex(self.check("stanford_cars"), r"incomplete: (\d+) of \1 images are missing in .*; the folder 'cars_test' "
                                                      r"is missing, and the others lack their images \(the original server")

    def test_links_that_lead_nowhere(self):
        self.make("dtd")
        images = self.root / "dtd/images/banded"
        for path in sorted(images.iterdir()):
            path.unlink()
            path.symlink_to(f"../../.git/annex/objects/{path.name}")
        n = len(list(images.iterdir()))
        out = self.check("dtd", "--deep")
        self.assertRegex(out, rf"incomplete: {n} of 74 images are links that lead nowhere in '/.*', first: '.*/banded_0001\.jpg', "
                              r".*; git-annex has not fetched their content: run 'git annex get'")
        self.assertNotIn(" decoded", out)
        record = json.loads(run("data", "check", "--data", self.root, "--dataset", "dtd", "--deep", "--json").out)[0]
        self.assertEqual((record["missing"], record["decoded"], record["moved"]), (n, 74 - n, 0))

    def test_pointers_and_empty_files(self):
        """Without --deep."""
        self.make("dtd")
        for path in (self.root / "dtd/images/banded").iterdir():
            path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n")
        path = sorted((self.root / "dtd/images/polka-dotted").iterdir())[0]
        path.write_bytes(b"")
        n = len(list((self.root / "dtd/images/banded").iterdir()))
        self.assertRegex(self.check("dtd"), rf"incomplete: {n} of 74 images are git LFS pointers, not images, in '/.*', first: .*; "
                                            rf"run 'git lfs pull' there; 1 of 74 images are files without a byte, first: '{path}'")

    def test_one_image_of_each_class_is_decoded(self):
        self.make("dtd")
        path = self.root / "dtd/images/banded/banded_0001.jpg"
        path.write_bytes(path.read_bytes()[:60])
        out = self.check("dtd")
        self.assertRegex(out, r"incomplete: 1 image cannot be decoded, first: cannot decode '/.*/banded_0001\.jpg'")
        self.assertIn("; 4 of 74 images decoded", out)

    def without_rights(self):
        """Options of run() with which permissions count: root becomes another user."""
        if os.geteuid() != 0:
            return {}
        self.tmp.chmod(0o755)
        options = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        try:
            usable = run("data", "list", **options).status == 0
        except PermissionError:
            usable = False
        if not usable:
            self.skipTest("another user may not run the program where it lies")
        return options

    def test_folder_without_permission(self):
        options = self.without_rights()
        self.make("dtd")
        banded = self.root / "dtd/images/banded"
        n = len(list(banded.iterdir()))
        banded.chmod(0)
        self.addCleanup(banded.chmod, 0o700)
        out = run("data", "check", "--data", self.root, "--dataset", "dtd", **options).out
        self.assertRegex(out, rf"incomplete: {n} of 74 images cannot be read \(permission denied\) in '/.*', first: '.*/banded_0001")
        out = run("data", "check", "--data", self.root / "dtd/images", "--dataset", "folder", **options).out
        self.assertRegex(out, r"folder +incomplete: cannot open the folder '/.*/banded': Permission denied\n")
        (self.root / "dtd").chmod(0)
        self.addCleanup((self.root / "dtd").chmod, 0o700)
        out = run("data", "check", "--data", self.root, "--dataset", "dtd", **options).out
        self.assertRegex(out, r"dtd +incomplete: cannot open the folder '/.*/dtd': Permission denied")

    def test_another_archive(self):
        self.make("oxford_pets")
        images = self.root / "oxford_pets/images"
        shutil.rmtree(images)
        (images / "n02085620-Chihuahua").mkdir(parents=True)
        self.assertRegex(self.check("oxford_pets"), "incomplete: 74 of 74 images are missing .*; it holds 'n02085620-Chihuahua' "
                                                    "instead: is it another archive, or is there a folder too many")

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
                                                 rf"missing one is '{miniature.IDS[3][0]}' \(label 3\) \(image-net\.org, .*\)\n")

    def test_unreadable_and_mislabelled_images(self):
        self.make("dtd")
        images = self.root / "dtd/images/banded"
        (images / "banded_0001.jpg").write_bytes((images / "banded_0001.jpg").read_bytes()[:60])
        (images / "banded_0003.jpg").write_bytes(b"<html>not found</html>")
        self.assertRegex(self.check("dtd", "--deep"),
                         r"\Adtd +incomplete: 2 images cannot be decoded, first: cannot decode '/.*/banded_0001\.jpg': .*; "
                         r"not the published split: .*; 72 of 74 images decoded; 72 images of another format than the name says, first: '.*/banded_0002\.jpg' is PNG\n\Z")

    def test_a_name_in_capitals_promises_its_format_too(self):
        self.make("food101")  # PNG images whose names end in .JPG
        self.assertRegex(self.check("food101", "--deep"),
                         r"; (\d+) of \1 images decoded; \1 images of another format than the name says, first: "
                         r"'/.*/\d+\.JPG' is PNG\n\Z")

    def test_deep_with_missing_images(self):
        self.make("dtd")
        images = self.root / "dtd/images/banded"
        (images / "banded_0001.jpg").write_bytes(b"<html>not found</html>")
        (images / "banded_0002.jpg").unlink()
        self.assertRegex(self.check("dtd", "--deep"), r"\Adtd +incomplete: 1 of 74 images is missing .*; 1 image cannot be "
                                                      r"decoded, first: cannot decode '/.*/banded_0001\.jpg': .*; 72 images of another format .*\n\Z")

    def test_what_is_no_file(self):
        """Opening a pipe would wait; without --deep most images are not opened."""
        self.make("dtd")
        image = self.root / "dtd/images/banded/banded_0002.jpg"
        image.unlink()
        os.mkfifo(image)
        for deep in ((), ("--deep",)):
            self.assertRegex(self.check("dtd", *deep), r"\Adtd +incomplete: 1 of 74 images is not a file \(a folder, a pipe, a socket or "
                                                       r"a device\), first: '/.*/banded_0002\.jpg'; not the published ")

    def test_image_that_stands_twice(self):
        self.make("dtd")
        path = self.root / "dtd/split_zhou_DescribableTextures.json"
        split = json.loads(path.read_text())
        again = split["train"][0]
        for part, label, name in (("train", again[1], again[2]), ("test", again[1], again[2]), ("val", 1, "polka-dotted")):
            with self.subTest(part=part, name=name):
                path.write_text(json.dumps({**split, part: [*split[part], [again[0], label, name]]}))
                self.assertRegex(self.check("dtd"), rf"\Adtd +incomplete: 1 image occurs twice in the lists, first: '{again[0]}' "
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

    def note(self, *more, name="folder"):
        return self.check_ok(run("data", "split", "--data", self.tmp / "own", "--dataset", name, *more)).err.strip()

    def test_one_image_named_in_two_ways(self):
        self.write("ant/1.jpg", "ant/2.jpg", "bee/1.jpg", "bee/2.jpg")
        rows = ("path,label,split", "ant/1.jpg,ant,train", "bee/1.jpg,bee,train", "./ant//1.jpg,ant,test", "bee/2.jpg,bee,test")
        (self.tmp / "own/list.csv").write_text("\n".join(rows))
        result = run("data", "check", "--dataset", "csv", "--set", f"data.split_file={self.tmp / 'own/list.csv'}")
        self.assertIn("1 image occurs twice in the lists, first: 'ant/1.jpg' in train as 'ant', in test as 'ant'", result.out)

    def test_nothing_is_left_out_without_a_count(self):
        kinds = ("jpg", "JPEG", "jpe", "jfif", "Png", "bmp", "gif", "ppm", "pgm", "webp")
        self.write(*(f"ant/{i}.{kind}" for i, kind in enumerate(kinds)), "ant/in/x/1.jpg", "ant/in-side/1.jpg", "ant/in/2.jpg",
                   "ant/.hidden/1.jpg", "ant/._1.jpg", "bee/only/below/1.jpg", "bee/only/below/2.jpg", "bee/only/below/3.jpg")
        own = self.tmp / "own"
        for path in ("ant/a.tif", "ant/in/b.TIF", "bee/notes", "bee/x.y z", "bee/7.heic", "readme.txt", "loose.jpg"):
            (own / path).write_bytes(b"x")
        (own / "bee/back").symlink_to("../bee")
        (own / "ant/in/x/up").symlink_to("../..")
        (own / "bee/annexed").symlink_to("nowhere")
        (own / "cat").symlink_to("nowhere") # would be a class
        os.mkfifo(own / "bee/pipe")
        lists = self.split()
        self.assertEqual({name: sum(item[2] == name for items in lists.values() for item in items) for name in ("ant", "bee")},
                         {"ant": 13, "bee": 3})
        self.assertEqual(self.note(), "folder: 6 of 16 images in sub-folders of class folders; left out: 2 .tif, 2 files without "
                         "a known ending, 2 links that lead nowhere, 2 links to folders that hold them, 1 .heic, 1 .txt, 1 image outside of the class "
                         "folders, 1 special file")
        check = run("data", "check", "--data", own, "--dataset", "folder")
        self.assertIn("left out: 2 .tif, 2 files without", check.out)

    def test_a_folder_named_as_an_image(self):
        self.write("ant/1.jpg", "ant/2.jpg", "bee/1.jpg", "bee/2.jpg/in.jpg")
        self.assertEqual(sorted(item[0] for items in self.split().values() for item in items),
                         ["ant/1.jpg", "ant/2.jpg", "bee/1.jpg", "bee/2.jpg/in.jpg"])

    def test_order_of_sub_folders(self):
        """As torchvision.datasets.ImageFolder: by folder, then by name (tests/parity/test_folders.py)."""
        self.write("train/a/z.jpg", "train/a/b/2.jpg", "train/a/b-c/1.jpg", "train/a/b/d/0.jpg", "train/b/1.jpg", "test/a/1.jpg")
        self.assertEqual([item[0] for item in self.split()["train"]], ["train/a/z.jpg", "train/a/b/2.jpg", "train/a/b-c/1.jpg",
                                                                       "train/a/b/d/0.jpg", "train/b/1.jpg"])

    def test_parts_of_other_names(self):
        self.write("Training/a/1.jpg", "Training/b/1.jpg", "valid/a/2.jpg", "TEST/b/3.jpg", "extra/x.jpg")
        self.assertEqual(self.split(), {"train": [["Training/a/1.jpg", 0, "a"], ["Training/b/1.jpg", 1, "b"]],
                                        "val": [["valid/a/2.jpg", 0, "a"]], "test": [["TEST/b/3.jpg", 1, "b"]]})
        self.assertEqual(self.note(), "folder: left out beside the parts: 'extra'")
        (self.tmp / "own/Val").mkdir()
        words = ("data", "split", "--data", self.tmp / "own", "--dataset", "folder")
        self.check_error(run(*words), 1, r"data set 'folder': '/.*/own' has both 'Val' and 'valid': rename the one that is not meant")

    def test_a_class_called_train(self):
        self.write(*(f"{name}/{i}.jpg" for name in ("bus", "train") for i in range(4)))
        self.assertEqual({item[2] for items in self.split().values() for item in items}, {"bus", "train"})

    def test_a_folder_too_many(self):
        self.write("mine/ant/1.jpg", "mine/bee/1.jpg")
        words = ("data", "split", "--data", self.tmp / "own", "--dataset", "folder")
        self.check_error(run(*words), 1, r"data set 'folder': '/.*/own' has one folder, 'mine', which holds folders but no images: "
                                         r"is --data /.*/own/mine meant\?")
        self.write("parts/test/ant/1.jpg", "parts/val/ant/1.jpg")
        words = ("data", "split", "--data", self.tmp / "own/parts", "--dataset", "folder")
        self.check_error(run(*words), 1, r"data set 'folder': '/.*/own/parts' has test/ but no train/")

    def test_tiny_imagenet(self):
        """CLASS/images/*.JPEG, val/ by its annotations, test/ without labels; an id that is none of the thousand."""
        ids = (miniature.IDS[1][0], miniature.IDS[0][0], "n99999999")
        self.write(*(f"train/{id}/images/{id}_{i}.JPEG" for id in ids for i in range(2)),
                   *(f"val/images/val_{i}.JPEG" for i in range(3)), *(f"test/images/test_{i}.JPEG" for i in range(4)))
        own = self.tmp / "own"
        (own / "val/val_annotations.txt").write_text("".join(f"val_{i}.JPEG\t{id}\t0\t32\t44\t62\n" for i, id in enumerate(ids)))
        (own / "words.txt").write_text("n00001740\tentity\nn99999999\tunheard-of thing, nothing\n")
        lists = self.split()
        self.assertEqual(lists["test"], [["val/images/val_1.JPEG", 0, miniature.IDS[0][1]], ["val/images/val_0.JPEG", 1,
                                          miniature.IDS[1][1]], ["val/images/val_2.JPEG", 2, "unheard-of thing"]])
        self.assertEqual([item[:2] for item in lists["train"]],
                         [[f"train/{id}/images/{id}_{i}.JPEG", label] for label, id in enumerate(sorted(ids)) for i in range(2)])
        self.assertEqual(self.note(), "folder: 3 of 3 class folders are ImageNet's ids, their class names from the built-in table "
                         "and words.txt; 'test' has no class folders: its 4 images are left out; labels of 'val' from "
                         "val_annotations.txt; tests on val/, as there is no test/; 6 of 9 images in sub-folders of class "
                         "folders; left out: 1 .txt")

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

    def test_csv_columns(self):
        """By the header's names, in any order, case and separator, quoted or not; the same lists as pandas reads."""
        table = self.tmp / "own" / "list.csv"
        table.parent.mkdir()
        want = {"train": [["ant/1.jpg", 0, "ant"], ["bee/1.jpg", 1, "bee"]], "val": [["ant/2.jpg", 0, "ant"]],
                "test": [["bee/2.jpg", 1, "bee"]]}
        rows = [(path, label, name, part) for part, items in want.items() for path, label, name in items]
        parts = {"train": "Train", "val": "valid", "test": "TEST"}
        for header, cells in (
                ("path,label,name,split", lambda p, l, n, s: f"{p},{l},{n},{s}"),
                ("split,name,label,path", lambda p, l, n, s: f"{s},{n},{l},{p}"),
                ('"FilePath";"Class";"Split"', lambda p, l, n, s: f'"{p}";"{n}";"{parts[s]}"'),
                ("Name\tfile_name\tsplit\tlabel", lambda p, l, n, s: f"{n}\t{p}\t{parts[s]}\t{l}.0"),
                (" image , title , split ", lambda p, l, n, s: f" {p} , {n} , {s} "),
                (",path,class,name,split", lambda p, l, n, s: f"7,{p},{l},{n},{s}"),
                ("path,label,split", lambda p, l, n, s: f"{p},{n},{s}")):
            with self.subTest(header=header):
                end, mark = ("\r\n", "\ufeff") if header[0] == '"' else ("\r", "") if header[0] == " " else ("\n", "")
                table.write_text(mark + end.join([header, *(cells(*row) for row in rows)]) + end, encoding="utf-8", newline="")
                self.assertEqual(self.split("--set", f"data.split_file={table}", name="csv"), want)

    def test_csv_without_a_header(self):
        """A first picture whose name begins with path, or a class that is called label, is no header."""
        table = self.tmp / "own" / "list.csv"
        table.parent.mkdir()
        for first, second in (("path.jpg", "label"), ("path/1.png", "name"), ("paths1.jpg", "ant"), ("p1", "ant")):
            with self.subTest(first=first):
                table.write_text(f"{first},{second}\np2,{second}\n")
                lists = self.split("--set", f"data.split_file={table}", name="csv")
                self.assertEqual(sorted(item for items in lists.values() for item in items),
                                 sorted([[first, 0, second], ["p2", 0, second]]))

    def test_csv_notes(self):
        table = self.tmp / "own" / "list.csv"
        table.parent.mkdir()
        words = ("--set", f"data.split_file={table}")
        table.write_text("path,width,label,split\na.jpg,3,x,val\nb.jpg,3,x,train\n")
        self.assertEqual(self.note(*words, name="csv"), "csv: unused columns: 'width'; tests on val, as no row has the split "
                                                        "test")
        table.write_text(f"path,label\n{self.tmp.resolve()}/own/a.jpg,0\nb.jpg,0\n")
        self.assertEqual({item[0] for items in self.split(*words, name="csv").values() for item in items}, {"a.jpg", "b.jpg"})

    def test_refused(self):
        table = self.tmp / "list.csv"
        for text, pattern in (
                ("a.jpg,0,x\nb.jpg,0,y\n", r"/.*/list\.csv:2: label 0 is 'y' here and 'x' before"),
                ("a.jpg,0\nb.jpg,2\nc.jpg,2\n", r"/.*/list\.csv: label 1 has no image, but label 2 has"),
                ("a.jpg,0\n../b.jpg,0\n", r"/.*/list\.csv:2: the path '\.\./b\.jpg' climbs out of the image folder"),
                ("a.jpg,0\nb.jpg\n", r"/.*/list\.csv:2: expected 2 cells, as in the first row, found 1"),
                ("a.jpg,0\nb.jpg,x\n", r"/.*/list\.csv:2: expected a whole number from 0 as the label, .*, found 'x'"),
                ("a.jpg,0\n", r"/.*/list\.csv: class '0' has 1 image, too few for a train and a test list"),
                ("", r"/.*/list\.csv: no row with path and label")):
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
