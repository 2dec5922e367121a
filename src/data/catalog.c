/* The table of data sets. */
#include "prompt/data/catalog.h"

#include <string.h>
#include <strings.h>

#include "prompt/base/str.h"

#define COOP "split file: CoOp's DATASETS.md; both: huggingface.co/zhengli97/prompt_learning_dataset"
#define IMAGENET_NAMES_DIGEST "8800e39242cbed4c"

/* clang-format off */
const struct catalog_entry catalog[] = {
    {"imagenet", "ImageNet", CATALOG_MAIN, LAYOUT_IMAGENET,
     {"imagenet", "ImageNet", "ILSVRC"}, {"images", ".", "ILSVRC/Data/CLS-LOC", "Data/CLS-LOC"}, NULL,
     "a photo of a {}.", 1000, 1281167, 0, 50000, IMAGENET_NAMES_DIGEST,
     "image-net.org, ILSVRC2012, after registration, or Kaggle's imagenet-object-localization-challenge"},
    {"caltech101", "Caltech101", CATALOG_MAIN, LAYOUT_SPLIT,
     {"caltech-101", "Caltech101", "caltech101"},
     {"101_ObjectCategories", "caltech-101/101_ObjectCategories", "."}, "split_zhou_Caltech101.json",
     "a photo of a {}.", 100, 4128, 1649, 2465, "04030f9999682bef",
     "images: data.caltech.edu/records/mzrjq-6wc02; " COOP},
    {"oxford_pets", "OxfordPets", CATALOG_MAIN, LAYOUT_SPLIT,
     {"oxford_pets", "OxfordPets", "pets", "oxford-iiit-pet"}, {"images", "."}, "split_zhou_OxfordPets.json",
     "a photo of a {}, a type of pet.", 37, 2944, 736, 3669, "956787e7fabada0b",
     "images: images.tar.gz of robots.ox.ac.uk/~vgg/data/pets; " COOP},
    {"stanford_cars", "StanfordCars", CATALOG_MAIN, LAYOUT_SPLIT,
     {"stanford_cars", "StanfordCars", "cars"}, {"."}, "split_zhou_StanfordCars.json",
     "a photo of a {}.", 196, 6509, 1635, 8041, "538c706e79b29f52",
     "the original server is gone; " COOP},
    {"oxford_flowers", "Flowers102", CATALOG_MAIN, LAYOUT_SPLIT,
     {"oxford_flowers", "Flower102", "Flowers102", "flowers-102"}, {"jpg", "102flowers/jpg", "."},
     "split_zhou_OxfordFlowers.json",
     "a photo of a {}, a type of flower.", 102, 4093, 1633, 2463, "b82464f0bfb4f814",
     "images: 102flowers.tgz of robots.ox.ac.uk/~vgg/data/flowers/102; " COOP},
    {"food101", "Food101", CATALOG_MAIN, LAYOUT_SPLIT,
     {"food-101", "Food101", "food101"}, {"images", "."}, "split_zhou_Food101.json",
     "a photo of {}, a type of food.", 101, 50500, 20200, 30300, "e2d699f9b5f65fb9",
     "images: food-101.tar.gz of data.vision.ee.ethz.ch/cvl; " COOP},
    {"fgvc_aircraft", "FGVCAircraft", CATALOG_MAIN, LAYOUT_AIRCRAFT,
     {"fgvc_aircraft", "fgvc-aircraft-2013b", "FGVCAircraft"}, {"images", "data/images"}, NULL,
     "a photo of a {}, a type of aircraft.", 100, 3334, 3333, 3333, "6e14e778b0a7c94c",
     "fgvc-aircraft-2013b.tar.gz of robots.ox.ac.uk/~vgg/data/fgvc-aircraft"},
    {"sun397", "SUN397", CATALOG_MAIN, LAYOUT_SPLIT,
     {"sun397", "SUN397"}, {"SUN397", "SUN397/SUN397", "."}, "split_zhou_SUN397.json",
     "a photo of a {}.", 397, 15880, 3970, 19850, "299af56c243af7fe",
     "the original server is gone; " COOP},
    {"dtd", "DTD", CATALOG_MAIN, LAYOUT_SPLIT,
     {"dtd", "DTD"}, {"images", "dtd/images", "."}, "split_zhou_DescribableTextures.json",
     "{} texture.", 47, 2820, 1128, 1692, "b5a36bd7012d5b01",
     "images: dtd-r1.0.1.tar.gz of robots.ox.ac.uk/~vgg/data/dtd; " COOP},
    {"eurosat", "EuroSAT", CATALOG_MAIN, LAYOUT_SPLIT,
     {"eurosat", "EuroSAT"}, {"2750", "EuroSAT_RGB", "EuroSAT", "."}, "split_zhou_EuroSAT.json",
     "a centered satellite photo of {}.", 10, 13500, 5400, 8100, "c21a85e1ff819917",
     "images: zenodo.org/records/7711810; " COOP},
    {"ucf101", "UCF101", CATALOG_MAIN, LAYOUT_SPLIT,
     {"ucf101", "UCF101"}, {"UCF-101-midframes", "UCF-101", "."}, "split_zhou_UCF101.json",
     "a photo of a person doing {}.", 101, 7639, 1898, 3783, "de6f552cdc00cf3b",
     "images: UCF-101-midframes.zip in CoOp's DATASETS.md; " COOP},
    {"imagenetv2", "ImageNetV2", CATALOG_VARIANT, LAYOUT_VARIANT,
     {"imagenetv2", "imagenetv2-matched-frequency-format-val"},
     {"imagenetv2-matched-frequency-format-val", "."}, NULL,
     "a photo of a {}.", 1000, 0, 0, 10000, IMAGENET_NAMES_DIGEST,
     "imagenetv2-matched-frequency.tar.gz of huggingface.co/datasets/vaishaal/ImageNetV2"},
    {"imagenet_sketch", "ImageNet-Sketch", CATALOG_VARIANT, LAYOUT_VARIANT,
     {"imagenet-sketch", "ImageNet-Sketch"}, {"images", "sketch", "."}, NULL,
     "a photo of a {}.", 1000, 0, 0, 50889, IMAGENET_NAMES_DIGEST,
     "github.com/HaohanWang/ImageNet-Sketch"},
    {"imagenet_a", "ImageNet-A", CATALOG_VARIANT, LAYOUT_VARIANT,
     {"imagenet-adversarial", "imagenet-a"}, {"imagenet-a", "."}, NULL,
     "a photo of a {}.", 200, 0, 0, 7500, "07d6ef5fdc8f6f34",
     "imagenet-a.tar, github.com/hendrycks/natural-adv-examples"},
    {"imagenet_r", "ImageNet-R", CATALOG_VARIANT, LAYOUT_VARIANT,
     {"imagenet-rendition", "imagenet-r"}, {"imagenet-r", "."}, NULL,
     "a photo of a {}.", 200, 0, 0, 30000, "2d2c64759075b9bc",
     "imagenet-r.tar, github.com/hendrycks/imagenet-r"},
    {"folder", "folder", CATALOG_OWN, LAYOUT_FOLDER, {"."}, {"."}, NULL,
     "a photo of a {}.", 0, 0, 0, 0, NULL, NULL},
    {"csv", "csv", CATALOG_OWN, LAYOUT_CSV, {"."}, {"."}, NULL,
     "a photo of a {}.", 0, 0, 0, 0, NULL, NULL},
    {0},
};
/* clang-format on */

enum { N_ENTRIES = sizeof catalog / sizeof catalog[0] - 1 };

const struct catalog_entry *catalog_get(const char *name)
{
    for (size_t i = 0; i < N_ENTRIES; i++)
        if (strcmp(name, catalog[i].name) == 0)
            return &catalog[i];
    return NULL;
}

int catalog_find(const struct catalog_entry **out, const char *name)
{
    *out = catalog_get(name);
    if (*out)
        return OK;
    const char *names[N_ENTRIES];
    for (size_t i = 0; i < N_ENTRIES; i++)
        names[i] = catalog[i].name;
    const char *nearest = str_nearest(name, names, N_ENTRIES);
    for (size_t i = 0; i < N_ENTRIES; i++)
        if (strcasecmp(name, catalog[i].display_name) == 0)
            nearest = catalog[i].name;
    if (nearest)
        return error_set(ERR_USAGE, "unknown data set '%s', did you mean '%s'?", name, nearest);
    struct str known = {0};
    for (size_t i = 0; i < N_ENTRIES; i++)
        str_appendf(&known, "%s%s", i ? ", " : "", names[i]);
    int status = error_set(ERR_USAGE, "unknown data set '%s', expected one of: %s", name, str_text(&known));
    str_free(&known);
    return status;
}
