/* Reading, mapping and writing whole files; folders. */
#define _DEFAULT_SOURCE /* madvise */ // NOLINT(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp)
#include "prompt/base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "prompt/base/path.h"
#include "prompt/base/str.h"

/* "cannot <verb> '<absolute path>': <reason>" */
static int io_error(const char *verb, const char *path, int error_number)
{
    char *absolute = path_absolute(path);
    int status =
        error_set(ERR_IO, "cannot %s '%s': %s", verb, absolute ? absolute : path, strerror(error_number));
    free(absolute);
    return status;
}

bool file_exists(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0;
}

bool file_is_dir(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

static const char *kind_of(mode_t mode)
{
    return S_ISFIFO(mode) ? "a pipe" : S_ISSOCK(mode) ? "a socket" : S_ISDIR(mode) ? "a folder" : "a device";
}

static int refuse_kind(const char *path, mode_t mode)
{
    char *absolute = path_absolute(path);
    int status = error_set(ERR_IO, "cannot read '%s': it is %s, expected a file", absolute ? absolute : path,
                           kind_of(mode));
    free(absolute);
    return status;
}

/* Never waits for the other end of a pipe: checks what was opened before reading a byte. */
static int open_regular(int *out, size_t *n, const char *path)
{
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        const int reason = errno; /* ENXIO of a socket */
        const bool is_there = reason == ENXIO && stat(path, &info) == 0;
        return is_there ? refuse_kind(path, info.st_mode) : io_error("open", path, reason);
    }
    int status = fstat(fd, &info) != 0 ? io_error("read", path, errno) : OK;
    if (status == OK && !S_ISREG(info.st_mode))
        status = refuse_kind(path, info.st_mode);
    if (status != OK) {
        close(fd);
        return status;
    }
    *out = fd;
    *n = (size_t)info.st_size;
    return OK;
}

/* Opens pipes, too, such as <(command) of a shell; their size is 0. */
static int open_stream(int *out, size_t *n, const char *path)
{
    struct stat info;
    if (stat(path, &info) != 0 || !S_ISFIFO(info.st_mode))
        return open_regular(out, n, path);
    *n = 0;
    *out = open(path, O_RDONLY | O_CLOEXEC);
    return *out < 0 ? io_error("open", path, errno) : OK;
}

/* Reads `size` bytes, or until the end if it is 0, as of pipes and files of /proc. Closes `fd`. */
static int read_to_end(char **out, size_t *n, int fd, size_t size, const char *path)
{
    size_t capacity = size + 1;
    char *bytes = malloc(capacity);
    size_t len = 0;
    ssize_t got = 0;
    while (bytes && (size == 0 || len < size) && (got = read(fd, bytes + len, capacity - len)) > 0) {
        len += (size_t)got;
        if (len < capacity)
            continue;
        capacity = capacity * 2 + (1 << 16);
        char *grown = realloc(bytes, capacity);
        if (!grown)
            free(bytes);
        bytes = grown;
    }
    const int reason = errno;
    close(fd);
    if (!bytes)
        return error_out_of_memory();
    if (got < 0) {
        free(bytes);
        return io_error("read", path, reason);
    }
    bytes[len] = '\0'; /* the loop leaves room for it */
    *out = bytes;
    *n = len;
    return OK;
}

static int read_whole(char **out, size_t *n, const char *path, int (*open_it)(int *, size_t *, const char *))
{
    *out = NULL;
    *n = 0;
    int fd = -1;
    size_t size = 0;
    int status = open_it(&fd, &size, path);
    return status == OK ? read_to_end(out, n, fd, size, path) : status;
}

int file_read(char **out, size_t *n, const char *path)
{
    return read_whole(out, n, path, open_stream);
}

int file_read_regular(char **out, size_t *n, const char *path)
{
    return read_whole(out, n, path, open_regular);
}

void file_first_line(char *out, int size, const char *path)
{
    FILE *f = fopen(path, "re");
    if (!f || !fgets(out, size, f))
        out[0] = '\0';
    if (f)
        fclose(f);
    out[strcspn(out, "\n")] = '\0';
}

