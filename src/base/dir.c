/* What stands in a folder. */
#include "prompt/base/dir.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int dir_check(const char *path)
{
    DIR *dir = opendir(path);
    if (dir)
        closedir(dir);
    if (dir && access(path, X_OK) == 0)
        return OK;
    return error_set(ERR_IO, "cannot open the folder '%s': %s", path, strerror(errno));
}

static int list_entries(struct str_list *out, const char *path, bool folders_only)
{
    *out = (struct str_list){0};
    DIR *dir = opendir(path);
    if (!dir)
        return error_set(ERR_IO, "cannot open the folder '%s': %s", path, strerror(errno));
    int status = OK;
    struct dirent *entry = NULL;
    while (status == OK && (errno = 0, entry = readdir(dir))) {
        struct stat info;
        if (entry->d_name[0] == '.')
            continue;
        if (folders_only && (fstatat(dirfd(dir), entry->d_name, &info, 0) != 0 || !S_ISDIR(info.st_mode)))
            continue;
        status = str_list_add(out, entry->d_name);
    }
    if (status == OK && errno != 0)
        status = error_set(ERR_IO, "cannot read the folder '%s': %s", path, strerror(errno));
    closedir(dir);
    if (status != OK)
        str_list_free(out);
    str_list_sort_unique(out);
    return status;
}

int dir_list(struct str_list *out, const char *path)
{
    return list_entries(out, path, false);
}

int dir_list_folders(struct str_list *out, const char *path)
{
    return list_entries(out, path, true);
}
