# shellcheck shell=bash
# Shared by the scripts of tables and figures; sourced with the script's own arguments.
#
# grid TABLE [options]       runs prompt grid; PROMPT_DATA and PROMPT_MODEL replace --data and --model; --out is runs
#                            unless it is given
# $options                   the options that grid adds to its arguments
# $out                       the folder of the runs, where NAME.csv is written: --out, else $default_out, else runs
# $dry_run                   true if nothing is to be run or drawn
# columns NAME.csv PROGRAM   runs awk on a table's CSV; c["data_set"] is the number of the column of that name
# averages NAME.csv          prints its lines of averages, all over the same data sets: "series,x,over,MEASURE,..."
# data_sets NAME.csv         prints how many data sets the averages are over: "11", "3 of 11"
# note NAME.csv              prints how the runs differ from the paper's setting, for the foot of a figure
# plot FIGURE.gp OUT.svg TITLE NOTE IN.csv...   draws with gnuplot if it is installed
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
prompt=${PROMPT_BIN:-$root/build/prompt}
. "$root/scripts/lib/help.sh"

out=${default_out:-runs}
dry_run=false
options=()
[ -z "${PROMPT_DATA:-}" ] || options+=(--data "$PROMPT_DATA")
[ -z "${PROMPT_MODEL:-}" ] || options+=(--model "$PROMPT_MODEL")
arguments=("$@")
for ((i = 0; i < $#; i++)); do
    case ${arguments[i]} in
    -h | --help)
        print_help
        exit
        ;;
    --out) out=${arguments[i + 1]:-} ;;
    --out=*) out=${arguments[i]#--out=} ;;
    --dry-run) dry_run=true ;;
    esac
done
case " $* " in *" --out"[\ =]*) ;; *) options+=(--out "$out") ;; esac
export dry_run

if [ ! -x "$prompt" ]; then
    echo "$(basename "$0"): no program '$prompt': run scripts/setup.sh, or set PROMPT_BIN" >&2
    exit 1
fi

grid() {
    local table=$1
    shift
    "$prompt" grid --table "$table" "${options[@]}" "$@"
}

columns() { # only the last column, the labels, may be quoted with commas in it
    # shellcheck disable=SC2016 # awk's own variables
    awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) c[$i] = i; next }'"$2" "$1"
}

averages() { # if the rows have different data sets, the averages are over those that all have
    local kind='^average( \(HM of the averages\))?$'
    ! grep -q '^average over the data sets of all rows' "$1" || kind='^average over the data sets of all rows'
    # shellcheck disable=SC2016 # awk's own variables
    columns "$1" '
        $1 ~ /'"$kind"'/ {
            over = $c["n"] == $c["n_expected"] ? $c["n"] : $c["n"] " of " $c["n_expected"]
            m = "HM" in c ? $c["base"] "," $c["new"] "," $c["HM"] : $c["accuracy"]
            print $c["series"] "," $c["x"] "," over "," m
        }'
}

data_sets() {
    averages "$1" | awk -F, '$4 != "" && !n++ { over = $3 } END { print over == "" ? "no" : over }'
}

note() { # in lines that fit
    # shellcheck disable=SC2016 # awk's own variables
    columns "$1" 'NR == 2 {
        for (i = 1; i < c["other_settings"]; i++) sub(/[^,]*,/, "")
        gsub(/"/, "")
        if ($0 != "") print "Not the paper\47s setting: " $0
    }' | fold -s -w 90 | sed 's/ *$//'
}

plot() {
    local script=$1 svg=$2 title=$3 note=$4 csv inputs=()
    shift 4
    for csv in "$@"; do
        [ "$(wc -l <"$csv")" -lt 2 ] || inputs+=("$csv")
    done
    if [ ${#inputs[@]} -eq 0 ]; then
        echo "$(basename "$0"): no results to draw in $*, so $svg is not drawn" >&2
    elif ! command -v gnuplot >/dev/null; then
        echo "$(basename "$0"): gnuplot is not installed (Debian: apt-get install gnuplot-nox), so $svg is not drawn;" \
            "its numbers are in ${inputs[*]}" >&2
    else
        INPUT=${inputs[0]} LC_ALL=C.UTF-8 GNUPLOT_LIB=$root/scripts/plot \
            gnuplot -c "$root/scripts/plot/$script" "$svg" "$title" "$note" "${inputs[@]}"
        echo "wrote $svg" >&2
    fi
}
