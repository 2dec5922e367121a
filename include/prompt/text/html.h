/** HTML character references, as Python's html.unescape() and ftfy's unescape_html() replace them. */
#ifndef PROMPT_TEXT_HTML_H
#define PROMPT_TEXT_HTML_H

#include "prompt/text/unicode.h"

/**
 * Replaces all references once, in place: a reference is never shorter than what it stands for.
 *
 * Names of HTML5 with and without their semicolon (of those without, the longest that the text begins with),
 * decimal and hexadecimal numbers with HTML5's replacements for C1 controls. One difference to Python 3.11,
 * which refuses decimal numbers of more than 4,300 digits: here they are U+FFFD like all that lie beyond
 * Unicode.
 */
void html_unescape(struct codepoints *text);

/**
 * The same as ftfy does it: references that end with ';' alone, 24 letters or digits at most, and no number
 * that stands for ';'. Names of small letters may be written in capitals ("&EACUTE;") if that is no name of
 * its own.
 */
void html_unescape_closed(struct codepoints *text);

#endif
