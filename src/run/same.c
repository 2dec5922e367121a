/* Comparison of ranks. */
#include "same.h"

#include <string.h>

#include "prompt/base/digest.h"
#include "prompt/image/image.h"
#include "prompt/run/version.h"

/* The first line in which two texts differ, without spaces before and after. */
static void append_difference(struct str *out, const char *text, const char *reference)
{
    size_t line = 0, i = 0;
    for (; text[i] != '\0' && text[i] == reference[i]; i++)
        if (text[i] == '\n')
            line = i + 1;
    text += line;
    while (*text == ' ')
        text++;
    str_append_n(out, text, strcspn(text, "\n"));
}

static int refuse(const char *what, const char *here, const char *there)
{
    struct str own = {0}, first = {0};
    append_difference(&own, here, there);
    append_difference(&first, there, here);
    int status = error_set(ERR_USAGE, "%s differs from that of rank 0: %.100s here, %.100s there", what,
                           str_text(&own), str_text(&first));
    str_free(&own);
    str_free(&first);
    return status;
}

/* Other builds have the same version. Ranks with other instructions would take steps that differ by rounding, and drift
 * apart. */
static int describe_program(struct str *out, const struct session *s)
{
    char cpu[256], program[DIGEST_HEX_SIZE];
    int status = digest_file(program, "/proc/self/exe");
    if (status != OK)
        return status;
    torch_describe_cpu(cpu, sizeof cpu);
    str_appendf(out, "prompt %s, SHA-256 %.16s\nlibtorch %s\n%s\n%s\n%s", PROMPT_VERSION, program,
                torch_version(), image_decoder(), cpu, s->device.kind == DEVICE_CPU ? "cpu" : "cuda");
    return str_status(out);
}

static int compare(struct ranks *ranks, const struct same_part *part)
{
    struct str first = {0};
    str_append(&first, part->value);
    int status = str_status(&first);
    if (status == OK)
        status = ranks_broadcast_text(ranks, &first);
    if (status == OK && strcmp(str_text(&first), part->value) != 0)
        status = refuse(part->what, part->value, str_text(&first));
    str_free(&first);
    return ranks_agree(ranks, status);
}

int same_check(const struct session *s, const struct same_part *parts, size_t n)
{
    struct str program = {0};
    if (ranks_size(s->ranks) == 1)
        return OK;
    int status = ranks_agree(s->ranks, describe_program(&program, s));
    const struct same_part own = {"the program or its machine", str_text(&program)};
    if (status == OK)
        status = compare(s->ranks, &own);
    for (size_t i = 0; status == OK && i < n; i++)
        status = compare(s->ranks, &parts[i]);
    str_free(&program);
    return status;
}
