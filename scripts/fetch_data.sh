#!/usr/bin/env bash
# Fetches the data sets that are publicly available into the layout that prompt reads, and lists what must be fetched by hand.
# usage: scripts/fetch_data.sh [--dry-run] [--keep] DIR [NAME...]
#
#   --dry-run  only list what would be fetched
#   --keep     keep the archives, in DIR/.download
#
# NAME is a name of prompt data list; without one, all data sets are fetched. Existing data sets are left alone, an
# interrupted download is resumed, and a data set appears in its folder only when it is complete. Checksums are compared
# where the publisher or torchvision states one. PROMPT_MIRROR=ADDRESS replaces every address: it must have the files by
# their names. Afterwards prompt data check --data DIR compares the numbers of images and the class names with the
# published ones.
set -euo pipefail
. "$(dirname "$0")/lib/fetch.sh"

drive="https://drive.usercontent.google.com/download?export=download&confirm=t&id="
oxford=https://www.robots.ox.ac.uk/~vgg/data
hendrycks=https://people.eecs.berkeley.edu/~hendrycks

# Columns: data set; target below DIR; file; its part that becomes the target ("-": the file itself; a!b: b of the
# archive a in the file); checksum; address. The split files are those that CoOp's DATASETS.md links to.
table="
caltech101      caltech-101/101_ObjectCategories   caltech-101.zip   caltech-101/101_ObjectCategories.tar.gz!101_ObjectCategories   md5:3138e1922a9193bfa496528edbbc45d0   https://data.caltech.edu/records/mzrjq-6wc02/files/caltech-101.zip
caltech101      caltech-101/split_zhou_Caltech101.json   split_zhou_Caltech101.json   -   md5:6938308836e35339f6988c56596feeec   ${drive}1hyarUivQE36mY6jSomru6Fjd-JzwcCzN
oxford_pets     oxford_pets/images   images.tar.gz   images   md5:5c4f3ee8e5d25df40f4fd59a7f44e54c   $oxford/pets/data/images.tar.gz
oxford_pets     oxford_pets/split_zhou_OxfordPets.json   split_zhou_OxfordPets.json   -   -   ${drive}1501r8Ber4nNKvmlFVQZ8SeUHTcdTTEqs
stanford_cars   stanford_cars/split_zhou_StanfordCars.json   split_zhou_StanfordCars.json   -   -   ${drive}1ObCFbaAgVu0I-k_Au-gIUcefirdAuizT
oxford_flowers  oxford_flowers/jpg   102flowers.tgz   jpg   md5:52808999861908f626f3c1f4e79d11fa   $oxford/flowers/102/102flowers.tgz
oxford_flowers  oxford_flowers/split_zhou_OxfordFlowers.json   split_zhou_OxfordFlowers.json   -   -   ${drive}1Pp0sRXzZFZq15zVOzKjKBu4A9i01nozT
food101         food-101/images   food-101.tar.gz   food-101/images   md5:85eeb15f3717b99a5da872d97d918f87   http://data.vision.ee.ethz.ch/cvl/food-101.tar.gz
food101         food-101/split_zhou_Food101.json   split_zhou_Food101.json   -   -   ${drive}1QK0tGi096I0Ba6kggatX1ee6dJFIcEJl
fgvc_aircraft   fgvc_aircraft   fgvc-aircraft-2013b.tar.gz   fgvc-aircraft-2013b/data   -   $oxford/fgvc-aircraft/archives/fgvc-aircraft-2013b.tar.gz
sun397          sun397/split_zhou_SUN397.json   split_zhou_SUN397.json   -   -   ${drive}1y2RD81BYuiyvebdN-JymPfyWYcd8_MUq
dtd             dtd/images   dtd-r1.0.1.tar.gz   dtd/images   md5:fff73e5086ae6bdbea199a49dfb8a4c1   $oxford/dtd/download/dtd-r1.0.1.tar.gz
dtd             dtd/split_zhou_DescribableTextures.json   split_zhou_DescribableTextures.json   -   -   ${drive}1u3_QfB467jqHgNXC00UIzbLZRQCg2S7x
eurosat         eurosat/2750   EuroSAT.zip   2750   md5:c8fa014336c82ac7804f0398fcb19387   https://huggingface.co/datasets/torchgeo/eurosat/resolve/c877bcd43f099cd0196738f714544e355477f3fd/EuroSAT.zip
eurosat         eurosat/split_zhou_EuroSAT.json   split_zhou_EuroSAT.json   -   -   ${drive}1Ip7yaCWFi0eaOFUGga0lUdVi_DDQth1o
ucf101          ucf101/UCF-101-midframes   UCF-101-midframes.zip   UCF-101-midframes   -   ${drive}10Jqome3vtUA2keJkNanAiFpgbyC9Hc2O
ucf101          ucf101/split_zhou_UCF101.json   split_zhou_UCF101.json   -   -   ${drive}1I0S0q91hJfsV9Gf4xDIjgDq4AqBNJb1y
imagenetv2      imagenetv2/imagenetv2-matched-frequency-format-val   imagenetv2-matched-frequency.tar.gz   imagenetv2-matched-frequency-format-val   -   https://huggingface.co/datasets/vaishaal/ImageNetV2/resolve/main/imagenetv2-matched-frequency.tar.gz
imagenet_a      imagenet-adversarial/imagenet-a   imagenet-a.tar   imagenet-a   md5:c3e55429088dc681f30d81f4726b6595   $hendrycks/imagenet-a.tar
imagenet_r      imagenet-rendition/imagenet-r   imagenet-r.tar   imagenet-r   md5:a61312130a589d0ca1a8fca1f2bd3337   $hendrycks/imagenet-r.tar
"