int file_map(const void **out, size_t *n, const char *path)
{
    *out = NULL;
    *n = 0;
    int fd = -1;
    size_t size = 0;
    int status = open_regular(&fd, &size, path);
    if (status != OK)
        return status;
    if (size == 0) {
        close(fd);
        return error_set(ERR_FORMAT, "'%s' is empty", path);
    }
    void *data = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
    int reason = errno;
    close(fd);
    if (data == MAP_FAILED && reason == ENOMEM)
        return error_set(ERR_MEMORY, "out of memory: %zu MiB were asked for, to map '%s'", (size >> 20) + 1,
                         path);
    if (data == MAP_FAILED)
        return io_error("map", path, reason);
    *out = data;
    *n = size;
    return OK;
}

void file_unmap(const void *data, size_t n)
{
    if (data)
        munmap((void *)(uintptr_t)data, n);
}

void file_forget(const void *data, size_t n)
{
    if (data)
        (void)madvise((void *)(uintptr_t)data, n,
                      MADV_DONTNEED); /* nothing is lost: the mapping is read-only */
}

int file_check_writable(const char *path)
{
    char *dir = path_dir(path);
    if (!dir)
        return ERR_MEMORY;
    int status = OK;
    if (file_is_dir(path))
        status = io_error("write", path, EISDIR);
    else if (access(dir, W_OK) != 0)
        status = io_error("write", path, errno);
    free(dir);
    return status;
}

int file_check_dirs(const char *path)
{
    char *dir = str_dup(path);
    while (dir && !file_exists(dir)) { /* up to the nearest folder that exists */
        char *parent = path_dir(dir);
        const bool is_top = !parent || strcmp(parent, dir) == 0;
        free(dir);
        dir = parent;
        if (is_top)
            break;
    }
    int status = dir ? OK : ERR_MEMORY;
    if (dir && !file_is_dir(dir))
        status = io_error("create folder", path, ENOTDIR);
    else if (dir && access(dir, W_OK) != 0)
        status = io_error("create folder", path, errno);
    free(dir);
    return status;
}

int file_make_dirs(const char *path)
{
    char *partial = str_dup(path);
    if (!partial)
        return ERR_MEMORY;
    int status = OK;
    for (char *c = partial + 1; status == OK && partial[0] != '\0'; c++) {
        if (*c != '/' && *c != '\0')
            continue;
        char end = *c;
        *c = '\0';
        if (mkdir(partial, 0777) != 0 && errno != EEXIST)
            status = io_error("create folder", partial, errno);
        else if (!file_is_dir(partial))
            status = io_error("create folder", partial, ENOTDIR);
        *c = end;
        if (end == '\0')
            break;
    }
    free(partial);
    return status;
}

bool file_rename(const char *from, const char *to)
{
    struct stat before, after;
    const bool is_known = lstat(from, &before) == 0;
    if (rename(from, to) == 0)
        return true;
    const int reason = errno;
    const bool has_come = reason == ENOENT && is_known && lstat(to, &after) == 0 &&
                          after.st_dev == before.st_dev && after.st_ino == before.st_ino;
    errno = reason;
    return has_come;
}

int file_write(const char *path, const void *data, size_t n)
{
    FILE *stream = fopen(path, "wb");
    if (!stream)
        return io_error("write", path, errno);
    errno = 0;
    bool written = fwrite(data, 1, n, stream) == n;
    int reason = errno ? errno : EIO;
    if (fclose(stream) != 0 && written) {
        written = false;
        reason = errno;
    }
    return written ? OK : io_error("write", path, reason);
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *where)
{
    (void)info;
    (void)type;
    (void)where;
    return remove(path);
}

int file_remove_tree(const char *path)
{
    if (nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS) != 0 && errno != ENOENT)
        return io_error("remove folder", path, errno);
    return OK;
}

/* ---------------------------------------------------------------- atomic files */

/* Removes the temporary files of killed processes. Their names end in the id of the writer; those of a writer
 * that lives, or belongs to another user (EPERM), stay. */
