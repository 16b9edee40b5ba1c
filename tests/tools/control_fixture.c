/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs the control surface alone on the fixed snapshot, until a signal ends it:  control_fixture SOCKET
 */
#include <signal.h>
#include <stdio.h>

#include "tests/unit/control_fake.h"

int main(int argc, char **argv)
{
    static struct bw_fake fake;
    sigset_t set;
    int signal_number;

    if (argc != 2) {
        fprintf(stderr, "Usage: control_fixture SOCKET\n");
        return 2;
    }
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    bw_fake_start(&fake, argv[1]);
    if (bw_control_start(&fake.context, &fake.control) < 0) {
        bw_fake_stop(&fake);
        return 1;
    }
    printf("ready\n");
    fflush(stdout);
    sigwait(&set, &signal_number);
    bw_fake_stop(&fake);
    return 0;
}