# Columns: data set, target, what to do.
mirror=huggingface.co/zhengli97/prompt_learning_dataset
by_hand="
imagenet         imagenet/images       ILSVRC2012 from image-net.org (after registration): train/ and val/ with a folder for each id
stanford_cars    stanford_cars/cars_train   the original server is gone: cars_train/ and cars_test/ from $mirror
sun397           sun397/SUN397         the original server is gone: SUN397/ from $mirror
imagenet_sketch  imagenet-sketch/images   github.com/HaohanWang/ImageNet-Sketch: its sketch/ or images/
"

failed=()
read_words "dry-run keep" "$@"
known=$(printf '%s\n%s\n' "$table" "$by_hand" | awk 'NF { print $1 }' | sort -u)
[ ${#names[@]} -gt 0 ] || mapfile -t names <<< "$known"
for name in "${names[@]}"; do
    grep -qx -- "$name" <<< "$known" || fail "unknown data set '$name', expected one of: $(tr '\n' ' ' <<< "$known")"
done
need curl tar md5sum awk

is_wanted() { printf '%s\n' "${names[@]}" | grep -qx -- "$1"; }

# unpack ARCHIVE FOLDER
unpack() {
    mkdir -p "$2"
    case $1 in
    *.zip) if command -v unzip > /dev/null; then unzip -q -o "$1" -d "$2"; else python3 -m zipfile -e "$1" "$2"; fi ;;
    *) tar -xf "$1" -C "$2" ;;
    esac || fail "cannot unpack '$1'"
}

# place FILE PART TARGET: makes a part of the archive the target
place() {
    local file=$1 part=$2 target=$3 folder=$downloads/unpacked
    mkdir -p "$(dirname "$target")"
    if [ "$part" = - ]; then
        mv "$file" "$target" || fail "cannot write '$target'"
        return
    fi
    rm -rf "$folder"
    unpack "$file" "$folder"
    if [ "$part" != "${part#*!}" ]; then
        unpack "$folder/${part%%!*}" "$folder/inner"
        part=inner/${part#*!}
    fi
    [ -e "$folder/$part" ] || fail "'$file' does not hold '$part': is it a different archive?"
    mv "$folder/$part" "$target" || fail "cannot write '$target'"
    rm -rf "$folder"
    [ -n "$keep" ] || rm -f "$file"
}

downloads=$dir/.download
[ -n "$dry_run" ] || mkdir -p "$downloads"
while read -r name target file part sum address; do
    if [ -z "$name" ] || ! is_wanted "$name"; then continue; fi
    if [ -e "$dir/$target" ]; then
        say "$name: $target exists"
        continue
    fi
    # in a subshell, so that after a failure the others are still fetched
    if ! (
        fetch "$address" "$downloads/$file" "$sum"
        [ -n "$dry_run" ] || place "$downloads/$file" "$part" "$dir/$target"
    ); then
        failed+=("$target")
    fi
done <<< "$table"
[ -n "$dry_run" ] || rmdir "$downloads" 2> /dev/null || true # it is not empty if archives are kept

while read -r name target text; do
    if [ -z "$name" ] || ! is_wanted "$name" || [ -e "$dir/$target" ]; then continue; fi
    say "by hand: $name: $text, at $dir/$target"
done <<< "$by_hand"
[ ${#failed[@]} -eq 0 ] || fail "not fetched: ${failed[*]}"
