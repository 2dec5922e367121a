/**
 * Prompts that other programs trained, as runs of this one, and the way back.
 *
 * A file is read without executing anything in it. src/import/maps.c has a table for each method: the names of
 * the file's tensors, the trained tensors that they are, and the keys that their shapes determine.
 */
#ifndef PROMPT_IMPORT_IMPORT_H
#define PROMPT_IMPORT_IMPORT_H

#include "prompt/run/session.h"

/** The tensors, numbers and texts of one file, or of several that belong together (Tip-Adapter's). */
struct import_source;

/**
 * Reads files of torch.save. Of a checkpoint of Dassl only its state_dict counts, without "module." before the
 * names; objects of its scheduler and optimizer are passed over. A file that is one bare tensor names it by
 * the beginning of its own name, "keys" of "keys_16shots.pt".
 * @param out  owned; import_close frees it
 * @param s    owns the tensors: CPU, in the file's dtype
 * @return OK; ERR_IO; ERR_FORMAT naming the file; ERR_MEMORY
 */
int import_open(struct import_source **out, scope *s, const char *const *paths, size_t n_paths);
void import_close(struct import_source *source);
/** Adds a number that the file lacks as a tensor [] of this name. */
int import_add_number(struct import_source *source, scope *s, const char *name, double value);
const char *import_name(const struct import_source *source); /* base name of the first file; borrowed */
int64_t import_epoch(const struct import_source *source);    /* 0: the file does not say */

/**
 * Sets the keys that the shapes determine (context.count, say).
 * @return OK; ERR_USAGE for a method that no file is known of, and naming a key that the configuration sets to
 *         another value; ERR_FORMAT if the file is not one of this method; ERR_MEMORY
 */
int import_settle(struct config *c, const struct import_source *source);

/** Whether files of the method show how many classes they are of; true of methods that no file is known of. */
bool import_knows_classes(enum method_kind method);

/** ERR_USAGE with both numbers if the file is of another number of classes; ERR_SHAPE. */
int import_check_classes(const struct config *c, const struct import_source *source, int64_t n_classes);

/** The number of training pictures that the file shows; 0: it does not. */
int64_t import_n_images(const struct config *c, const struct import_source *source);

/**
 * Copies the file's tensors into the method's, as fp32. `w` has the names of CLIP's own tensors, which the
 * file may hold as well.
 * @return OK; ERR_SHAPE with both shapes; ERR_FORMAT for a tensor that is missing, or not one of the method
 */
int import_fill(struct method *m, const struct import_source *source, const struct weights *w);

/** The backbone of a file that holds a whole model, beside the user's. */
struct import_backbone {
    int64_t n_tensors; /* that were compared; 0: the file holds none */
    double difference; /* the largest relative one, |a - b| / |b| of a tensor */
    const char *name;  /* of that tensor in the file; borrowed from the source */
};
/** Compares the frozen tensors of the file with those of `w`. ERR_SHAPE if one has another shape. */
int import_compare_backbone(struct import_backbone *out, const struct import_source *source,
                            enum method_kind method, const struct weights *w);

/** The classes that the prompts were trained on. */
struct import_names {
    char *const *items; /* [n], borrowed */
    int64_t n;
};
/**
 * Writes config.json and the checkpoint, marked as imported, first beside `dir` and then into it.
 * @param force  replace an earlier run there
 * @return OK; ERR_IO; ERR_BUSY; ERR_INTERRUPTED; ERR_MEMORY
 */
int import_write_run(const char *dir, bool force, struct session *s, const struct method *m,
                     const struct import_names *names, const struct import_source *source);

/* ---------------------------------------------------------------- export */

/** Where the tensors of a method are in the folders of Dassl; NULL: they cannot be written for it. Static. */
const char *export_folder(enum method_kind method);
/** Appends the names of the methods that can, "coop, cocoop". */
void export_append_methods(struct str *out);

/**
 * Writes the trained tensors of a checkpoint as Dassl does: {"state_dict": {...}, "epoch": N}.
 * @param half  tensors that the authors' code keeps in fp16 are written so; false: all in fp32
 * @return OK; ERR_IO; ERR_FORMAT; ERR_MEMORY
 */
int export_dassl(const char *path, const char *checkpoint_path, enum method_kind method, int64_t epoch,
                 bool half);

#endif
