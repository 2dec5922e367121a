/* The file of a run's result records. */
#include "prompt/report/results_file.h"

#include <stdlib.h>
#include <string.h>

#include "prompt/base/file.h"
#include "prompt/base/json.h"
#include "prompt/base/lock.h"
#include "prompt/base/path.h"

static int check_array(bool *is_empty, const char *text, size_t n, const char *path)
{
    struct json_doc *doc = NULL;
    int status = json_parse(&doc, text, n, path);
    if (status == OK && json_type(json_root(doc)) != JSON_ARRAY)
        status = error_set(ERR_FORMAT, "'%s': expected an array of result records", path);
    *is_empty = status == OK && !json_first(json_root(doc));
    json_free(doc);
    return status;
}

/* The length of the array's text without its closing bracket and the white space around it. */
static size_t open_length(const char *text, size_t n)
{
    while (n > 0 && text[n - 1] != ']')
        n--;
    n -= n > 0;
    while (n > 0 && strchr(" \t\r\n", text[n - 1]))
        n--;
    return n;
}

/* Reads the array, if the file exists; `text` is owned. */
static int read_array(char **text, size_t *n, bool *is_empty, const char *path)
{
    int status = OK;
    *text = NULL;
    *is_empty = true;
    if (file_exists(path) && (status = file_read(text, n, path)) == OK)
        status = check_array(is_empty, *text, *n, path);
    return status;
}

int results_check(const char *path)
{
    char *text = NULL;
    size_t n = 0;
    bool is_empty = true;
    int status = read_array(&text, &n, &is_empty, path);
    free(text);
    return status == OK ? file_check_writable(path) : status;
}

static int append(const char *path, const struct str *record)
{
    struct str out = {0};
    char *old = NULL;
    size_t n = 0;
    bool is_empty = true;
    int status = read_array(&old, &n, &is_empty, path);
    if (status == OK && !is_empty)
        str_append_n(&out, old, open_length(old, n));
    str_appendf(&out, "%s\n%s\n]\n", is_empty ? "[" : ",", str_text(record));
    if (status == OK && (status = str_status(&out)) == OK)
        status = file_write_atomic(path, out.data, out.len);
    free(old);
    str_free(&out);
    return status;
}

/* Two evaluations of one run may end at once. The lock has its own file, since the records are replaced. */
int results_append(const char *path, const struct str *record)
{
    char *dir = path_dir(path);
    char *lock_path = dir ? path_join(dir, ".results.lock") : NULL;
    int lock = -1;
    int status = lock_path ? lock_file(&lock, lock_path) : ERR_MEMORY;
    if (status == OK)
        status = append(path, record);
    lock_release(lock);
    free(lock_path);
    free(dir);
    return status;
}
