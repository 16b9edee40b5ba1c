/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An example of libbellwether: as long as a file is missing, this cluster member should not be active.
 *
 *     cc watch-file.c $(pkg-config --cflags --libs bellwether) -o watch-file
 *     ./watch-file NAME FILE [SECONDS]
 *
 * It looks every second (or SECONDS); when it is stopped, killed or stuck, its critical device NAME runs into its
 * timeout and counts as a problem. Ends on TERM or INT, and takes the device along.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bellwether/bellwether.h>

#define WAIT_MS 1000 /* a call takes no longer */

static volatile sig_atomic_t ending;

static void end(int number)
{
    (void)number;
    ending = 1;
}

static enum bellwether_status look(const char *path, char *detail, size_t size)
{
    if (access(path, F_OK) == 0) {
        detail[0] = '\0';
        return BELLWETHER_OK;
    }
    snprintf(detail, size, "%s: %s", path, strerror(errno));
    return BELLWETHER_PROBLEM;
}

int main(int argc, char **argv)
{
    double interval_s = argc > 3 ? atof(argv[3]) : 1;
    struct timespec interval = {(time_t)interval_s, (long)((interval_s - (double)(time_t)interval_s) * 1e9)};
    struct sigaction action = {.sa_handler = end};
    struct bellwether *b;
    char detail[BELLWETHER_TEXT_MAX + 1];
    enum bellwether_status status;

    if (argc < 3 || interval_s <= 0 || interval_s > 86400) {
        fprintf(stderr, "Usage: watch-file NAME FILE [SECONDS]\n");
        return 2;
    }
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    b = bellwether_new(NULL);
    if (b == NULL) {
        perror("watch-file");
        return 1;
    }
    /* Three missed reports are a problem. An earlier run of this program may have left the device behind. */
    status = look(argv[2], detail, sizeof(detail));
    if (bellwether_register(b, argv[1], status, (unsigned)(interval_s * 3000) + WAIT_MS, BELLWETHER_ADOPT, WAIT_MS) <
        0) {
        fprintf(stderr, "watch-file: %s\n", bellwether_reason());
        bellwether_free(b);
        return 1;
    }
    while (!ending) {
        status = look(argv[2], detail, sizeof(detail));
        if (bellwether_report(b, argv[1], status, detail, WAIT_MS) < 0)
            fprintf(stderr, "watch-file: %s\n", bellwether_reason()); /* the next one may get through */
        nanosleep(&interval, NULL);
    }
    bellwether_unregister(b, argv[1], 0, WAIT_MS);
    bellwether_free(b);
    return 0;
}
