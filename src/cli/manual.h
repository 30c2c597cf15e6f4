/* manual: the table of settings as a manual page and as a plain list. */
#ifndef ODRADEK_CLI_MANUAL_H
#define ODRADEK_CLI_MANUAL_H

#include <stdio.h>

/* odradek.conf(5), in the man macros. */
void manual_page(FILE *to);
/* One setting per line, fields separated by tabs. */
void manual_list(FILE *to);

#endif
