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
    if (flock(fd, LOCK_EX | LOCK_NB) != 0 &&
        errno == EWOULDBLOCK) { /* where folders cannot be locked, go on */
        close(fd);
        return error_set(ERR_BUSY, "'%s' is in use by another process", path);
    }
    *out = fd;
    return OK;
}

#ifdef F_OFD_SETLK

/* The mark is a second lock of the folder, of a kind that does not meet the first one and belongs to the open
 * file, so that it ends with the process. */
void lock_mark_ending(int lock)
{
    struct flock mark = {.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_len = 1};
    if (lock >= 0)
        (void)fcntl(lock, F_OFD_SETLK, &mark); /* where there is none, the wait is shorter */
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
    while (flock(*out, LOCK_EX) != 0 && errno == EINTR) /* where files cannot be locked, go on */
        ;
    return OK;
}

void lock_release(int lock)
{
    if (lock >= 0)
        close(lock);
}
