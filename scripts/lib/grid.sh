# Shared by the scripts of tables and figures; sourced with the script's own arguments.
#
# grid TABLE [options]   runs prompt grid; PROMPT_DATA and PROMPT_MODEL stand in for --data and --model, and --out is
#                        runs unless it is given
# $out                   the folder of the runs, where TABLE.csv ends up
# $dry_run               true if nothing is to be run or drawn
# plot SCRIPT TITLE ...  draws with gnuplot, if it is there
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
prompt=${PROMPT_BIN:-$root/build/prompt}

help() { # the comment at the head of the calling script
    sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"
    exit 0
}

out=runs
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

plot() { # SCRIPT IN.csv OUT.svg TITLE
    if ! command -v gnuplot >/dev/null; then
        echo "$(basename "$0"): no gnuplot (Debian: apt-get install gnuplot-nox), so $3 is not drawn; its numbers are in $2" >&2
        return
    fi
    gnuplot -e "input='$2'; output='$3'; title='$4'" "$root/scripts/plot/$1"
    echo "wrote $3" >&2
}
