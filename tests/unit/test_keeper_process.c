/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The keeper with agents that are played: deaths, standstill, restarts, orderly ends. */
#include "tests/unit/linux_fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

#include "agent/keeper/keeper.h"
#include "agent/net/net.h"
#include "bellwether/board.h"

enum play {
    PLAY_TURN,   /* turns for ever and holds the addresses; ends in order at SIGTERM */
    PLAY_FREEZE, /* turns for 300 ms, then never again */
    PLAY_SPIN,   /* likewise, but it does not sleep */
    PLAY_LATE,   /* is woken from its wait 3 s too late, and turns on */
    PLAY_CRASH,  /* ends at once after its first turn, as from surface 1 */
    PLAY_FAIL,   /* cannot start */
    PLAY_END,    /* ends in order by itself */
    PLAY_DEAF,   /* turns, heeds no SIGTERM */
};

/* Shared between the test, the keeper and the agents. */
static struct shared {
    _Atomic int play;
    _Atomic unsigned starts;
    _Atomic uint64_t started_ns[64];
    _Atomic pid_t agent;
    _Atomic bool keeper_gone; /* an agent saw its death_fd end */
    _Atomic bool installed;
    _Atomic uint32_t surfaces_off;
    struct bw_boot_id boot;
    _Atomic bool term_seen;
} * shared;

static struct bw_config config;
static volatile sig_atomic_t term;

static void on_term(int number)
{
    (void)number;
    term = 1;
}

static void turn(const struct bw_agent_context *context)
{
    atomic_store(&context->lifeline->turn_ns, bw_now_ns());
}

/* Turns until SIGTERM, or until until_ns. */
static void hold(const struct bw_agent_context *context, uint64_t until_ns, bool deaf)
{
    struct bw_linux *edge = NULL;
    struct bw_input input;

    if (bw_linux_new(&config.cluster, &edge) != 0)
        _exit(9);
    while ((deaf || !term) && bw_now_ns() < until_ns) {
        struct pollfd p = {context->lifeline->death_fd, POLLIN, 0};

        turn(context);
        bw_linux_grant(edge, 0, bw_now_ns() + GRANT_NS); /* the lease ends what is not turned */
        if (poll(&p, 1, 5) > 0) {
            atomic_store(&shared->keeper_gone, true);
            break;
        }
        while (bw_linux_next(edge, &input) == 1)
            if (input.kind == BW_INPUT_INSTALLED)
                atomic_store(&shared->installed, true);
    }
    atomic_store(&shared->term_seen, term != 0);
    bw_linux_free(edge);
}

static int agent(const struct bw_agent_context *context)
{
    struct sigaction action = {.sa_handler = on_term};
    unsigned n = atomic_fetch_add(&shared->starts, 1);

    sigaction(SIGTERM, &action, NULL);
    if (n < 64)
        atomic_store(&shared->started_ns[n], bw_now_ns());
    shared->boot = context->lifeline->agent_boot;
    atomic_store(&shared->agent, getpid());
    atomic_store(&shared->surfaces_off, atomic_load(&context->lifeline->surfaces_off));
    switch (atomic_load(&shared->play)) {
    case PLAY_FAIL:
        return 7;
    case PLAY_CRASH:
        turn(context);
        atomic_store(&context->lifeline->crashing, 1 + BW_READER_HTTP);
        raise(SIGKILL);
        break;
    case PLAY_FREEZE:
        hold(context, bw_now_ns() + 300 * BW_MS, false);
        turn(context);
        for (;;)
            pause();
    case PLAY_SPIN:
        hold(context, bw_now_ns() + 300 * BW_MS, false);
        turn(context);
        for (volatile unsigned i = 0;; i++)
            ;
    case PLAY_LATE:
        hold(context, bw_now_ns() + 300 * BW_MS, false);
        atomic_store(&context->lifeline->waiting, 1);
        sleep_ms(3000);
        atomic_store(&context->lifeline->waiting, 0);
        atomic_store(&shared->installed, false);
        hold(context, bw_now_ns() + 60 * BW_SEC, false);
        break;
    case PLAY_END:
        hold(context, bw_now_ns() + 300 * BW_MS, false);
        break;
    case PLAY_DEAF:
        hold(context, bw_now_ns() + 60 * BW_SEC, true);
        break;
    default:
        hold(context, bw_now_ns() + 60 * BW_SEC, false);
    }
    atomic_store(&context->lifeline->stopped, 1);
    return 0;
}

