/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which member a host is, and the key file: agent/config/local.c, agent/config/key.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bellwether/config.h"
#include "bellwether/text.h"

static struct bw_config config;
static struct bw_config_errors errors;
static char folder[] = "/tmp/bw-test-XXXXXX";

static void parse(const char *local)
{
    char text[1024];

    snprintf(text, sizeof(text),
             "cluster = { id = 1; name = \"c\"; auth = \"none\"; %s\n"
             "members = ( { id = 1; name = \"fw1\"; address = \"10.0.10.1\"; },\n"
             "            { id = 2; name = \"fw2\"; address = \"fd00::2\"; } );\n"
             "interfaces = ( { name = \"eth0\"; } ); };\n",
             local);
    assert_int_equal(bw_config_parse(text, strlen(text), "t.conf", &config, &errors), 0);
}

static int resolve(const char *address, const char *hostname)
{
    struct bw_address all[3];

    assert_int_equal(bw_address_from_text("127.0.0.1/8", &all[0]), 0);
    assert_int_equal(bw_address_from_text("192.168.10.100/24", &all[1]), 0);
    if (address)
        assert_int_equal(bw_address_from_text(address, &all[2]), 0);
    return bw_config_resolve_local(&config, all, address ? 3 : 2, hostname, &errors);
}

static void test_local(void **state)
{
    (void)state;
    parse("");
    assert_int_equal(resolve("10.0.10.1/24", "elsewhere"), 0);
    assert_int_equal(config.cluster.local, 0);
    assert_int_equal(resolve("fd00::2/64", "fw1"), 0); /* the address decides before the name */
    assert_int_equal(config.cluster.local, 1);
    assert_int_equal(resolve(NULL, "fw2"), 0);
    assert_int_equal(config.cluster.local, 1);
    assert_int_equal(resolve(NULL, "FW2.example.org"), 0);
    assert_int_equal(config.cluster.local, 1);
    assert_int_equal(errors.count, 0);
    parse("local = \"fw2\";");
    assert_int_equal(resolve("10.0.10.1/24", "fw1"), 0); /* what is written decides before all */
    assert_int_equal(config.cluster.local, 1);
}

static void test_local_unknown(void **state)
{
    struct bw_address both[2];

    (void)state;
    parse("");
    assert_int_equal(resolve("10.0.10.3/24", "fw22"), -ENOENT);
    assert_int_equal(config.cluster.local, BW_NONE);
    assert_int_equal(errors.count, 1);
    assert_string_equal(
        errors.text,
        "this host is none of the members \"fw1\" (10.0.10.1), \"fw2\" (fd00::2): its name is \"fw22\", its "
        "addresses are 127.0.0.1, 192.168.10.100, 10.0.10.3; allowed: local = \"NAME\" in the cluster "
        "section, or a member with one of these addresses or this name\n");
    assert_int_equal(bw_config_resolve_local(&config, NULL, 0, NULL, &errors), -ENOENT);
    assert_non_null(strstr(errors.text, "its addresses are none"));
    assert_int_equal(bw_address_from_text("fd00::2", &both[0]), 0);
    assert_int_equal(bw_address_from_text("10.0.10.1", &both[1]), 0);
    assert_int_equal(bw_config_resolve_local(&config, both, 2, "fw1", &errors), -ENOENT);
    assert_string_equal(errors.text,
                        "this host has the addresses of both members \"fw1\" and \"fw2\"; allowed: local = "
                        "\"NAME\" in the cluster section\n");
    assert_int_equal(config.cluster.local, BW_NONE);
}

/* The same by the system's own addresses and name, in a network and a name of our own. */
static void test_host(void **state)
{
    (void)state;
    assert_int_equal(unshare(CLONE_NEWNET | CLONE_NEWUTS), 0);
    assert_int_equal(sethostname("elsewhere", 9), 0);
    parse("");
    assert_int_equal(bw_config_resolve_host(&config, &errors), -ENOENT);
    assert_non_null(strstr(errors.text, "its name is \"elsewhere\", its addresses are none"));
    assert_int_equal(sethostname("fw2.example", 11), 0);
    assert_int_equal(bw_config_resolve_host(&config, &errors), 0);
    assert_int_equal(config.cluster.local, 1);
    assert_int_equal(system("ip link set lo up && ip address add 10.0.10.1/32 dev lo"), 0);
    assert_int_equal(bw_config_resolve_host(&config, &errors), 0);
    assert_int_equal(config.cluster.local, 0);
}

