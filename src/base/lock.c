/* Advisory locks. */
#ifdef __linux__
#define _GNU_SOURCE /* F_OFD_SETLK */ // NOLINT(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp)
#endif
#include "prompt/base/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

int lock_dir(int *out, const char *path)
{
    *out = -1;
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_DIRECTORY);
    if (fd < 0)
        return error_set(ERR_IO, "cannot open folder '%s': %s", path, strerror(errno));
    /* another reason: this file system cannot lock folders, so there is no lock */
    if (flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
        close(fd);
        return error_set(ERR_BUSY, "'%s' is in use by another process", path);
    }
    *out = fd;
    return OK;
}

#ifdef F_OFD_SETLK

/* The mark is a second lock of the folder. It is of another kind, so it does not conflict with the first one,
 * and belongs to the open file, so it ends with the process. */
void lock_mark_ending(int lock)
{
    struct flock mark = {.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_len = 1};
    if (lock >= 0)
        (void)fcntl(lock, F_OFD_SETLK, &mark); /* without the mark others wait less long */
}

bool lock_is_ending(const char *path)
{
    struct flock mark = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1};
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_DIRECTORY);
    const bool is_ending = fd >= 0 && fcntl(fd, F_OFD_GETLK, &mark) == 0 && mark.l_type != F_UNLCK;
    if (fd >= 0)
        close(fd);
    return is_ending;
}

#else

void lock_mark_ending(int lock)
{
    (void)lock;
}

bool lock_is_ending(const char *path)
{
    (void)path;
    return false;
}

#endif

int lock_file(int *out, const char *path)
{
    *out = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (*out < 0)
        return error_set(ERR_IO, "cannot open '%s': %s", path, strerror(errno));
    while (flock(*out, LOCK_EX) != 0 && errno == EINTR) /* another reason: as in lock_dir */
        ;
    return OK;
}

void lock_release(int lock)
{
    if (lock >= 0)
        close(lock);
}
