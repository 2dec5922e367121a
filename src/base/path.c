/* Paths as texts. */
#include "prompt/base/path.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "prompt/base/str.h"

char *path_join(const char *dir, const char *name)
{
    if (name[0] == '/' || dir[0] == '\0')
        return str_dup(name);
    return str_ends_with(dir, "/") ? str_format("%s%s", dir, name) : str_format("%s/%s", dir, name);
}

char *path_absolute(const char *path)
{
    if (path[0] == '/' || path[0] == '\0')
        return str_dup(path);
    char cwd[4096];
    if (!getcwd(cwd, sizeof cwd))
        return str_dup(path);
    return path_join(cwd, path);
}

int path_make_absolute(char **path)
{
    char *absolute = path_absolute(*path);
    if (!absolute)
        return ERR_MEMORY;
    free(*path);
    *path = absolute;
    return OK;
}

const char *path_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

char *path_dir(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return str_dup(".");
    return slash == path ? str_dup("/") : str_dup_n(path, (size_t)(slash - path));
}
