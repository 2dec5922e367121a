/* prompt import */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "prompt/base/file.h"
#include "prompt/base/interrupt.h"
#include "prompt/base/path.h"
#include "prompt/data/class_names.h"
#include "prompt/import/import.h"
#include "prompt/report/folder.h"
#include "prompt/run/class_check.h"
#include "prompt/run/features.h"
#include "shared_options.h"

/* ---------------------------------------------------------------- options */

static const struct opt import_options[] = {
    {"method", "NAME", "method", false, NULL},
    {"classes-file", "FILE", NULL, false, "file of the names of the trained classes, one a line"},
    {"template", "TEXT", "zero_shot_template", false, NULL},
    {"alpha", "A", NULL, false, "of Tip-Adapter: weight of the cache, as found on validation pictures"},
    {"beta", "B", NULL, false, "of Tip-Adapter: sharpness of the cache, likewise"},
    {"other-backbone", NULL, NULL, false,
     "take the prompts though the file's own CLIP is not that of --model"},
    {"out", "DIR", NULL, false, "folder of the run: configuration and checkpoint"},
    {"force", NULL, NULL, false, "replace the run in --out"},
    {.name = NULL},
};

static const struct opt_group groups[] = {
    {"Import", import_options},
    {"Configuration (defaults < --config < command line)", config_options},
    {"Data and model", data_options},
    {"Machine", machine_options},
    {.title = NULL},
};

static const char notes[] =
    "FILE is model.pth.tar-N of Dassl's trainers, lora_weights.pt of CLIP-LoRA, or keys_Nshots.pt (or\n"
    "best_F_Nshots.pt) and values_Nshots.pt of Tip-Adapter. Nothing in it is executed. The trained\n"
    "classes are those of the data set that data.classes says (base), or of --classes-file, in the\n"
    "order of the training. The shapes give the keys that they determine; a preset gives the others,\n"
    "so that prompt results finds the run in its table.\n"
    "\n"
    "Examples:\n"
    "  prompt import model.pth.tar-50 --config configs/base2new/coop.json --data DIR \\\n"
    "                --dataset caltech101 --model ViT-B-16.pt --out runs/coop-caltech101\n"
    "  prompt import model.pth.tar-10 --method cocoop --classes-file names.txt \\\n"
    "                --template \"a photo of a {}.\" --model ViT-B-16.pt --out runs/cocoop";

/* Of PromptSRC's files, whose average over epochs rounds CLIP as well: at most 0.12 %. */
static const double MAX_DIFFERENCE = 0.002;

/* One call of the command. */
struct importing {
    const struct opt_values *v;
    struct log log;
    struct config config;
    char *out_dir; /* owned, absolute */
    struct session *session;
    struct import_source *source;
    struct dataset *dataset; /* NULL with --classes-file */
    struct str_list names;   /* of --classes-file */
    struct import_names classes;
    struct method *method;
};

/* ---------------------------------------------------------------- what the file does not say */

static bool is_given(const struct config *c, const char *key)
{
    return c->origins[config_find(key)] != CONFIG_DEFAULT;
}

static int check_missing(const struct importing *m)
{
    const struct config *c = &m->config;
    const bool has_file = opt_given(m->v, "classes-file"), has_dataset = c->data_dataset[0] != '\0';
    const bool knows_classes =
        import_knows_classes(c->method) || is_given(c, "data.classes") || opt_given(m->v, "config");
    const bool has_cache = c->method == METHOD_TIP_ADAPTER;
    const struct {
        bool is_missing;
        const char *option;
    } needs[] = {
        {!is_given(c, "method"), "--method NAME"},
        {!has_file && !has_dataset, "--dataset NAME with --data DIR, or --classes-file FILE"},
        {!has_file && has_dataset && !knows_classes,
         "--set data.classes=base or all, which it was trained on"},
        {!has_file && has_dataset && c->data_root[0] == '\0', "--data DIR"},
        {!is_given(c, "zero_shot_template"), "--template TEXT"},
        {c->model_path[0] == '\0', "--model FILE"},
        {!m->out_dir, "--out DIR"},
        {has_cache && !opt_given(m->v, "alpha"), "--alpha A"},
        {has_cache && !opt_given(m->v, "beta"), "--beta B"},
    };
    struct str list = {0};
    for (size_t i = 0; i < sizeof needs / sizeof needs[0]; i++)
        if (needs[i].is_missing)
            str_appendf(&list, "%s%s", list.len > 0 ? "; " : "", needs[i].option);
    int status = str_status(&list);
    if (status == OK && list.len > 0)
        status = error_set(ERR_USAGE, "the file does not say all that a run needs: give %s", str_text(&list));
    str_free(&list);
    return status;
}

static int resolve(struct importing *m)
{
    const char *out = opt_text(m->v, "out");
    struct config *c = &m->config;
    m->out_dir = out ? path_absolute(out) : NULL;
    if (out && !m->out_dir)
        return ERR_MEMORY;
    int status = opt_resolve(c, m->v, NULL);
    if (status != OK || (status = check_missing(m)) != OK)
        return status;
    const bool has_file = opt_given(m->v, "classes-file");
    if (has_file && c->data_dataset[0] != '\0')
        return error_set(ERR_USAGE, "--dataset and --classes-file exclude each other");
    if (c->method != METHOD_TIP_ADAPTER && (opt_given(m->v, "alpha") || opt_given(m->v, "beta")))
        return error_set(ERR_USAGE, "--alpha and --beta are of Tip-Adapter, not of method %s",
                         method_kind_names[c->method]);
    if (has_file && strcmp(c->zero_shot_template, "dataset") == 0)
        return error_set(ERR_USAGE,
                         "--classes-file names no data set that has a template: give --template TEXT");
    status = has_file ? config_check_model(c) : config_check(c);
    if (status == OK && (status = folder_check(m->out_dir, false, opt_given(m->v, "force"))) == OK)
        status = file_check_dirs(m->out_dir);
    return status;
}

