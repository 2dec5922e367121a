/** HTML character references, replaced as by Python's html.unescape() and ftfy's unescape_html(). */
#ifndef PROMPT_TEXT_HTML_H
#define PROMPT_TEXT_HTML_H

#include "prompt/text/unicode.h"

/**
 * Replaces all references once, in place: a reference is never shorter than its replacement.
 *
 * HTML5's names with and without their semicolon (without: the longest that matches), and decimal and
 * hexadecimal numbers with HTML5's replacements for C1 controls. One difference from Python 3.11, which
 * refuses decimal numbers of more than 4,300 digits: here they become U+FFFD, like all numbers beyond
 * Unicode.
 */
void html_unescape(struct codepoints *text);

/**
 * The same by ftfy's rules: only references that end with ';', of at most 24 letters or digits, except
 * numbers of ';' itself. Names in lower case may be written in capitals ("&EACUTE;") unless that is a name of
 * its own.
 */
void html_unescape_closed(struct codepoints *text);

#endif