#define KEY  "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF"
#define KEY2 "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff01"
#define ZERO "0000000000000000000000000000000000000000000000000000000000000000"

static const char *path_of(const char *name)
{
    static char path[128];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static uint8_t keys[2][BW_KEY_BYTES];
static unsigned keys_count;

static int read_key(const char *text, size_t length, mode_t mode)
{
    const char *path = path_of("key");
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, length), (ssize_t)length);
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
    memset(keys, 0xee, sizeof(keys));
    return bw_config_read_key(path, keys, &keys_count, &errors);
}

static void test_key(void **state)
{
    static const char two[] = "# made today\n\n  " KEY "  \r\n# old\n" KEY2;

    (void)state;
    assert_int_equal(read_key(KEY "\n", sizeof(KEY), 0600), 0);
    assert_int_equal(keys_count, 1);
    assert_int_equal(keys[0][1], 0x11);
    assert_int_equal(keys[0][31], 0xff);
    assert_int_equal(read_key(two, sizeof(two) - 1, 0400), 0);
    assert_int_equal(keys_count, 2);
    assert_int_equal(keys[0][26], 0xaa);
    assert_int_equal(keys[1][31], 0x01);
    assert_string_equal(errors.text, "");
}

/* Each refusal: the reason with the line, never the key's text, and nothing left in the caller's buffer. */
static void test_key_wrong(void **state)
{
    static const struct {
        const char *text, *told;
    } wrong[] = {
        {"", "1: the file holds no key"},
        {"# nothing\n\n", "3: the file holds no key"},
        {"\n0011223344556677\n", "2: the line is not a key"},
        {KEY "\n" KEY2 "0\n", "2: the line is not a key"},
        {"00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFg\n", "1: the line is not a key"},
        {KEY " " KEY2 "\n", "1: the line is not a key"},
        {KEY "\n" KEY2 "\n" KEY "\n", "3: a third key"},
        {ZERO "\n", "1: the line is a key of zeros only"},
    };
    static const uint8_t nothing[2][BW_KEY_BYTES];
    char start[160];

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_int_equal(read_key(wrong[i].text, strlen(wrong[i].text), 0600), -EINVAL);
        snprintf(start, sizeof(start), "%s:%s; allowed: ", path_of("key"), wrong[i].told);
        assert_memory_equal(errors.text, start, strlen(start));
        assert_null(strstr(errors.text, "0011223344"));
        assert_int_equal(keys_count, 0);
        assert_memory_equal(keys, nothing, sizeof(keys));
    }
}

static void test_key_file(void **state)
{
    static const mode_t modes[] = {0640, 0604, 0660, 0601};
    char large[9000];

    (void)state;
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        assert_int_equal(read_key(KEY, sizeof(KEY) - 1, modes[i]), -EPERM);
        assert_non_null(strstr(errors.text, "lets others in; allowed: 0600 or 0400"));
    }
    memset(large, '#', sizeof(large));
    assert_int_equal(read_key(large, sizeof(large), 0600), -EINVAL);
    assert_non_null(strstr(errors.text, "it has 9000 bytes; allowed: at most 8192"));
    assert_int_equal(chown(path_of("key"), 65534, 65534), 0);
    assert_int_equal(bw_config_read_key(path_of("key"), keys, &keys_count, &errors), -EPERM);
    assert_non_null(strstr(errors.text, "it belongs to user 65534"));
    assert_int_equal(bw_config_read_key(path_of("none"), keys, &keys_count, &errors), -ENOENT);
    assert_non_null(strstr(errors.text, "cannot be opened: No such file or directory"));
    assert_int_equal(bw_config_read_key(folder, keys, &keys_count, &errors), -EINVAL);
    assert_non_null(strstr(errors.text, "is not a regular file"));
    assert_int_equal(mkfifo(path_of("fifo"), 0600), 0);
    assert_int_equal(bw_config_read_key(path_of("fifo"), keys, &keys_count, &errors), -EINVAL); /* and does not wait */
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(path_of("key"));
    unlink(path_of("fifo"));
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_local), cmocka_unit_test(test_local_unknown), cmocka_unit_test(test_host),
        cmocka_unit_test(test_key),   cmocka_unit_test(test_key_wrong),     cmocka_unit_test(test_key_file),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
