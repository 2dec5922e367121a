/* The parts of the page, in their order. Each appends its HTML; those with pictures note or write them (thumbs.h). */
#ifndef PROMPT_SRC_PAGE_SECTIONS_H
#define PROMPT_SRC_PAGE_SECTIONS_H

#include "model.h"

/* The name, an honest sentence about the data, the notes, the accuracies beside the published ones. */
int section_head(struct str *out, const struct page *p);
/* Accuracy over n, and of each run. */
int section_accuracy(struct str *out, const struct page *p);
/* Paired differences between groups, and between n = 0 and n = N, with intervals. */
int section_differences(struct str *out, const struct page *p);
/* Losses over steps. */
int section_training(struct str *out, const struct page *p);
/* Accuracy of each class as bars. */
int section_classes(struct str *out, const struct page *p);
/* The confusion matrix, and its largest entries with pictures. */
int section_confusion(struct str *out, struct page *p);
/* Pictures that iterations correct, and those that they spoil. */
int section_pictures(struct str *out, struct page *p);
/* The few-shot samples. */
int section_samples(struct str *out, struct page *p);
/* Settings, digests, versions, cost. */
int section_settings(struct str *out, const struct page *p);

/* page.css and page.js, which the build embeds. */
extern const unsigned char page_style[];
extern const unsigned char page_script[];

/* The title of a group's details: <summary>ProMPT: OxfordFlowers, base classes</summary>; the first is open. */
void section_summary(struct str *out, const struct page *p, size_t group, size_t list, bool is_open);
/* A coloured square and the group's name. */
void section_group(struct str *out, const struct page *p, size_t group);

#endif
