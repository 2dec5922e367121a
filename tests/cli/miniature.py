"""Miniature copies of the data sets, in the layout that their users have on disk and with its quirks.

    make(root, "oxford_pets", n_classes=3, per_class=4, px=32)

writes images of px x px pixels, `per_class` for each class of train and of test and a third as many for val, and more of
some classes than of others. Every image is a PNG, whatever its name says. Imported, not a test.
"""

import json
import pathlib

import harness

IDS = harness.real_data.imagenet_classes()


def numbered(pattern):
    return lambda folder, label, number, serial: pattern.format(folder=folder, number=number, serial=serial)


def video(folder, label, number, serial):
    """The folder says Handstand, its videos HandStand."""
    return f"{folder}/v_{folder.replace('_', '').replace('Handstand', 'HandStand')}_g{number:02}_c01.jpg"


class Split:
    """A set with a split file; `classes` are (class name, what it is called in the paths)."""

    def __init__(self, folder, images, split_file, path, classes, by_number=False):
        self.folder, self.images, self.split_file = folder, images, split_file
        self.path, self.classes, self.by_number = path, classes, by_number

    def class_of(self, label):
        return self.classes[label] if label < len(self.classes) else (f"class_{label}", f"class_{label}")


SPLITS = {
    "caltech101": Split("caltech-101", "101_ObjectCategories", "split_zhou_Caltech101.json",
                        numbered("{folder}/image_{number:04}.jpg"),
                        [("face", "Faces"), ("leopard", "Leopards"), ("sea_horse", "sea_horse")]),
    "oxford_pets": Split("oxford_pets", "images", "split_zhou_OxfordPets.json", numbered("{folder}_{number}.jpg"),
                         [("abyssinian", "Abyssinian"), ("american_pit_bull_terrier", "american_pit_bull_terrier")]),
    "stanford_cars": Split("stanford_cars", ".", "split_zhou_StanfordCars.json",
                           numbered("cars_train/{serial:05}.jpg"),
                           [("2012 Ram C/V Cargo Van Minivan", ""),
                            ("2012 Bentley Continental Supersports Conv. Convertible", "")], by_number=True),
    "oxford_flowers": Split("oxford_flowers", "jpg", "split_zhou_OxfordFlowers.json",
                            numbered("image_{serial:05}.jpg"),
                            [("pink primrose", ""), ("bird of paradise", ""), ("colt's foot", "")], by_number=True),
    "food101": Split("food-101", "images", "split_zhou_Food101.json", numbered("{folder}/{serial}.JPG"),
                     [("cheese_plate", "cheese_plate"), ("cheesecake", "cheesecake")]),
    "sun397": Split("sun397", "SUN397", "split_zhou_SUN397.json", numbered("{folder}/sun_a{serial:015}.jpg"),
                    [("abbey", "a/abbey"), ("outdoor apartment_building", "a/apartment_building/outdoor")]),
    "dtd": Split("dtd", "images", "split_zhou_DescribableTextures.json", numbered("{folder}/{folder}_{number:04}.jpg"),
                 [("banded", "banded"), ("polka-dotted", "polka-dotted")]),
    "eurosat": Split("eurosat", "2750", "split_zhou_EuroSAT.json", numbered("{folder}/{folder}_{number}.jpg"),
                     [("Annual Crop Land", "AnnualCrop"), ("Highway or Road", "Highway")]),
    "ucf101": Split("ucf101", "UCF-101-midframes", "split_zhou_UCF101.json", video,
                    [("Hammering", "Hammering"), ("Hammer_Throw", "Hammer_Throw"),
                     ("Handstand_Pushups", "Handstand_Pushups")]),
}
VARIANTS = {
    "imagenetv2": "imagenetv2/imagenetv2-matched-frequency-format-val",
    "imagenet_sketch": "imagenet-sketch/images",
    "imagenet_a": "imagenet-adversarial/imagenet-a",
    "imagenet_r": "imagenet-rendition/imagenet-r",
}
NAMES = (*SPLITS, "fgvc_aircraft", "imagenet", *VARIANTS)
AIRCRAFT = ("707-320", "Embraer Legacy 600", "F-16A/B", "F/A-18")


def folder_of(name):
    """The set's folder below the root."""
    if name in SPLITS:
        return SPLITS[name].folder
    return VARIANTS[name].split("/")[0] if name in VARIANTS else name


