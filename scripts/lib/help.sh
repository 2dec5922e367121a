# shellcheck shell=bash
# Shared by all scripts; sourced before the folder is changed.
script=$(realpath "$0")

# print_help: prints the comment at the head of the calling script.
print_help() { sed -n '2,${
    /^#/!q
    s/^# \{0,1\}//p
}' "$script"; }