/* The keeper in a process group of its own. */
static pid_t start_keeper(enum play play)
{
    pid_t pid;

    memset(shared, 0, sizeof(*shared));
    atomic_store(&shared->play, play);
    fflush(NULL);
    pid = fork();
    if (pid == 0) {
        struct bw_agent_context context = {.config = &config};

        setpgid(0, 0);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        exit(bw_keeper_run(&context, agent));
    }
    return pid;
}

static bool eventually(bool (*claim)(void))
{
    uint64_t end = bw_now_ns() + PATIENCE_MS * BW_MS;

    while (!claim()) {
        if (bw_now_ns() > end)
            return false;
        sleep_ms(1);
    }
    return true;
}

static bool is_installed(void)
{
    return atomic_load(&shared->installed);
}

static bool is_on(void)
{
    return has_address("192.168.10.100/32");
}

static bool is_off(void)
{
    return !is_on();
}

/* By the pipe or, in the same moment, by the signal. */
static bool has_noticed(void)
{
    return atomic_load(&shared->keeper_gone) || atomic_load(&shared->term_seen);
}

static bool has_started_seven_times(void)
{
    return atomic_load(&shared->starts) >= 7;
}

static int end_keeper(pid_t keeper)
{
    int status = 0;

    kill(keeper, SIGTERM);
    assert_int_equal(waitpid(keeper, &status, 0), keeper);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* Counts the farewells for `over` that arrive at fd within the time, or until there are `enough` (0: never);
 * *first_ns: when the first came. */
static unsigned farewells_until(int fd, const struct bw_boot_id *over, unsigned within_ms, unsigned enough,
                                uint64_t *first_ns)
{
    struct bw_seal_setup setup = {.cluster = 17, .local = 2, .auth_none = true, .seed = {1, 2}};
    struct bw_seal *seal;
    uint64_t end = bw_now_ns() + within_ms * BW_MS;
    uint8_t frame[2048];
    unsigned count = 0;

    memset(&setup.boot, 0x22, sizeof(setup.boot));
    seal = bw_seal_init(calloc(1, bw_seal_size()), &setup);
    while (enough == 0 || count < enough) {
        static struct bw_message message;
        uint64_t now = bw_now_ns();
        int n = captured(fd, frame, sizeof(frame), now < end ? (unsigned)((end - now) / BW_MS) + 1 : 0);

        if (n < 0) /* the time is over and nothing waits */
            break;
        if (n < 42 || frame[12] != 8 || frame[13] != 0 || frame[23] != 17)
            continue;
        if (bw_open_frame(seal, frame + 42, (size_t)n - 42, 0, &message) == BW_VERDICT_FAREWELL &&
            memcmp(&message.farewell.over, over, sizeof(*over)) == 0 && message.farewell.member == 1) {
            if (count++ == 0 && first_ns != NULL)
                *first_ns = bw_now_ns();
        }
    }
    free(seal);
    return count;
}

static unsigned farewells(int fd, const struct bw_boot_id *over, unsigned within_ms)
{
    return farewells_until(fd, over, within_ms, 0, NULL);
}

/* Waits for a death's three farewells. How many there were in the end. */
static unsigned all_farewells(int fd, const struct bw_boot_id *over, uint64_t *first_ns)
{
    return farewells_until(fd, over, PATIENCE_MS, 3, first_ns) + farewells(fd, over, 100);
}

static int setup(void **state)
{
    if (enter_namespace(state) != 0)
        return -1;
    make_pair(0);
    make_pair(1);
    make_config(&config.cluster, 2);
    config.cluster.lease_ns = BW_SEC;
    add_virtual(&config.cluster, "192.168.10.100/24", 0, 0);
    add_virtual(&config.cluster, "fd00:10::100/64", 1, 0);
    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return shared == MAP_FAILED ? -1 : 0;
}

static void killed_agent_is_mourned_and_started_again(void **state)
{
    pid_t keeper = start_keeper(PLAY_TURN);
    int fds[2] = {capture("x0"), capture("x1")};

    (void)state;
    for (int round = 0; round < 3; round++) {
        struct bw_boot_id boot;
        uint64_t start, first = 0;

        assert_true(eventually(is_installed));
        assert_true(eventually(is_on));
        boot = shared->boot;
        atomic_store(&shared->installed, false);
        start = bw_now_ns();
        kill(atomic_load(&shared->agent), SIGKILL);
        assert_int_equal(all_farewells(fds[0], &boot, &first), 3);
        printf("# farewell %u us after the kill\n", (unsigned)((first - start) / 1000));
        assert_int_equal(all_farewells(fds[1], &boot, NULL), 3);
    }
    assert_true(eventually(is_installed));
    assert_true(atomic_load(&shared->starts) == 4);
    assert_int_equal(end_keeper(keeper), 0);
    assert_true(is_off());
    close(fds[0]);
    close(fds[1]);
}

static void addresses_are_off_when_the_farewell_comes(void **state)
{
    pid_t keeper = start_keeper(PLAY_TURN);
    int fd = capture("x0");
    uint8_t frame[2048];

    (void)state;
    assert_true(eventually(is_installed));
    while (captured(fd, frame, sizeof(frame), 20) > 0)
        ;
    atomic_store(&shared->play, PLAY_CRASH); /* the next one puts nothing back */
    kill(atomic_load(&shared->agent), SIGKILL);
    while (captured(fd, frame, sizeof(frame), PATIENCE_MS) > 0 && !(frame[12] == 8 && frame[13] == 0 && frame[23] == 17))
        ;
    assert_true(is_off());
    end_keeper(keeper);
    close(fd);
}

static void engine_without_turns_is_killed(enum play play)
{
    pid_t keeper = start_keeper(play);
    int fd = capture("x0");
    struct bw_boot_id boot;

    assert_true(eventually(is_installed));
    boot = shared->boot;
    atomic_store(&shared->play, PLAY_TURN);
    atomic_store(&shared->installed, false);
    assert_int_equal(all_farewells(fd, &boot, NULL), 3);
    assert_true(eventually(is_installed));
    assert_true(atomic_load(&shared->starts) >= 2);
    assert_int_equal(end_keeper(keeper), 0);
    close(fd);
}

static void standing_engine_is_killed(void **state)
{
    (void)state;
    engine_without_turns_is_killed(PLAY_FREEZE);
}

static void spinning_engine_is_killed(void **state)
{
    (void)state;
    engine_without_turns_is_killed(PLAY_SPIN);
}

/* The machine's doing, not the engine's: nothing is ended. */
static void engine_that_is_woken_late_is_left_alone(void **state)
{
    pid_t keeper = start_keeper(PLAY_LATE);

    (void)state;
    assert_true(eventually(is_installed));
    assert_true(eventually(is_off)); /* it stands */
    assert_true(eventually(is_on));  /* and turns on */
    assert_int_equal(end_keeper(keeper), 0);
    assert_true(atomic_load(&shared->term_seen));
    assert_int_equal(atomic_load(&shared->starts), 1);
}

static void stopped_agent_is_killed(void **state)
{
    pid_t keeper = start_keeper(PLAY_TURN);
    int fd = capture("x0");
    struct bw_boot_id boot;

    (void)state;
    assert_true(eventually(is_installed));
    boot = shared->boot;
    atomic_store(&shared->installed, false);
    kill(atomic_load(&shared->agent), SIGSTOP);
    assert_int_equal(all_farewells(fd, &boot, NULL), 3);
    assert_true(eventually(is_installed));
    assert_int_equal(end_keeper(keeper), 0);
    close(fd);
}

static void both_stopped_and_resumed_goes_on(void **state)
{
    pid_t keeper = start_keeper(PLAY_TURN);
    int fd = capture("x0");
    struct bw_boot_id boot;

    (void)state;
    assert_true(eventually(is_installed));
    boot = shared->boot;
    kill(-keeper, SIGSTOP);
    sleep_ms(3000);
    assert_true(is_off());
    kill(-keeper, SIGCONT);
    assert_int_equal(farewells(fd, &boot, 1500), 0);
    assert_true(eventually(is_on));
    assert_int_equal(atomic_load(&shared->starts), 1);
    assert_int_equal(end_keeper(keeper), 0);
    close(fd);
}

static void orderly_ends_say_nothing(void **state)
{
    int fd = capture("x0");
    struct bw_boot_id boot;
    pid_t keeper = start_keeper(PLAY_TURN);
    int status;

    (void)state;
    assert_true(eventually(is_installed));
    boot = shared->boot;
    assert_int_equal(end_keeper(keeper), 0);
    assert_true(atomic_load(&shared->term_seen));
    assert_true(is_off());
    assert_int_equal(farewells(fd, &boot, 100), 0);
    /* An agent that ends by itself. */
    keeper = start_keeper(PLAY_END);
    assert_int_equal(waitpid(keeper, &status, 0), keeper);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_int_equal(atomic_load(&shared->starts), 1);
    boot = shared->boot;
    assert_int_equal(farewells(fd, &boot, 100), 0);
    close(fd);
}

static void agent_that_does_not_end_is_killed(void **state)
{
    int fd = capture("x0");
    pid_t keeper = start_keeper(PLAY_DEAF);
    struct bw_boot_id boot;
    uint64_t start = bw_now_ns();

    (void)state;
    assert_true(eventually(is_installed));
    boot = shared->boot;
    end_keeper(keeper);
    assert_in_range((bw_now_ns() - start) / BW_MS, 2900, 60000);
    assert_int_equal(all_farewells(fd, &boot, NULL), 3);
    assert_true(is_off());
    close(fd);
}

static void keeper_that_is_killed_is_noticed(void **state)
{
    pid_t keeper = start_keeper(PLAY_TURN);
    int status;

    (void)state;
    assert_true(eventually(is_installed));
    kill(keeper, SIGKILL);
    waitpid(keeper, &status, 0);
    assert_true(eventually(has_noticed));
    assert_true(eventually(is_off));
}

static void crashes_are_held_back_and_counted(void **state)
{
    pid_t keeper = start_keeper(PLAY_CRASH);
    uint64_t gaps_ms[6];

    (void)state;
    assert_true(eventually(has_started_seven_times));
    assert_true(atomic_load(&shared->surfaces_off) == 1U << BW_READER_HTTP);
    for (int i = 0; i < 6; i++)
        gaps_ms[i] = (atomic_load(&shared->started_ns[i + 1]) - atomic_load(&shared->started_ns[i])) / BW_MS;
    printf("# restarts after %u %u %u %u %u %u ms\n", (unsigned)gaps_ms[0], (unsigned)gaps_ms[1], (unsigned)gaps_ms[2],
           (unsigned)gaps_ms[3], (unsigned)gaps_ms[4], (unsigned)gaps_ms[5]);
    assert_true(gaps_ms[1] >= 100 && gaps_ms[2] >= 200 && gaps_ms[3] >= 400 && gaps_ms[5] >= 1000);
    assert_true(gaps_ms[5] < 20000);
    end_keeper(keeper);
}

static void agent_that_cannot_start_ends_all(void **state)
{
    pid_t keeper = start_keeper(PLAY_FAIL);
    int status;

    (void)state;
    assert_int_equal(waitpid(keeper, &status, 0), keeper);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 7);
    assert_int_equal(atomic_load(&shared->starts), 1);
}

