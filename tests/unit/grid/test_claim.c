/* Who works on a run: one process, living or not, here or elsewhere. */
#include "report_files.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "prompt/base/dir.h"
#include "prompt/grid/claim.h"

/* The linker gives all of the program these. Renames that are still to be denied after they were done, as by a
 * file server whose answer was lost; seconds by which the clock of this machine is fast. */
static int n_denied;
static int64_t fast_s;
int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);
time_t __real_time(time_t *out);
time_t __wrap_time(time_t *out);

int __wrap_rename(const char *from, const char *to)
{
    const int status = __real_rename(from, to);
    if (status != 0 || n_denied == 0)
        return status;
    n_denied--;
    errno = ENOENT;
    return -1;
}

time_t __wrap_time(time_t *out)
{
    const time_t now = __real_time(NULL) + fast_s;
    if (out)
        *out = now;
    return now;
}

/* A claim of another machine's process, `age_s` old. */
static void put_foreign(const char *run, const char *job, int64_t restarts, int age_s)
{
    char *name = str_format(RUN_CLAIM_DIR "/far,77,%s,1700000000,0badb007-9,55,%" PRId64, job, restarts);
    put_text(run, name, "");
    char *path = path_join(run, name);
    const struct timespec then = {.tv_sec = time(NULL) - age_s};
    assert_int_equal(utimensat(AT_FDCWD, path, (struct timespec[]){then, then}, 0), 0);
    free(path);
    free(name);
}

static int take(struct claim *c, const char *run, claim_job_fn *runs_job)
{
    struct claim_owner by = {0};
    return claim_take(c, &by, run, runs_job);
}

static size_t n_entries(const char *dir)
{
    struct str_list names = {0};
    must(dir_list(&names, dir));
    const size_t n = names.n;
    str_list_free(&names);
    return n;
}

static void test_claim__one_has_it_until_it_is_given_back(void **state)
{
    struct claim c, second;
    struct claim_owner by = {0};
    bool is_claimed = true;
    must(claim_look(&is_claimed, &by, *state, NULL));
    assert_false(is_claimed);
    must(take(&c, *state, NULL));
    assert_int_equal(claim_take(&second, &by, *state, NULL), ERR_BUSY);
    assert_non_null(strstr(error_message(), "is in use by another process ("));
    assert_int_equal(by.pid, getpid());
    must(claim_look(&is_claimed, &by, *state, NULL));
    assert_true(is_claimed && by.is_alive && by.pid == getpid());
    assert_true(llabs(by.since - time(NULL)) < 60);
    claim_release(&c);
    assert_int_equal(n_entries(*state), 0);
    must(take(&c, *state, NULL));
    claim_release(&c);
}

static void test_claim__a_dead_process_of_this_machine_has_nothing(void **state)
{
    struct claim c;
    const pid_t child = fork();
    if (child == 0)
        _exit(take(&c, *state, NULL) == OK ? 0 : 1);
    int how = -1;
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_int_equal(how, 0);
    must(take(&c, *state, NULL));
    claim_release(&c);
    assert_int_equal(n_entries(*state), 0);
}

static bool job_runs(const char *job)
{
    return strcmp(job, "12_3") == 0;
}

