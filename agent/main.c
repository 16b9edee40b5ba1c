/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bellwetherd: start-up and wiring, nothing else. Options and configuration first, then the keeper,
 * which forks the agent; the agent starts the surfaces and runs the engine in its main thread.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/engine/engine.h"
#include "agent/keeper/estate.h"
#include "agent/keeper/keeper.h"
#include "agent/linux/linux.h"
#include "agent/reload/daemon.h"
#include "bellwether/sync.h"
#include "bellwether/sync_view.h"
#include "bellwether/log.h"
#include "bellwether/surface.h"
#include "bellwether/text.h"

#define DEFAULT_CONFIG BW_SYSCONFDIR "/bellwether/bellwether.conf"

enum { EXIT_GOOD = 0, EXIT_TROUBLE = 1, EXIT_USAGE = 2 };

/* Read by the signal handler, so it cannot be passed in. */
static struct bw_engine *volatile running_engine;

static void on_stop_signal(int signal_number)
{
    int saved = errno;

    (void)signal_number;
    if (running_engine != NULL)
        bw_engine_stop(running_engine);
    errno = saved;
}

/* Likewise. */
static struct bw_reload *volatile running_reload;

static void on_reload_signal(int signal_number)
{
    int saved = errno;

    (void)signal_number;
    if (running_reload != NULL)
        bw_reload_wake(running_reload);
    errno = saved;
}

static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

/* Read by the crash handler, so it cannot be passed in. */
static struct bw_lifeline *crash_lifeline;

static void on_crash(int signal_number)
{
    unsigned surface = bw_surface_current();

    (void)signal_number;
    if (surface != 0)
        atomic_store(&crash_lifeline->crashing, surface);
    /* The default action is back in place: returning repeats the fault and ends the process. */
}

static void take_crashes(struct bw_lifeline *lifeline)
{
    struct sigaction crash = {.sa_handler = on_crash, .sa_flags = (int)SA_RESETHAND}, present;

    crash_lifeline = lifeline;
    sigemptyset(&crash.sa_mask);
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
        if (sigaction(faults[i], NULL, &present) == 0 && present.sa_handler == SIG_DFL) /* a sanitizer has its own */
            sigaction(faults[i], &crash, NULL);
}

static void take_signals(void)
{
    struct sigaction stop = {.sa_handler = on_stop_signal}, ignore = {.sa_handler = SIG_IGN};
    struct sigaction reload = {.sa_handler = on_reload_signal, .sa_flags = SA_RESTART};
    sigset_t all;

    sigemptyset(&stop.sa_mask);
    sigaction(SIGTERM, &stop, NULL);
    sigaction(SIGINT, &stop, NULL);
    sigaction(SIGPIPE, &ignore, NULL);
    sigemptyset(&reload.sa_mask);
    sigaction(SIGHUP, &reload, NULL);
    /* Surfaces' threads start with all signals blocked; the engine's thread takes them. */
    sigfillset(&all);
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
        sigdelset(&all, faults[i]);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
}

/* The surfaces, in the order of their start. A surface that cannot start is told and left out: failover goes on without it. */
struct surfaces {
    struct bw_control *control;
    struct bw_store *store;
    struct bw_http *http;
    struct bw_snmp *snmp;
    struct bw_traps *traps;
    struct bw_monitors *monitors;
    struct bw_resources *resources;
    struct bw_alerts *alerts;
    struct bw_sync *sync;
    int runner; /* for the monitors: socket of the helper that runs commands, negative = none */
    int resource_runner; /* for the resources likewise */
    int alert_runner; /* for alerts likewise */
};

static bool is_off(const struct bw_agent_context *context, enum bw_reader surface, const char *name)
{
    if ((atomic_load(&context->lifeline->surfaces_off) >> surface & 1) == 0)
        return false;
    bw_log(BW_LOG_ERROR, "%s stays off: it crashed three times within a minute", name);
    return true;
}

static void start_surfaces(const struct bw_agent_context *context, const struct bw_surface_context *with,
                           struct surfaces *surfaces)
{
    const struct bw_config *config = context->config;

