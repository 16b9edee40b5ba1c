/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Golden files: a surface's whole output for the fixture, compared byte by byte with tests/golden/NAME. Run the test
 * with BW_GOLDEN=write to write the files anew; then read the difference before committing it.
 */
#ifndef BELLWETHER_TESTS_GOLDEN_H
#define BELLWETHER_TESTS_GOLDEN_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline bool bw_golden_same(const char *name, const char *text, size_t length)
{
    const char *mode = getenv("BW_GOLDEN");
    bool write = mode != NULL && strcmp(mode, "write") == 0, same = true;
    char path[256];
    size_t i, line = 1;
    FILE *f;
    int c = 0;

    snprintf(path, sizeof(path), "tests/golden/%s", name);
    f = fopen(path, write ? "w" : "r");
    if (f == NULL) {
        fprintf(stderr, "# cannot open %s (run from the project's top; BW_GOLDEN=write makes it)\n", path);
        return false;
    }
    if (write) {
        same = fwrite(text, 1, length, f) == length;
        return fclose(f) == 0 && same;
    }
    for (i = 0; i < length; i++) {
        c = fgetc(f);
        if (c != (unsigned char)text[i])
            break;
        line += c == '\n';
    }
    if (i == length)
        c = fgetc(f);
    same = i == length && c == EOF;
    if (!same) {
        size_t start = i;

        while (start > 0 && start <= length && text[start - 1] != '\n')
            start--;
        fprintf(stderr, "# %s differs in line %zu; now it is: %.*s\n", path, line, (int)strcspn(text + start, "\n"),
                text + start);
    }
    fclose(f);
    return same;
}

#endif
