# What fetch_data.sh and fetch_weights.sh share; sourced, not run.
#
# A download goes to FILE.part, is continued where it stopped, compared with its checksum, and only then named FILE.

say() { echo "${0##*/}: $*"; }
fail() {
    echo "${0##*/}: $*" >&2
    exit 1
}

# the lines of the script's own head, as its help
usage() { sed -n '2,/^set -/{/^set -/d;s/^# \{0,1\}//p}' "$0"; }

# read_words "OPTION ..." WORD...: sets dir to the first word, names to the others, and a variable for each --option
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
            usage
            exit 0
            ;;
        -*)
            [ "$word" != "$option" ] && [ "$known" != "${known/ $option /}" ] || fail "unknown option '$word'; see --help"
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

# checksum KIND:HEX FILE: whether the file has it; KIND is md5 or sha256, "-" is not known
checksum() {
    case $1 in
    -) return 0 ;;
    esac
    [ "$("${1%%:*}sum" "$2" | cut -d ' ' -f 1)" = "${1#*:}" ]
}

# download ADDRESS FILE: goes on where an earlier one stopped; a server that cannot do that sends the whole file again
download() {
    local had_part=
    [ ! -s "$2" ] || had_part=yes
    curl --fail --location --retry 3 --continue-at - --silent --show-error --output "$2" "$1" && return
    [ -n "$had_part" ] || return 1
    rm -f "$2"
    curl --fail --location --retry 3 --silent --show-error --output "$2" "$1"
}

# fetch ADDRESS FILE CHECKSUM; PROMPT_MIRROR (an address) has the files by their names, in place of every address
fetch() {
    local address=$1 file=$2 sum=$3
    [ -z "${PROMPT_MIRROR:-}" ] || address=$PROMPT_MIRROR/${file##*/}
    if [ -n "$dry_run" ]; then
        say "would fetch $address (checksum $sum)"
        return
    fi
    if [ ! -f "$file" ]; then
        say "fetching $address"
        download "$address" "$file.part" || fail "cannot fetch $address; run again to go on, or put the file at $file"
        # a page in place of a file: too many downloads, a log-in
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