static void remove_stale(const char *path)
{
    char *dir_path = path_dir(path);
    DIR *dir = dir_path ? opendir(dir_path) : NULL;
    const char *slash = strrchr(path, '/');
    char *prefix = str_format("%s.tmp.", slash ? slash + 1 : path);
    struct dirent *entry = NULL;
    while (dir && prefix && (entry = readdir(dir)) != NULL) {
        if (!str_starts_with(entry->d_name, prefix))
            continue;
        char *end = NULL;
        const long pid = strtol(entry->d_name + strlen(prefix), &end, 10);
        if (*end == '\0' && pid > 0 && pid <= INT_MAX && kill((pid_t)pid, 0) != 0 && errno == ESRCH)
            (void)unlinkat(dirfd(dir), entry->d_name, 0);
    }
    free(prefix);
    if (dir)
        closedir(dir);
    free(dir_path);
}

/* Devices and pipes (--json /dev/stdout) are written directly: no file may be renamed over them. */
static bool is_written_directly(const char *path)
{
    static const char *const streams[] = {"/dev/stdout", "/dev/stderr", "/dev/fd/", "/proc/self/fd/"};
    for (size_t i = 0; i < sizeof streams / sizeof streams[0]; i++)
        if (str_starts_with(path, streams[i]))
            return true; /* even if they lead to a file: somebody holds it open */
    struct stat info;
    return stat(path, &info) == 0 && !S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode);
}

/* The path to replace: of a link its target. */
static char *final_path(const char *path)
{
    char *target = realpath(path, NULL);
    return target ? target : str_dup(path);
}

int atomic_open(struct atomic_file *out, const char *path)
{
    *out = (struct atomic_file){0};
    const bool is_direct = is_written_directly(path);
    struct atomic_file f = {.path = is_direct ? str_dup(path) : final_path(path)};
    if (f.path && !is_direct)
        f.temporary_path = str_format("%s.tmp.%ld", f.path, (long)getpid());
    if (!f.path || (!is_direct && !f.temporary_path)) {
        atomic_abort(&f);
        return ERR_MEMORY;
    }
    if (!is_direct)
        remove_stale(f.path);
    f.stream = fopen(is_direct ? f.path : f.temporary_path, "wb");
    if (!f.stream) {
        int status = io_error("write", path, errno);
        atomic_abort(&f);
        return status;
    }
    *out = f;
    return OK;
}

int atomic_write(struct atomic_file *f, const void *data, size_t n)
{
    if (n > 0 && fwrite(data, 1, n, f->stream) != n)
        return io_error("write", f->path, errno);
    return OK;
}

int atomic_commit(struct atomic_file *f)
{
    errno = 0;
    bool written =
        !ferror(f->stream) && fflush(f->stream) == 0 && (!f->temporary_path || fsync(fileno(f->stream)) == 0);
    int reason = errno ? errno : EIO;
    if (fclose(f->stream) != 0 && written) {
        written = false;
        reason = errno;
    }
    f->stream = NULL;
    if (written && f->temporary_path && !file_rename(f->temporary_path, f->path)) {
        written = false;
        reason = errno;
    }
    int status = written ? OK : io_error("write", f->path, reason);
    if (written &&
        f->temporary_path) { /* sync the folder, too, if possible: the new name must survive a power cut */
        char *dir = path_dir(f->path);
        int fd = dir ? open(dir, O_RDONLY | O_CLOEXEC | O_DIRECTORY) : -1;
        if (fd >= 0) {
            (void)fsync(fd);
            close(fd);
        }
        free(dir);
    }
    atomic_abort(f);
    return status;
}

void atomic_abort(struct atomic_file *f)
{
    if (f->stream)
        fclose(f->stream);
    if (f->temporary_path)
        unlink(f->temporary_path); /* a no-op after a successful rename */
    free(f->path);
    free(f->temporary_path);
    *f = (struct atomic_file){0};
}

int file_write_atomic(const char *path, const void *data, size_t n)
{
    struct atomic_file f;
    int status = atomic_open(&f, path);
    if (status == OK && (status = atomic_write(&f, data, n)) == OK)
        return atomic_commit(&f);
    atomic_abort(&f); /* {0} after a failure of atomic_open */
    return status;
}