    if (!is_off(context, BW_READER_CONTROL, "the control socket") && bw_control_start(with, &surfaces->control) != 0)
        bw_log(BW_LOG_ERROR, "running without the control socket");
    if (!is_off(context, BW_READER_STORE, "the store") && bw_store_start(with, &surfaces->store) != 0)
        bw_log(BW_LOG_ERROR, "running without keeping history and admin states over restarts");
    if (config->http.enabled && !is_off(context, BW_READER_HTTP, "HTTP") && bw_http_start(with, &surfaces->http) != 0)
        bw_log(BW_LOG_ERROR, "running without HTTP");
    if (config->snmp.enabled && !is_off(context, BW_READER_SNMP, "SNMP") && bw_snmp_start(with, &surfaces->snmp) != 0)
        bw_log(BW_LOG_ERROR, "running without SNMP");
    if (surfaces->traps != NULL && bw_traps_start(with, surfaces->traps) != 0)
        bw_log(BW_LOG_ERROR, "running without received traps");
    if (config->monitors_count > 0 && !is_off(context, BW_READER_MONITOR, "monitoring") &&
        bw_monitors_start(with, surfaces->runner, &surfaces->monitors) != 0)
        bw_log(BW_LOG_ERROR, "running without monitors");
    if (!is_off(context, BW_READER_RESOURCE, "the resources of groups") &&
        bw_resources_start(with, surfaces->resource_runner, &surfaces->resources) != 0)
        bw_log(BW_LOG_ERROR, "running without the resources of groups");
    if (!is_off(context, BW_READER_ALERT, "alerting") && bw_alerts_start(with, surfaces->alert_runner, &surfaces->alerts) != 0)
        bw_log(BW_LOG_ERROR, "running without alerts");
}

static void start_sync(const struct bw_agent_context *context, const struct bw_surface_context *with, struct surfaces *surfaces)
{
    const struct bw_sync_setup setup = {.context = with, .boot = context->lifeline->agent_boot};

    if (!is_off(context, BW_READER_SYNC, "state synchronisation") && bw_sync_start(&setup, &surfaces->sync) != 0)
        bw_log(BW_LOG_ERROR, "running without state synchronisation");
}

static void stop_surfaces(struct surfaces *surfaces)
{
    bw_sync_stop(surfaces->sync);
    bw_resources_stop(surfaces->resources);
    if (surfaces->monitors != NULL)
        bw_monitors_stop(surfaces->monitors);
    if (surfaces->snmp != NULL)
        bw_snmp_stop(surfaces->snmp);
    if (surfaces->http != NULL)
        bw_http_stop(surfaces->http);
    bw_alerts_stop(surfaces->alerts);
    if (surfaces->control != NULL)
        bw_control_stop(surfaces->control);
    if (surfaces->store != NULL)
        bw_store_stop(surfaces->store);
}

static void prepare_start(const struct bw_agent_context *context, struct bw_history *history, struct bw_core_start *start)
{
    memset(start, 0, sizeof(*start));
    bw_store_load(context->config, history, start);
    start->syncs = bw_sync_wanted(context->config) && (atomic_load(&context->lifeline->surfaces_off) >> BW_READER_SYNC & 1) == 0;
    start->boot = context->lifeline->agent_boot;
    start->now_ns = bw_now_ns();
    start->wall = bw_wall();
    bw_copy(start->version, sizeof(start->version), BW_VERSION);
    if (bw_random(&start->seed, sizeof(start->seed)) != 0)
        start->seed = start->now_ns;
}

static int run_engine(struct bw_engine *engine)
{
    sigset_t none;
    int error;

    running_engine = engine;
    sigemptyset(&none);
    pthread_sigmask(SIG_SETMASK, &none, NULL);
    error = bw_engine_run(engine);
    running_engine = NULL;
    return error;
}

/* The helpers that run commands: forked before there is anything else. */
static struct surfaces prepare_runners(const struct bw_agent_context *context)
{
    struct surfaces surfaces = {0};

