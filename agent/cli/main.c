/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The `bellwether` program. Everything is in the library, where the tests reach it. */
#include <locale.h>
#include <signal.h>

#include "agent/cli/cli.h"

int main(int argc, char **argv)
{
    setlocale(LC_TIME, "");
    signal(SIGPIPE, SIG_DFL);
    return bw_cli_run(argc, argv, stdout, stderr);
}