/* The next message to the service manager or, when none comes, "". */
static const char *notification(int fd, char *text, size_t cap)
{
    struct pollfd p = {fd, POLLIN, 0};
    ssize_t n = poll(&p, 1, PATIENCE_MS) > 0 ? recv(fd, text, cap - 1, 0) : 0;

    text[n > 0 ? n : 0] = '\0';
    return text;
}

static void service_manager_is_told(void **state)
{
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    char text[128], name[64];
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    pid_t keeper;

    (void)state;
    snprintf(name, sizeof(name), "@bw-test-%d", (int)getpid());
    memcpy(local.sun_path + 1, name + 1, strlen(name) - 1);
    assert_int_equal(
        bind(fd, (struct sockaddr *)&local, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name))), 0);
    setenv("NOTIFY_SOCKET", name, 1);
    setenv("WATCHDOG_USEC", "400000", 1);
    keeper = start_keeper(PLAY_TURN);
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    while (strcmp(notification(fd, text, sizeof(text)), "READY=1") != 0)
        assert_string_equal(text, "WATCHDOG=1");
    assert_true(eventually(is_installed));
    for (int alive = 0; alive < 4; alive++)
        assert_string_equal(notification(fd, text, sizeof(text)), "WATCHDOG=1");
    assert_int_equal(end_keeper(keeper), 0);
    while (strcmp(notification(fd, text, sizeof(text)), "STOPPING=1") != 0)
        assert_string_equal(text, "WATCHDOG=1");
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(killed_agent_is_mourned_and_started_again),
        cmocka_unit_test(addresses_are_off_when_the_farewell_comes),
        cmocka_unit_test(standing_engine_is_killed),
        cmocka_unit_test(spinning_engine_is_killed),
        cmocka_unit_test(engine_that_is_woken_late_is_left_alone),
        cmocka_unit_test(stopped_agent_is_killed),
        cmocka_unit_test(both_stopped_and_resumed_goes_on),
        cmocka_unit_test(orderly_ends_say_nothing),
        cmocka_unit_test(agent_that_does_not_end_is_killed),
        cmocka_unit_test(keeper_that_is_killed_is_noticed),
        cmocka_unit_test(crashes_are_held_back_and_counted),
        cmocka_unit_test(agent_that_cannot_start_ends_all),
        cmocka_unit_test(service_manager_is_told),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