    bw_estate_keep_private(context->lifeline->estate); /* there will be keys in it, and what is forked here must not see them */
    atomic_store(&context->lifeline->end_ns, bw_resources_stop_ns(context->config));
    surfaces.resource_runner = bw_resources_prepare(context->config);
    surfaces.alert_runner = bw_alerts_prepare(context->config);
    surfaces.runner = bw_monitors_prepare(context->config);
    return surfaces;
}

/* The agent: what the keeper runs in its child. */
static int agent_main(const struct bw_agent_context *context)
{
    const struct bw_config *config = context->config;
    struct surfaces surfaces = prepare_runners(context);
    struct bw_stats stats = {0};
    struct bw_handover handover = {0};
    struct bw_published_rows rows = {bw_published_new(sizeof(struct bw_sync_rows)), bw_published_new(sizeof(struct bw_alert_rows)),
                                     bw_published_new(sizeof(struct bw_resource_rows)), bw_sync_view_new(), bw_facts_desk_new()};
    struct bw_agent agent = {context, config, bw_board_new(), bw_mailbox_new(), bw_history_new(), &stats, &handover, rows};
    struct bw_surface_context with = {config, agent.board, agent.mailbox, agent.history, &stats, NULL, rows, bw_alert_desk_new()};
    struct bw_core_start *start = calloc(1, sizeof(*start));
    struct bw_engine *engine = NULL;
    int error = -ENOMEM;

    prctl(PR_SET_NAME, "bw-engine");
    take_signals();
    take_crashes(context->lifeline);
    /* Before the first thread; a failure is told and leaves only the traps out. */
    (void)bw_traps_prepare(config, (void *)(uintptr_t)context->keys, sizeof(context->keys), &surfaces.traps);
    if (bw_log_start("bellwetherd", context->foreground, bw_log_level_by_name(config->log_level)) != 0 ||
        agent.board == NULL || agent.mailbox == NULL || agent.history == NULL || start == NULL || rows.sync == NULL ||
        rows.alerts == NULL || rows.resources == NULL || rows.facts == NULL)
        goto out;
    prepare_start(context, agent.history, start);
    bw_store_load_others(config, rows.facts);
    error = bw_engine_new(&agent, start, &engine);
    if (error != 0)
        goto out;
    bw_lock_memory();
    if (bw_reload_new(&agent, true, &with.reload) != 0)
        bw_log(BW_LOG_ERROR, "running without reload");
    running_reload = with.reload;
    start_surfaces(context, &with, &surfaces);
    start_sync(context, &with, &surfaces);
    bw_log(BW_LOG_NOTICE, "bellwetherd %s: member %s of cluster %s (id %u)", BW_VERSION,
           config->cluster.members[config->cluster.local].name, config->cluster.name, config->cluster.id);
    error = run_engine(engine);
    if (error == 0)
        atomic_store(&context->lifeline->stopped, 1);
    running_reload = NULL;
    stop_surfaces(&surfaces);
out:
    bw_traps_stop(surfaces.traps);
    bw_engine_free(engine);
    bw_reload_free(with.reload);
    explicit_bzero(handover.keys, sizeof(handover.keys));
    free(start);
    bw_history_free(agent.history);
    bw_mailbox_free(agent.mailbox);
    bw_alert_desk_free(with.alert_desk);
    bw_board_free(agent.board);
    bw_published_free(rows.sync);
    bw_sync_view_free(rows.sync_view);
    bw_facts_desk_free(rows.facts);
    bw_published_free(rows.alerts);
    bw_published_free(rows.resources);
    bw_log_stop();
    return error == 0 ? EXIT_GOOD : EXIT_TROUBLE;
}

static void usage(FILE *to)
{
    fprintf(to, "usage: bellwetherd [-c FILE] [-f] [-t] [--version] [--help]\n"
                "  -c FILE    configuration (default " DEFAULT_CONFIG ")\n"
                "  -f         stay in the foreground, log to stderr\n"
                "  -t         check the configuration and exit: 0 good, 1 with every error as file:line: …\n");
}

