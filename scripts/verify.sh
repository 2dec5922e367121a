#!/usr/bin/env bash
# Compares CLIP's zero-shot accuracy with the published one, before days of training: of each data set that is there, on
# base, new and all classes.
# usage: scripts/verify.sh --data DIR --model FILE [--out verify] [--datasets LIST] [--tolerance POINTS] [options of prompt grid]
#
#   --datasets LIST      names, or all (default: all fifteen)
#   --tolerance POINTS   the largest difference that passes (default: 0.5)
#   --tables FILE        other tables than configs/tables.json; the published numbers are in paper.json beside it. The
#                        row CLIP of its tables 1 (base, new), 3 (ImageNet and its variants) and fewshot (the other sets)
#                        is evaluated
#
# The published numbers are those of OpenAI's ViT-B/16 with the template of each data set. Where none is published, "-"
# takes its place and nothing is judged. A difference is followed by what is known about its likely causes: weights,
# preprocessing, split and names, template. Ends with verify/verify.md; the exit status is 1 if a number differs, or if
# there was none to compare. Finished evaluations are kept: the same command resumes an interrupted one.
# shellcheck disable=SC2034 # lib/grid.sh reads it
default_out=verify
. "$(dirname "$0")/lib/grid.sh"

fail() {
    echo "verify.sh: $*" >&2
    exit "${status:-1}"
}

# ---------------------------------------------------------------- options

wanted=all
tolerance=0.5
data=${PROMPT_DATA:-}
model=${PROMPT_MODEL:-}
rest=()
while [ $# -gt 0 ]; do
    case $1 in
    --datasets=* | --tolerance=* | --data=* | --model=* | --out=*) set -- "${1%%=*}" "${1#*=}" "${@:2}" ;;
    esac
    case $1 in
    --datasets | --tolerance | --data | --model | --out)
        [ $# -gt 1 ] || status=2 fail "option '$1' needs a value; see scripts/verify.sh --help"
        case $1 in
        --datasets) wanted=$2 ;;
        --tolerance) tolerance=$2 ;;
        --data) data=$2 ;;
        --model) model=$2 ;; # --out is read by lib/grid.sh
        esac
        shift
        ;;
    *) rest+=("$1") ;;
    esac
    shift
done
[ -n "$data" ] || status=2 fail "no data: give --data DIR"
[ -n "$model" ] || status=2 fail "no model: give --model FILE"
[[ $tolerance =~ ^[0-9]+(\.[0-9]+)?$ ]] || status=2 fail "option '--tolerance': expected a number, found '$tolerance'"

# ---------------------------------------------------------------- evaluations

mkdir -p "$out"
list=$("$prompt" data list | awk 'NR > 1 && $1 != "folder" && $1 != "csv"')
known=$(awk '{ print $1 }' <<<"$list")
[ "$wanted" != all ] || wanted=$known
halves='' variants='' others=''
for name in ${wanted//,/ }; do
    grep -qx -- "$name" <<<"$known" || status=2 fail "unknown data set '$name'; prompt data list shows them"
    case $name in
    imagenet) halves+=,$name variants+=,$name ;;
    imagenet*) variants+=,$name ;;
    *) halves+=,$name others+=,$name ;;
    esac
done

failed=false
evaluate() { # evaluate TABLE NAME ,DATASET,...
    rm -f "$out/$2.csv"
    [ -n "$3" ] || return 0
    "$prompt" grid --table "$1" --out "$out" --data "$data" --model "$model" --methods CLIP --datasets "${3#,}" --name "$2" \
        "${rest[@]}" >"$out/$2.log" || failed=true
}
evaluate 1 verify-halves "$halves"
evaluate 3 verify-variants "$variants"
evaluate fewshot verify-others "$others"
if $dry_run; then
    cat "$out"/verify-*.log
    exit
fi

# "display name;classes;ours;published;difference;verdict" of each number that was measured
numbers() {
    local csv=$out/$1.csv
    [ -f "$csv" ] || return 0
    # shellcheck disable=SC2016 # awk's own variables
    columns "$csv" '
        function put(classes, key,    ours, published) {
            ours = $c[key]
            published = $c[key "_paper"]
            if (ours == "") return
            printf "%s;%s;%.2f;", $1, classes, ours
            if (published == "") print "-;-;-"
            else printf "%.2f;%+.2f;%s\n", published, ours - published, \
                (ours - published > '"$tolerance"' + 1e-9 || published - ours > '"$tolerance"' + 1e-9) ? "NO" : "yes"
        }
        $1 !~ /^average/ && "base" in c { put("base", "base"); put("new", "new") }
        $1 !~ /^average/ && "accuracy" in c { put("all", "accuracy") }'
}
measured=$(numbers verify-halves; numbers verify-variants; numbers verify-others)
found=$(awk '{ print $2 }' <<<"$list" | while read -r display; do grep -- "^$display;" <<<"$measured" || true; done)
[ -n "$found" ] || fail "nothing could be evaluated; see the messages above, and prompt data check --data '$data'"

# ---------------------------------------------------------------- causes

info=$("$prompt" model info "$model")
weights="not OpenAI's published ViT-B/16, but $(awk '/^architecture/ { sub(/^[^ ]+ +/, ""); a = $0 } /^SHA-256/ { s = $2 } END { print a ", SHA-256 " s }' <<<"$info")"
! grep -q "OpenAI's published ViT-B/16" <<<"$info" || weights="OpenAI's published ViT-B/16"
pixels=$(awk '/ px in patches / { getline; sub(/^ +/, ""); print; exit }' <<<"$info")

causes() { # causes DISPLAY_NAME CSV_NAME...
    local name template check line
    read -r name template < <(awk -v display="$1" '$2 == display { n = $1; $1 = $2 = $3 = $4 = $5 = $6 = ""; sub(/^ +/, ""); print n, $0 }' <<<"$list")
    check=$("$prompt" data check --data "$data" --dataset "$name" --quiet 2>/dev/null | tr -s ' ') || true
    echo "     weights: $weights"
    echo "     preprocessing: $pixels (OpenAI's: shortest, bicubic)"
    echo "     split and names: $check"
    echo "     template: '$template', unless --set zero_shot_template changes it"
    for line in "$out"/verify-*.csv; do
        note "$line"
    done | sort -u | sed 's/^/     /'
}

# ---------------------------------------------------------------- the report

report() {
    local display classes ours published difference verdict before='' n=0 wrong=0
    echo "| data set | classes | accuracy | published | difference | within $tolerance |"
    echo "| --- | --- | --- | --- | --- | --- |"
    sed 's/;/ | /g; s/.*/| & |/' <<<"$found"
    echo
    while IFS=';' read -r display classes ours published difference verdict; do
        [ "$verdict" = - ] || n=$((n + 1))
        [ "$verdict" = NO ] || continue
        wrong=$((wrong + 1))
        echo "NO:  $display, $classes classes: $ours, published $published ($difference)"
        [ "$display" = "$before" ] || causes "$display"
        before=$display
    done <<<"$found"
    if [ "$n" -eq 0 ]; then
        echo "NO:  no number of these data sets is published, so nothing was compared"
    elif [ "$wrong" -eq 0 ]; then
        echo "yes: all $n numbers are within $tolerance points of the published ones"
    else
        echo "NO:  $wrong of $n numbers differ by more than $tolerance points: find the cause before training"
    fi
}
report | tee "$out/verify.md"
! $failed || fail "some evaluations failed; the same command repeats them"
! grep -q '^NO: ' "$out/verify.md"
