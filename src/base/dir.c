/* Listing folders. */
#ifdef __linux__
#define _DEFAULT_SOURCE /* d_type */ // NOLINT(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp)
#endif
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

/* Whether the listing itself marks the entry as a folder. */
static bool is_listed_as_folder(const struct dirent *entry)
{
#ifdef DT_DIR
    return entry->d_type == DT_DIR;
#else
    (void)entry;
    return false;
#endif
}

/* `folders`, if given, gets the names that the listing itself marks as folders. */
static int list_entries(struct str_list *out, struct str_list *folders, const char *path, bool folders_only)
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
        if (status == OK && folders && is_listed_as_folder(entry))
            status = str_list_add(folders, entry->d_name);
    }
    if (status == OK && errno != 0)
        status = error_set(ERR_IO, "cannot read the folder '%s': %s", path, strerror(errno));
    closedir(dir);
    if (status != OK)
        str_list_free(out);
    str_list_sort_unique(out);
    if (folders)
        str_list_sort_unique(folders);
    return status;
}

int dir_list(struct str_list *out, const char *path)
{
    return list_entries(out, NULL, path, false);
}

int dir_list_folders(struct str_list *out, const char *path)
{
    return list_entries(out, NULL, path, true);
}

int dir_list_both(struct str_list *names, struct str_list *folders, const char *path)
{
    *folders = (struct str_list){0};
    int status = list_entries(names, folders, path, false);
    if (status != OK)
        str_list_free(folders);
    return status;
}
