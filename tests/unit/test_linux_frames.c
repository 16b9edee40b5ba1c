/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ARP and neighbour discovery frames, byte for byte and back; nonsense is refused. */
#include "tests/unit/linux_fixture.h"

#include "agent/linux/frames.h"

static const uint8_t mac[6] = {2, 0, 0, 0, 0, 0x11}, other[6] = {2, 0, 0, 0, 0, 0x22};

static void gratuitous_arp(void **state)
{
    static const uint8_t request[42] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0,   0x11, 8,  6,
                                        0,    1,    8,    0,    6,    4,    0, 1, 2, 0, 0,   0,    0,  0x11,
                                        192,  168,  10,   100,  0,    0,    0, 0, 0, 0, 192, 168,  10, 100};
    struct bw_address a = address_of("192.168.10.100/24");
    struct bw_neighbour_frame read;
    uint8_t frame[BW_NEIGHBOUR_FRAME_MAX];

    (void)state;
    assert_int_equal(bw_frame_gratuitous(frame, mac, &a, false), 42);
    assert_memory_equal(frame, request, 42);
    assert_int_equal(bw_frame_gratuitous(frame, mac, &a, true), 42);
    assert_int_equal(frame[21], 2);
    assert_true(bw_frame_read_arp(frame + 14, 28, &read));
    assert_true(read.answer);
    assert_memory_equal(read.mac, mac, 6);
    assert_memory_equal(read.from.bytes, a.bytes, 4);
    assert_memory_equal(read.about.bytes, a.bytes, 4);
}

/* The Internet checksum over pseudo header and message has to come out as all ones. */
static bool checksum_right(const uint8_t *ip)
{
    unsigned length = (unsigned)ip[4] << 8 | ip[5];
    uint32_t sum = length + 58;

    for (unsigned i = 8; i < 40 + length; i += 2)
        sum += (uint32_t)ip[i] << 8 | ip[i + 1];
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return sum == 0xffff;
}

static void advertisement(void **state)
{
    struct bw_address a = address_of("fd00:10::100/64");
    struct bw_neighbour_frame read;
    uint8_t frame[BW_NEIGHBOUR_FRAME_MAX];

    (void)state;
    assert_int_equal(bw_frame_advertisement(frame, mac, &a, false), 86);
    assert_memory_equal(frame, "\x33\x33\0\0\0\1\2\0\0\0\0\x11\x86\xdd", 14);
    assert_int_equal(frame[14 + 7], 255);
    assert_memory_equal(frame + 14 + 8, a.bytes, 16);
    assert_memory_equal(frame + 14 + 24, "\xff\2\0\0\0\0\0\0\0\0\0\0\0\0\0\1", 16);
    assert_int_equal(frame[54], 136);
    assert_int_equal(frame[58], 0x20);
    assert_true(checksum_right(frame + 14));
    assert_true(bw_frame_read_nd(frame + 14, 72, &read));
    assert_true(read.answer);
    assert_memory_equal(read.from.bytes, a.bytes, 16);
    assert_memory_equal(read.mac, mac, 6);
    bw_frame_advertisement(frame, mac, &a, true);
    assert_int_equal(frame[58], 0xa0);
    assert_true(checksum_right(frame + 14));
}

