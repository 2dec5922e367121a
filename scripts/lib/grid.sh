# Shared by the scripts of tables and figures; sourced with the script's own arguments.
#
# grid TABLE [options]   runs prompt grid; PROMPT_DATA and PROMPT_MODEL stand in for --data and --model, and --out is
#                        runs unless it is given
# table TABLE [options]  the same in place of the script, so that a signal to the script is one to the grid
# $out                   the folder of the runs, where NAME.csv ends up; $default_out, if the script sets it, or runs
# $dry_run               true if nothing is to be run or drawn
# columns NAME.csv PROGRAM   awk over a table's CSV; c["data_set"] is the number of the column of that name
# averages NAME.csv      its lines of averages, all over the same data sets: "series,x,over,label,MEASURE,..."
# plot SCRIPT TITLE ...  draws with gnuplot, if it is there
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
prompt=${PROMPT_BIN:-$root/build/prompt}

help() { # the comment at the head of the calling script
    sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"
    exit 0
}

out=${default_out:-runs}
dry_run=false
options=()
[ -z "${PROMPT_DATA:-}" ] || options+=(--data "$PROMPT_DATA")
[ -z "${PROMPT_MODEL:-}" ] || options+=(--model "$PROMPT_MODEL")
arguments=("$@")
for ((i = 0; i < $#; i++)); do
    case ${arguments[i]} in
    -h | --help) help ;;
    --out) out=${arguments[i + 1]:-} ;;
    --out=*) out=${arguments[i]#--out=} ;;
    --dry-run) dry_run=true ;;
    esac
done
case " $* " in *" --out"[\ =]*) ;; *) options+=(--out "$out") ;; esac

if [ ! -x "$prompt" ]; then
    echo "$(basename "$0"): no program '$prompt': run scripts/setup.sh, or set PROMPT_BIN" >&2
    exit 1
fi

grid() {
    local table=$1
    shift
    "$prompt" grid --table "$table" "${options[@]}" "$@"
}

table() {
    local table=$1
    shift
    exec "$prompt" grid --table "$table" "${options[@]}" "$@"
}

columns() { # only the last column, the labels, may be quoted with commas in it
    awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) c[$i] = i; next }'"$2" "$1"
}

averages() { # over what all rows have, if they differ
    local kind='^average( \(HM of the averages\))?$'
    ! grep -q '^average over what all rows have' "$1" || kind='^average over what all rows have'
    columns "$1" '
        $1 ~ /'"$kind"'/ {
            over = $c["n"] == $c["n_expected"] ? $c["n"] : $c["n"] " of " $c["n_expected"]
            label = ""
            for (i = c["other_settings"]; i <= NF; i++) label = label (label == "" ? "" : ";") $i
            gsub(/"/, "", label)
            m = "HM" in c ? $c["base"] "," $c["new"] "," $c["HM"] : $c["accuracy"]
            print $c["series"] "," $c["x"] "," over "," label "," m
        }'
}

title() { # TEXT NAME.csv: with the number of data sets and what makes it none of the paper's settings
    local over label
    over=$(averages "$2" | awk -F, '$5 != "" && !n++ { print $3 }')
    label=$(averages "$2" | awk -F, '$5 != "" && !n++ { print $4 }')
    echo "$1, average over ${over:-no} data sets${label:+; other than the paper: $label}"
}

plot() { # SCRIPT IN.csv OUT.svg TITLE
    if ! command -v gnuplot >/dev/null; then
        echo "$(basename "$0"): no gnuplot (Debian: apt-get install gnuplot-nox), so $3 is not drawn; its numbers are in $2" >&2
        return
    fi
    local quote="'" n_columns
    n_columns=$(head -n 1 "$2" | awk -F, '{ print NF }')
    gnuplot -e "input='${2//$quote/$quote$quote}'; output='${3//$quote/$quote$quote}'; n_columns=$n_columns;
        title='${4//$quote/$quote$quote}'" "$root/scripts/plot/$1"
    echo "wrote $3" >&2
}