static void test_claim__of_another_machine_the_age_decides_and_slurm(void **state)
{
    static const struct {
        const char *job;
        int age_s;
        bool is_dead;
    } cases[] = {
        {"", 2, false},
        {"", CLAIM_STALE_S - 20, false},
        {"", CLAIM_STALE_S + 20, true},
        {"12_3", CLAIM_STALE_S - 20, false},
        {"12_3", CLAIM_STALE_S + 20, true},
        {"12_4", CLAIM_JOB_S - 20, false},
        {"12_4", CLAIM_JOB_S + 20, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct claim c;
        put_foreign(*state, cases[i].job, 0, cases[i].age_s);
        const int status = take(&c, *state, job_runs);
        assert_int_equal(status, cases[i].is_dead ? OK : ERR_BUSY);
        claim_release(&c);
        char *dir = path_join(*state, RUN_CLAIM_DIR);
        must(file_remove_tree(dir));
        free(dir);
        assert_int_equal(n_entries(*state), 0); /* no offer is left either */
    }
}

static void test_claim__without_slurm_a_job_may_run(void **state)
{
    struct claim c;
    put_foreign(*state, "12_4", 0, CLAIM_JOB_S + 20);
    assert_int_equal(take(&c, *state, NULL), ERR_BUSY);
}

static bool no_job_runs(const char *job)
{
    (void)job;
    return false;
}

/* Two steps of one job may have a node each; a job that was requeued has nothing but its number. */
static void test_claim__of_its_own_job_one_from_before_a_requeue_is_dead(void **state)
{
    static const struct {
        const char *restarts_here;
        int64_t restarts_there;
        int age_s;
        bool is_dead;
    } cases[] = {
        {NULL, 0, CLAIM_JOB_S + 20, false}, {"1", 0, CLAIM_JOB_S + 20, true},
        {"1", 1, CLAIM_JOB_S + 20, false},  {"1", 1, CLAIM_STALE_S + 20, true},
        {"1", 0, CLAIM_JOB_S - 20, false},
    };
    assert_int_equal(setenv("SLURM_JOB_ID", "12", 1), 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct claim c;
        put_foreign(*state, "12", cases[i].restarts_there, cases[i].age_s);
        if (cases[i].restarts_here)
            assert_int_equal(setenv("SLURM_RESTART_COUNT", cases[i].restarts_here, 1), 0);
        assert_int_equal(take(&c, *state, no_job_runs), cases[i].is_dead ? OK : ERR_BUSY);
        claim_release(&c);
        char *dir = path_join(*state, RUN_CLAIM_DIR);
        must(file_remove_tree(dir));
        free(dir);
    }
    unsetenv("SLURM_RESTART_COUNT");
    unsetenv("SLURM_JOB_ID");
}

static void test_claim__ages_are_those_of_the_file_system(void **state)
{
    static const int64_t skews_s[] = {300, -300};
    struct claim_owner by = {0};
    bool is_claimed = false;
    for (size_t i = 0; i < 4; i++) {
        const int age_s = i < 2 ? 2 : CLAIM_STALE_S + 20;
        put_foreign(*state, "", 0, age_s);
        fast_s = skews_s[i % 2];
        must(claim_look(&is_claimed, &by, *state, NULL));
        fast_s = 0;
        assert_true(is_claimed);
        assert_in_range(by.age_s, age_s - 1, age_s + 15);
        assert_int_equal(by.is_alive, age_s == 2);
        assert_true(by.held_s >= 0 && by.held_s < 60);
    }
    assert_int_equal(n_entries(*state), 1); /* looking leaves nothing */
}

static void test_claim__a_rename_that_was_done_and_denied_counts(void **state)
{
    struct claim c;
    for (int is_there = 0; is_there < 2; is_there++) {
        if (is_there)
            put_foreign(*state, "", 0, CLAIM_STALE_S + 20);
        n_denied = 1;
        must(take(&c, *state, NULL));
        assert_int_equal(n_denied, 0);
        c.last_beat_s -= CLAIM_BEAT_S + 1;
        must(claim_beat(&c));
        claim_release(&c);
        assert_int_equal(n_entries(*state), 0);
    }
}

static void test_claim__an_empty_one_is_of_nobody(void **state)
{
    struct claim c;
    char *dir = path_join(*state, RUN_CLAIM_DIR);
    must(file_make_dirs(dir));
    must(take(&c, *state, NULL));
    claim_release(&c);
    free(dir);
}

/* In a process of its own: tries to take the run at the word, tells, and lives until `stay` is closed. */
static int race(const char *run, int word, int answer, const int stay[2])
{
    struct claim c;
    char byte;
    close(stay[1]);
    if (read(word, &byte, 1) != 1)
        return 2;
    const int status = take(&c, run, NULL);
    if (write(answer, status == OK ? "1" : status == ERR_BUSY ? "0" : "?", 1) != 1)
        return 2;
    return read(stay[0], &byte, 1) == 0 ? 0 : 2;
}

static void test_claim__of_many_who_find_a_dead_one_one_gets_it(void **state)
{
    enum { N = 8, ROUNDS = 20 };
    for (int round = 0; round < ROUNDS; round++) {
        int word[2], answer[2], stay[2], n_taken = 0;
        struct claim c;
        if (round % 2 == 0)
            put_foreign(*state, "", 0, CLAIM_STALE_S + 20);
        assert_true(pipe(word) == 0 && pipe(answer) == 0 && pipe(stay) == 0);
        for (int i = 0; i < N; i++) {
            const pid_t child = fork();
            assert_true(child >= 0);
            if (child == 0)
                _exit(race(*state, word[0], answer[1], stay));
        }
        assert_int_equal(write(word[1], "12345678", N), N);
        for (int i = 0; i < N; i++) {
            char byte;
            assert_int_equal(read(answer[0], &byte, 1), 1);
            assert_true(byte != '?');
            n_taken += byte == '1';
        }
        assert_int_equal(n_taken, 1);
        close(stay[1]);
        for (int i = 0; i < N; i++) {
            int how = -1;
            assert_true(wait(&how) > 0);
            assert_int_equal(how, 0);
        }
        const int open_ends[] = {word[0], word[1], answer[0], answer[1], stay[0]};
        for (size_t i = 0; i < sizeof open_ends / sizeof open_ends[0]; i++)
            close(open_ends[i]);
        must(take(&c, *state, NULL)); /* the winner is dead */
        claim_release(&c);
    }
}

static void test_claim__one_that_was_taken_over_is_noticed(void **state)
{
    struct claim c;
    must(take(&c, *state, NULL));
    c.last_beat_s -= CLAIM_BEAT_S + 1;
    must(claim_beat(&c));
    char *from = path_join(c.dir, c.token), *to = path_join(c.dir, "far,77,,1700000000,0badb007-9,55");
    assert_int_equal(rename(from, to), 0);
    must(claim_beat(&c)); /* none is due */
    c.last_beat_s -= CLAIM_BEAT_S + 1;
    assert_int_equal(claim_beat(&c), ERR_BUSY);
    claim_release(&c);
    assert_true(file_exists(to)); /* it is the other one's */
    free(to);
    free(from);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_claim__##name, open_tree, remove_tree)
    const struct CMUnitTest tests[] = {
        TEST(one_has_it_until_it_is_given_back),
        TEST(a_dead_process_of_this_machine_has_nothing),
        TEST(of_another_machine_the_age_decides_and_slurm),
        TEST(without_slurm_a_job_may_run),
        TEST(of_its_own_job_one_from_before_a_requeue_is_dead),
        TEST(ages_are_those_of_the_file_system),
        TEST(a_rename_that_was_done_and_denied_counts),
        TEST(an_empty_one_is_of_nobody),
        TEST(of_many_who_find_a_dead_one_one_gets_it),
        TEST(one_that_was_taken_over_is_noticed),
    };
    return cmocka_run_group_tests_name("claim", tests, NULL, NULL);
}