struct options {
    const char *path;
    bool foreground, test;
};

/* Returns -1 to go on, else the exit status. */
static int read_options(int argc, char **argv, struct options *options)
{
    static const struct option longs[] = {{"version", no_argument, NULL, 'V'}, {"help", no_argument, NULL, 'h'}, {0}};
    int option;

    while ((option = getopt_long(argc, argv, "c:ftVh", longs, NULL)) != -1) {
        switch (option) {
        case 'c':
            options->path = optarg;
            break;
        case 'f':
            options->foreground = true;
            break;
        case 't':
            options->test = true;
            break;
        case 'V':
            printf("bellwetherd %s\n", BW_VERSION);
            return EXIT_GOOD;
        case 'h':
            usage(stdout);
            return EXIT_GOOD;
        default:
            usage(stderr);
            return EXIT_USAGE;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "bellwetherd: unexpected argument \"%s\"\n", argv[optind]);
        usage(stderr);
        return EXIT_USAGE;
    }
    return -1;
}

/* One daemon per cluster and host (network namespace): a second one would take the first one's addresses for leftovers. The mark is an
 * abstract socket's name, which needs no disk, belongs to the namespace, and goes with the last process that holds it. A predecessor
 * that is just ending gets three seconds. Returns a descriptor, or a negative errno. */
static int take_place(const struct bw_cluster_config *cluster)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int length = snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, "bellwetherd-%u", cluster->id);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), error = 0;

    if (fd < 0)
        return -errno;
    for (int tries = 0; tries < 30; tries++) {
        if (bind(fd, (struct sockaddr *)&address, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length)) == 0)
            return fd;
        error = -errno;
        usleep(100000);
    }
    close(fd);
    return error;
}

/* The path from the root on: reload opens it again when the working directory is another one. Links stay as they are written. */
static const char *absolute(const char *path)
{
    char here[PATH_MAX], *whole = NULL;

    if (path[0] != '/' && (getcwd(here, sizeof(here)) == NULL || asprintf(&whole, "%s/%s", here, path) < 0))
        return path;
    return whole != NULL ? whole : path;
}

static int tell(const struct bw_config_errors *errors)
{
    fputs(errors->text, stderr);
    return EXIT_TROUBLE;
}

int main(int argc, char **argv)
{
    static struct bw_config config;
    static struct bw_config_errors errors;
    static struct bw_agent_context context;
    struct options options = {.path = DEFAULT_CONFIG};
    int status = read_options(argc, argv, &options);

    if (status >= 0)
        return status;
    if (bw_config_load(options.path, &config, &errors) != 0)
        return tell(&errors);
    if (bw_config_check_alerts(options.path, &config, &errors) != 0)
        return tell(&errors);
    if (options.test)
        return EXIT_GOOD;
    if (bw_config_resolve_host(&config, &errors) != 0)
        return tell(&errors);
    context = (struct bw_agent_context){.config = &config, .config_path = absolute(options.path), .foreground = options.foreground};
    if (!config.cluster.auth_none &&
        bw_config_read_key(config.cluster.key_file, context.keys, &context.keys_count, &errors) != 0)
        return tell(&errors);
    status = take_place(&config.cluster);
    if (status < 0) {
        fprintf(stderr, "bellwetherd: cannot run for cluster %u: %s\n", config.cluster.id,
                status == -EADDRINUSE ? "another bellwetherd runs for it on this host" : strerror(-status));
        return EXIT_TROUBLE;
    }
    if (!options.foreground && daemon(0, 0) != 0) {
        perror("bellwetherd: cannot go into the background");
        return EXIT_TROUBLE;
    }
    bw_log_direct("bellwetherd", options.foreground, bw_log_level_by_name(config.log_level));
    /* Told there when it fails: it goes on with what it has. */
    (void)(bw_monitors_need_users(&config) || bw_alerts_need_users(&config) ? bw_drop_privileges_but_commands() : bw_drop_privileges(NULL));
    status = bw_keeper_run(&context, agent_main);
    explicit_bzero(context.keys, sizeof(context.keys));
    return status;
}
