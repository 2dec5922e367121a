# shellcheck shell=bash
# Shared by fetch_data.sh, fetch_merges.sh and fetch_weights.sh; sourced.
#
# A download is written to FILE.part and resumed where it stopped. It is named FILE once its checksum is right.
. "$(dirname "${BASH_SOURCE[0]}")/help.sh"

say() { echo "${0##*/}: $*"; }
fail() {
    echo "${0##*/}: $*" >&2
    exit 1
}

# read_words "OPTION ..." WORD...: sets dir to the first word, names to the others, and the variable of each --option given
read_words() {
    local word option known=" $1 "
    for option in $1; do printf -v "${option//-/_}" %s ''; done
    shift
    dir=
    names=()
    for word in "$@"; do
        option=${word#--}
        case $word in
        --help | -h)
            print_help
            exit
            ;;
        -*)
            case $word in --?*) ;; *) option=$word ;; esac
            [ "$known" != "${known/ $option /}" ] || fail "unknown option '$word'; see --help"
            printf -v "${option//-/_}" %s yes
            ;;
        *) if [ -z "$dir" ]; then dir=$word; else names+=("$word"); fi ;;
        esac
    done
    [ -n "$dir" ] || fail "expected a folder; see --help"
}

need() {
    for tool in "$@"; do
        command -v "$tool" > /dev/null || fail "'$tool' is needed, install it first"
    done
}

# checksum KIND:HEX FILE: whether the file has this checksum; KIND is md5 or sha256, "-" is an unknown checksum
checksum() {
    case $1 in
    -) return 0 ;;
    esac
    [ "$("${1%%:*}sum" "$2" | cut -d ' ' -f 1)" = "${1#*:}" ]
}

# download ADDRESS FILE: resumes where an earlier one stopped; a server that cannot resume sends the whole file again
download() {
    local had_part=
    [ ! -s "$2" ] || had_part=yes
    curl --fail --location --retry 3 --continue-at - --silent --show-error --output "$2" "$1" && return
    [ -n "$had_part" ] || return 1
    rm -f "$2"
    curl --fail --location --retry 3 --silent --show-error --output "$2" "$1"
}

# fetch ADDRESS FILE CHECKSUM: if PROMPT_MIRROR is set, the file comes from that address, by its name
fetch() {
    local address=$1 file=$2 sum=$3
    [ -z "${PROMPT_MIRROR:-}" ] || address=$PROMPT_MIRROR/${file##*/}
    if [ -n "$dry_run" ]; then
        say "would fetch $address (checksum $sum)"
        return
    fi
    if [ ! -f "$file" ]; then
        say "fetching $address"
        download "$address" "$file.part" || fail "cannot fetch $address; run again to resume, or put the file at $file"
        # servers answer with a page after too many downloads, or to ask for a log-in
        if head -c 200 "$file.part" | grep -qi '<html\|<!doctype'; then
            rm -f "$file.part"
            fail "$address gave a web page, not the file: fetch it with a browser and put it at $file"
        fi
        mv "$file.part" "$file" || fail "cannot write $file"
    fi
    if ! checksum "$sum" "$file"; then
        mv -f "$file" "$file.bad"
        fail "$file.bad has another checksum than $sum: an incomplete or changed file"
    fi
    [ "$sum" != - ] || say "no published checksum is known for ${file##*/}"
}
