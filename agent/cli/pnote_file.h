/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The file form of `register -f`: critical devices, one per line, "name timeout status". Pure: from bytes to rows, with
 * every bad line named.
 */
#ifndef AGENT_CLI_PNOTE_FILE_H
#define AGENT_CLI_PNOTE_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "bellwether/model.h"

#define BW_PNOTE_FILE_MAX 65536 /* bytes */

/* One line of the file. */
struct bw_pnote_line {
    unsigned line; /* from 1 */
    char name[BW_NAME_MAX];
    double timeout_s;   /* 0 = none */
    const char *status; /* "ok", "init" or "problem" */
};

struct bw_pnote_file {
    unsigned count;
    unsigned errors;
    struct bw_pnote_line lines[BW_MAX_PNOTES];
};

/* Told of each bad line; what needs no newline and is fit to be printed. */
typedef void (*bw_pnote_file_error)(void *context, unsigned line, const char *what);

/* Reads a whole file. Returns true when every line was good and there was at least one device. */
bool bw_pnote_file_parse(const char *bytes, size_t length, struct bw_pnote_file *file, bw_pnote_file_error error,
                         void *context);

#endif