def counts(label, per_class):
    """How many images of a class are in train, val and test."""
    return (("train", per_class + label % 3), ("val", max(1, per_class // 3)), ("test", per_class))


def write_image(path, label, number, px):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(harness.picture(label, number, (px, px)))


def make_split(root, spec, n_classes, per_class, px):
    lists, serial = {"train": [], "val": [], "test": []}, 0
    for label in range(n_classes):
        name, folder = spec.class_of(label)
        number = 0
        for part, n in counts(label, per_class):
            for _ in range(n):
                number, serial = number + 1, serial + 1
                # by number: classes alternate, and the first to appear is not label 0
                place = (number - 1) * n_classes + (n_classes - label) if spec.by_number else serial
                path = spec.path(folder, label, number, place)
                lists[part].append([path, label, name])
                write_image(root / spec.folder / spec.images / path, label, number, px)
    if spec.by_number:
        for items in lists.values():
            items.sort()
    with open(root / spec.folder / spec.split_file, "w", encoding="utf-8") as stream:
        # one item a line, so that an error's line can be asserted
        stream.write("{" + ",\n".join(
            f'"{part}": [\n' + ",\n".join(json.dumps(item) for item in items) + "\n]" for part, items in lists.items()))
        stream.write("}\n")


def make_aircraft(root, n_classes, per_class, px):
    folder, serial = root / "fgvc_aircraft", 34309
    names = [AIRCRAFT[i] if i < len(AIRCRAFT) else f"Model {i}" for i in range(n_classes)]
    lines = {"train": [], "val": [], "test": []}
    for number in range(per_class + 2):
        for label, name in enumerate(names):
            for part, n in counts(label, per_class):
                if number < n:
                    serial += 1
                    lines[part].append(f"{serial:07} {name}")
                    write_image(folder / "images" / f"{serial:07}.jpg", label, serial, px)
    (folder / "variants.txt").write_text("\n".join(names) + "\n", encoding="utf-8")
    (folder / "families.txt").write_text("Boeing 707\n", encoding="utf-8")
    for part, text in lines.items():
        end = "\r\n" if part == "val" else "\n"
        (folder / f"images_variant_{part}.txt").write_bytes((end.join(text) + end).encode())


def write_class_names(path, classes):
    path.write_text("".join(f"{id} {name}\n" for id, name in classes), encoding="utf-8")


def make_imagenet(root, n_classes, per_class, px):
    folder = root / "imagenet"
    for label, (id, _) in enumerate(IDS[:n_classes]):
        for number in range(counts(label, per_class)[0][1]):
            write_image(folder / "images/train" / id / f"{id}_{number * 7 + 3}.JPEG", label, number, px)
        for number in range(per_class):
            serial = (number * n_classes + label) * 37 % 50000 + 1
            write_image(folder / "images/val" / id / f"ILSVRC2012_val_{serial:08}.JPEG", label, 100 + number, px)
    write_class_names(folder / "classnames.txt", IDS[:n_classes])


def make_variant(root, name, n_classes, per_class, px):
    images = root / VARIANTS[name]
    step = 2 if name in ("imagenet_a", "imagenet_r") else 1  # some of the thousand
    classes = IDS[:step * n_classes:step]
    for label, (id, _) in enumerate(classes):
        folder = str(label) if name == "imagenetv2" else id
        for number in range(per_class):
            ending = "jpeg" if name == "imagenetv2" else "JPEG" if name == "imagenet_sketch" else "jpg"
            write_image(images / folder / f"{number:02}_{label}.{ending}", label, 200 + number, px)
    if step == 2:
        (images / "README.txt").write_text("not a class\n", encoding="utf-8")
    write_class_names(images.parent / "classnames.txt", classes)


def make(root, name, n_classes=4, per_class=4, px=32):
    """The folder `root` gets a miniature of the set `name`, one of NAMES."""
    root = pathlib.Path(root)
    if name in SPLITS:
        make_split(root, SPLITS[name], n_classes, per_class, px)
    elif name == "fgvc_aircraft":
        make_aircraft(root, n_classes, per_class, px)
    elif name == "imagenet":
        make_imagenet(root, n_classes, per_class, px)
    else:
        make_variant(root, name, n_classes, per_class, px)
