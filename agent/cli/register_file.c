/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `register -f FILE`: registers all critical devices of a file, or none. What can be known beforehand (bad lines, names
 * that are registered, too many) is told for every line before anything is done; when the daemon refuses one all the
 * same, those before it are taken away again.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/cli/cli.h"
#include "agent/cli/pnote_file.h"
#include "bellwether/text.h"

struct teller {
    struct bw_cli *cli;
    const char *path; /* as shown */
    unsigned errors;
};

static void tell_line(void *context, unsigned line, const char *what)
{
    struct teller *teller = context;

    fprintf(teller->cli->err, "%s:%u: %s\n", teller->path, line, what);
    teller->errors++;
}

/* The whole file; NULL with the reason told. The caller frees it. */
static char *read_all(struct bw_cli *cli, const char *path, size_t *length)
{
    bool standard = strcmp(path, "-") == 0;
    FILE *in = standard ? stdin : fopen(path, "re");
    char *text = malloc(BW_PNOTE_FILE_MAX + 1);
    int error = in == NULL ? errno : 0;

    *length = 0;
    if (in != NULL && text != NULL) {
        *length = fread(text, 1, BW_PNOTE_FILE_MAX + 1, in);
        error = ferror(in) ? errno : 0;
    }
    if (in != NULL && !standard)
        fclose(in);
    if (error != 0)
        fprintf(cli->err, "bellwether: cannot read %s: %s\n", path, strerror(error));
    else if (*length > BW_PNOTE_FILE_MAX)
        fprintf(cli->err, "bellwether: %s is larger than %d bytes\n", path, BW_PNOTE_FILE_MAX);
    else
        return text;
    free(text);
    return NULL;
}

/* Compares with what is registered: BW_EXIT_DONE, or the exit status with every line that can't be told. */
static int check_registered(struct bw_cli *cli, const struct bw_pnote_file *file, struct teller *teller)
{
    struct json_object *answer, *data, *pnotes;
    int rc = bw_cli_snapshot(cli, &answer, &data);
    unsigned here = 0;

    if (rc != BW_EXIT_DONE)
        return rc;
    pnotes = bw_cli_get(data, "pnotes");
    for (size_t k = 0; k < json_object_array_length(pnotes); k++) {
        struct json_object *pnote = json_object_array_get_idx(pnotes, k);

        if (bw_cli_number(pnote, "member") != bw_cli_number(bw_cli_get(data, "cluster"), "local_member"))
            continue;
        here++;
        for (unsigned i = 0; i < file->count; i++)
            if (strcmp(bw_cli_text(pnote, "name"), file->lines[i].name) == 0) {
                char what[BW_TEXT_MAX];

                bw_format(what, sizeof(what), "\"%s\" is already registered; unregister it first", file->lines[i].name);
                tell_line(teller, file->lines[i].line, what);
            }
    }
    json_object_put(answer);
    if (teller->errors == 0 && here + file->count > BW_MAX_PNOTES) {
        fprintf(cli->err,
                "bellwether: %u critical devices are registered and %s has %u: together no more than %d fit\n", here,
                teller->path, file->count, BW_MAX_PNOTES);
        teller->errors++;
    }
    return teller->errors == 0 ? BW_EXIT_DONE : BW_EXIT_PROBLEM;
}

static void take_back(struct bw_cli *cli, const struct bw_pnote_file *file, unsigned count, bool persistent)
{
    for (unsigned i = count; i-- > 0;) {
        struct json_object *request = bw_cli_request("unregister"), *answer;

        json_object_object_add(request, "name", json_object_new_string(file->lines[i].name));
        if (persistent)
            json_object_object_add(request, "persistent", json_object_new_boolean(true));
        if (bw_cli_ask(cli, request, &answer) != BW_EXIT_DONE)
            fprintf(cli->err, "bellwether: \"%s\" stays registered\n", file->lines[i].name);
        json_object_put(answer);
    }
}

static int register_all(struct bw_cli *cli, const struct bw_pnote_file *file, const char *path, bool persistent)
{
    for (unsigned i = 0; i < file->count; i++) {
        const struct bw_pnote_line *row = &file->lines[i];
        struct json_object *answer;
        int rc = bw_cli_ask(cli, bw_cli_register_request(row->name, row->status, row->timeout_s, persistent), &answer);

        json_object_put(answer);
        if (rc == BW_EXIT_DONE)
            continue;
        fprintf(cli->err, "%s:%u: \"%s\" was not registered, so none of the file is\n", path, row->line, row->name);
        take_back(cli, file, i, persistent);
        return rc;
    }
    return BW_EXIT_DONE;
}

int bw_cli_register_file(struct bw_cli *cli, const char *path, bool persistent, bool quiet)
{
    struct bw_pnote_file *file = calloc(1, sizeof(*file));
    struct teller teller = {.cli = cli, .path = strcmp(path, "-") == 0 ? "standard input" : path};
    char *text = NULL;
    size_t length;
    int rc = BW_EXIT_PROBLEM;

    if (file == NULL)
        goto out;
    text = read_all(cli, path, &length);
    if (text == NULL)
        goto out;
    /* Names that are registered are told along with lines that can't be read, so that all can be put right at once. */
    bw_pnote_file_parse(text, length, file, tell_line, &teller);
    if (file->count > 0)
        rc = check_registered(cli, file, &teller);
    if (teller.errors > 0)
        rc = BW_EXIT_PROBLEM;
    if (rc == BW_EXIT_DONE)
        rc = register_all(cli, file, teller.path, persistent);
    if (rc == BW_EXIT_DONE && cli->json)
        fprintf(cli->out, "{\"result\":\"done\",\"registered\":%u}\n", file->count);
    else if (rc == BW_EXIT_DONE && !quiet)
        fprintf(cli->out, "done: %u registered\n", file->count);
out:
    if (teller.errors > 0)
        fprintf(cli->err, "bellwether: nothing was registered\n");
    free(text);
    free(file);
    return rc;
}