/* Numbers beside Tip-Adapter's files. */
static int add_numbers(struct importing *m)
{
    static const struct {
        const char *name;
        double largest; /* of the keys tip_adapter.alpha and tip_adapter.beta */
    } numbers[] = {{"alpha", 1e4}, {"beta", 80.0}};
    int status = OK;
    for (size_t i = 0; status == OK && i < 2; i++) {
        const char *name = numbers[i].name;
        double value = 0.0;
        if (!opt_given(m->v, name))
            continue;
        if ((status = opt_f64(&value, m->v, name, 0.0, numbers[i].largest)) == OK)
            status = import_add_number(m->source, m->session->scope, name, value);
    }
    return status;
}

/* ---------------------------------------------------------------- classes */

static int find_classes(struct importing *m)
{
    const char *file = opt_text(m->v, "classes-file");
    if (file) {
        int status = class_names_read(&m->names, file);
        m->classes = (struct import_names){m->names.items, (int64_t)m->names.n};
        return status;
    }
    int64_t first = 0, n = 0;
    int status = session_open_dataset(&m->dataset, m->session, m->config.data_dataset);
    if (status != OK)
        return status;
    class_subset_range(&first, &n, m->config.data_classes, m->dataset->n_classes);
    m->classes = (struct import_names){m->dataset->class_names + first, n};
    return OK;
}

/* Names and template must fit into the model's context before a run is made of them. */
static int check_names(const struct importing *m)
{
    struct class_list list;
    int status = class_list_tokenize(&list, m->session, m->classes.items, m->classes.n,
                                     session_template(m->session, m->dataset));
    if (status == OK) {
        status = class_check_equal(m->session, "the classes", &list);
        class_list_close(&list);
    }
    return status;
}

/* ---------------------------------------------------------------- backbone */

static int check_backbone(struct importing *m)
{
    struct import_backbone b;
    int status = import_compare_backbone(&b, m->source, m->config.method, m->session->weights);
    if (status != OK || b.n_tensors == 0)
        return status;
    log_info(&m->log,
             "backbone %" PRId64
             " frozen tensors of the file differ from the model's by at most %.3g %% (%s)",
             b.n_tensors, 100.0 * b.difference, b.name);
    if (b.difference <= MAX_DIFFERENCE || opt_given(m->v, "other-backbone"))
        return OK;
    return error_set(ERR_USAGE,
                     "'%s' was trained on another CLIP than '%s': its tensor '%s' differs by %.3g %%; "
                     "--other-backbone takes its prompts nevertheless",
                     import_name(m->source), m->session->weights->path, b.name, 100.0 * b.difference);
}

/* ---------------------------------------------------------------- the command */

static void describe(struct importing *m)
{
    struct str tensors = {0};
    const struct params *trained = &m->method->trained;
    for (size_t i = 0; i < trained->n; i++) {
        str_appendf(&tensors, "%s%s ", i > 0 ? ", " : "", trained->items[i].name);
        tensor_append_shape(&tensors, trained->items[i].value);
    }
    log_info(&m->log, "imported %s of '%s': %s", method_kind_names[m->config.method], import_name(m->source),
             str_text(&tensors));
    log_info(&m->log, "classes  %" PRId64 " (%s ... %s)", m->classes.n, m->classes.items[0],
             m->classes.items[m->classes.n - 1]);
    str_free(&tensors);
}

static int run(struct importing *m)
{
    struct session *s = NULL;
    int status = resolve(m);
    if (status != OK || (status = session_open(&m->session, &m->config, &m->log, NULL)) != OK)
        return status;
    s = m->session;
    if ((status = features_open_store(s)) != OK ||
        (status = import_open(&m->source, s->scope, m->v->operands, m->v->n_operands)) != OK ||
        (status = add_numbers(m)) != OK || (status = import_settle(&m->config, m->source)) != OK ||
        (status = find_classes(m)) != OK ||
        (status = import_check_classes(&m->config, m->source, m->classes.n)) != OK ||
        (status = session_open_model(s)) != OK || (status = check_names(m)) != OK ||
        (status = session_create_method(&m->method, s, m->classes.n,
                                        import_n_images(&m->config, m->source))) != OK ||
        (status = import_fill(m->method, m->source, s->weights)) != OK || (status = check_backbone(m)) != OK)
        return status;
    describe(m);
    if (interrupt_requested())
        return error_set(ERR_INTERRUPTED, "interrupted; nothing was written");
    return import_write_run(m->out_dir, opt_given(m->v, "force"), s, m->method, &m->classes, m->source);
}

static int cmd_import(const struct opt_values *v)
{
    struct importing m = {.v = v};
    log_init(&m.log, opt_given(v, "quiet"));
    interrupt_install();
    int status = run(&m);
    method_free(m.method);
    dataset_free(m.dataset);
    str_list_free(&m.names);
    import_close(m.source);
    session_close(m.session);
    config_free(&m.config);
    free(m.out_dir);
    return status;
}

const struct command command_import = {
    "import", NULL, "FILE...", cmd_import, groups, "make a run of prompts that another program trained",
    notes};