static void questions(void **state)
{
    struct bw_address own = address_of("192.168.10.1/24"), own6 = address_of("fe80::1/64"), none = {0};
    struct bw_address four = address_of("192.168.10.9"), six = address_of("fd00::1:2:3:4");
    struct bw_neighbour_frame read;
    uint8_t frame[BW_NEIGHBOUR_FRAME_MAX];
    size_t length;

    (void)state;
    assert_int_equal(bw_frame_ask(frame, mac, &own, &four, NULL), 42);
    assert_memory_equal(frame, "\xff\xff\xff\xff\xff\xff", 6);
    assert_true(bw_frame_read_arp(frame + 14, 28, &read));
    assert_false(read.answer);
    assert_memory_equal(read.from.bytes, own.bytes, 4);
    assert_memory_equal(read.about.bytes, four.bytes, 4);
    bw_frame_ask(frame, mac, &none, &four, other);
    assert_memory_equal(frame, other, 6);
    assert_true(bw_frame_read_arp(frame + 14, 28, &read));
    assert_int_equal(read.from.family, 0);

    length = bw_frame_ask(frame, mac, &own6, &six, NULL);
    assert_int_equal(length, 86);
    assert_memory_equal(frame, "\x33\x33\xff\x03\x00\x04", 6);
    assert_memory_equal(frame + 38, "\xff\2\0\0\0\0\0\0\0\0\0\1\xff\x03\x00\x04", 16);
    assert_true(checksum_right(frame + 14));
    assert_true(bw_frame_read_nd(frame + 14, length - 14, &read));
    assert_false(read.answer);
    assert_memory_equal(read.from.bytes, own6.bytes, 16);
    assert_memory_equal(read.about.bytes, six.bytes, 16);
    assert_memory_equal(read.mac, mac, 6);
    bw_frame_ask(frame, mac, &own6, &six, other);
    assert_memory_equal(frame, other, 6);
    assert_memory_equal(frame + 38, six.bytes, 16);
    /* Without an own address: no option, to the group. */
    length = bw_frame_ask(frame, mac, &none, &six, other);
    assert_int_equal(length, 78);
    assert_memory_equal(frame + 38, "\xff\2", 2);
    assert_true(checksum_right(frame + 14));
    assert_true(bw_frame_read_nd(frame + 14, length - 14, &read));
    assert_int_equal(read.from.family, 0);
}

static void nonsense_is_refused(void **state)
{
    struct bw_address a = address_of("fd00:10::100/64"), b = address_of("10.0.0.1");
    struct bw_neighbour_frame read;
    uint8_t nd[BW_NEIGHBOUR_FRAME_MAX] = {0}, arp[BW_NEIGHBOUR_FRAME_MAX] = {0}, bad[BW_NEIGHBOUR_FRAME_MAX];
    uint32_t seed = 1;

    (void)state;
    bw_frame_advertisement(nd, mac, &a, false);
    bw_frame_gratuitous(arp, mac, &b, false);
    for (size_t n = 0; n < 28; n++)
        assert_false(bw_frame_read_arp(arp + 14, n, &read));
    for (size_t n = 0; n < 72; n++)
        assert_false(bw_frame_read_nd(nd + 14, n, &read));
    memcpy(bad, nd, sizeof(bad));
    bad[14 + 7] = 64; /* came over a router */
    assert_false(bw_frame_read_nd(bad + 14, 72, &read));
    memcpy(bad, nd, sizeof(bad));
    bad[54 + 25] = 0; /* an option of no length */
    assert_true(bw_frame_read_nd(bad + 14, 72, &read));
    assert_memory_equal(read.mac, "\0\0\0\0\0\0", 6);
    memcpy(bad, arp, sizeof(bad));
    bad[14 + 4] = 8; /* another length of link-layer addresses */
    assert_false(bw_frame_read_arp(bad + 14, 28, &read));
    for (int i = 0; i < 200000; i++) {
        uint8_t *exact;
        size_t length;

        seed = seed * 1664525 + 1013904223;
        length = (seed >> 8) % 90;
        exact = malloc(length);
        memcpy(exact, seed & 0x80000000 ? nd + 14 : arp + 14, length);
        for (int k = 0; k < 4 && length > 0; k++) {
            seed = seed * 1664525 + 1013904223;
            exact[(seed >> 8) % length] = (uint8_t)(seed >> 16);
        }
        /* From the end of an exact allocation: the sanitizer sees any byte too far. */
        bw_frame_read_arp(exact, length, &read);
        bw_frame_read_nd(exact, length, &read);
        free(exact);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gratuitous_arp),
        cmocka_unit_test(advertisement),
        cmocka_unit_test(questions),
        cmocka_unit_test(nonsense_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
