#!/usr/bin/env bash
# The program under address, leak and undefined-behaviour sanitizers: training, evaluation with each of its options once,
# every kind of bad input, and trainings on three ranks of which one ends and one fails.
# PROMPT_ASAN_BIN is a build of preset asan. A leak or a fault changes the exit status that the tests expect to 99.
# Nothing of libtorch's (2.13, CPU) had to be suppressed.
set -euo pipefail
cd "$(dirname "$0")"

skip() {
    if [ "${PROMPT_REQUIRE_PARITY:-}" = 1 ]; then
        echo "PROMPT_REQUIRE_PARITY=1, but $1"
        exit 1
    fi
    echo "skipped: $1"
    exit 77
}
[ -n "${PROMPT_ASAN_BIN:-}" ] || skip "PROMPT_ASAN_BIN, a program built by preset asan, is not set"
[ -x "$PROMPT_ASAN_BIN" ] || { echo "PROMPT_ASAN_BIN: no program '$PROMPT_ASAN_BIN'"; exit 1; }
grep -q __asan_init "$PROMPT_ASAN_BIN" || { echo "'$PROMPT_ASAN_BIN' is not built with sanitizers"; exit 1; }

export PROMPT_BIN=$PROMPT_ASAN_BIN
export ASAN_OPTIONS=detect_leaks=1:exitcode=99:strict_string_checks=1:detect_stack_use_after_return=1
export LSAN_OPTIONS=exitcode=99:report_objects=0
export UBSAN_OPTIONS=print_stacktrace=1:exitcode=99

# A leak must be seen at all: some machines do not let the leak sanitizer look.
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
echo 'int main(void) { char *volatile p = __builtin_malloc(7); p = 0; return p != 0; }' >"$folder/leak.c"
"${CC:-cc}" -fsanitize=address -o "$folder/leak" "$folder/leak.c" || skip "no compiler with -fsanitize=address"
status=0
"$folder/leak" 2>"$folder/log" || status=$?
[ $status -eq 99 ] || { cat "$folder/log"; skip "the leak sanitizer finds nothing here (status $status)"; }

# Side by side: most of the time the leak sanitizer looks through libtorch's memory, on one core.
# stop_at.c cannot be preloaded before the sanitizers' own library, so these two of test_resume.py alone
python3 test_bad_input.py &
bad_input=$!
trap 'kill $bad_input; rm -rf "$folder"' EXIT
end=0
ended() { [ "$1" -eq 0 ] || [ $end -eq 1 ] || { [ "$1" -eq 77 ] && end=77 || end=1; }; } # a failure counts before a skip
status=0
# of test_protocol.py those that are left take the same paths with other values
python3 test_protocol.py Results.test_table_on_stdout Results.test_json_to_a_pipe_and_through_a_link \
    Results.test_records_in_the_run_folder_and_by_json Results.test_per_class_numbers \
    Results.test_class_without_test_images Results.test_unfinished_and_untrained_records \
    Results.test_limit_spreads_over_the_list Results.test_skipping_of_bad_images_is_no_retraining \
    BeforeTheFirstStep.test_dry_run_tells_the_cost_and_writes_nothing \
    BeforeTheFirstStep.test_printed_configuration_comes_back BeforeTheFirstStep.test_force_replaces_a_run || status=$?
ended $status
status=0
python3 test_resume.py Stopped.test_by_max_steps_and_resumed Stopped.test_by_ctrl_c_from_outside || status=$?
ended $status
status=0
# without leaks, for which Open MPI's own would have to be known by whole stacks: too slow (tests/CMakeLists.txt)
ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0 python3 test_mpi.py Ranks.test_ranks_that_lose_their_pictures_end_the_job || status=$?
ended $status
status=0
wait $bad_input || status=$?
trap 'rm -rf "$folder"' EXIT # nobody is left to stop: a kill that fails would be the status of the whole
ended $status
exit $end
