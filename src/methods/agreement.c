/* Terms of the loss that compare what was learned with the frozen CLIP. */
#include "prompt/methods/agreement.h"

/* weight times the mean of |a - b|, both normalized; they may differ in the first axis, which broadcasts. */
static tensor *l1(scope *s, const tensor *a, const tensor *b, double weight)
{
    tensor *difference = t_abs(s, t_sub(s, t_normalize(s, a, -1), t_normalize(s, b, -1)));
    return t_scale(s, t_sum(s, difference), weight / (double)t_numel(difference));
}

/* weight times 1 - the mean of cos(a, b), which is half the mean of |a - b|^2 of unit vectors. */
static tensor *cosine(scope *s, const tensor *a, const tensor *b, double weight)
{
    tensor *difference = t_sub(s, t_normalize(s, a, -1), t_normalize(s, b, -1));
    const double n_pairs = (double)(t_numel(difference) / t_size(difference, -1));
    return t_scale(s, t_sum(s, t_mul(s, difference, difference)), weight / (2.0 * n_pairs));
}

static tensor *text_term(scope *s, const struct regularization_options *o, const struct agreement_inputs *in)
{
    switch (o->text_distance) {
    case AGREEMENT_DISTANCE_L1:
        return l1(s, in->text, in->teacher, o->text_weight);
    case AGREEMENT_DISTANCE_COSINE:
        return cosine(s, in->text, in->teacher, o->text_weight);
    case AGREEMENT_DISTANCE_OWN: /* settled before */
        break;
    }
    return NULL;
}

/* weight / (B K) times the sum of p^0 (log p^0 - log p). */
static tensor *logits_term(scope *s, const struct regularization_options *o,
                           const struct agreement_inputs *in)
{
    const int64_t B = t_size(in->logits, 0), K = t_size(in->logits, 1);
    tensor *target = t_log_softmax(s, in->teacher_logits, -1);
    tensor *difference = t_sub(s, target, t_log_softmax(s, in->logits, -1));
    return t_scale(s, t_sum(s, t_mul(s, t_exp(s, target), difference)), o->logits_weight / (double)(B * K));
}

struct agreement agreement_terms(scope *s, const struct regularization_options *o,
                                 const struct agreement_inputs *in)
{
    return (struct agreement){
        .text = o->text_weight > 0.0 ? text_term(s, o, in) : NULL,
        .image = o->image_weight > 0.0 ? l1(s, in->image, in->clip, o->image_weight) : NULL,
        .logits = o->logits_weight > 0.0 ? logits_term(s, o, in) : NULL,
    };
}

bool agreement_reads_clip(const struct regularization_options *o)
{
    return o->image_weight > 0.0 || o->logits_weight > 0.0;
}

bool agreement_reads_teacher(const struct regularization_options *o)
{
    return o->text_weight > 0.0 || o->logits_weight > 0.0;
}
