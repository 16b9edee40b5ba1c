/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The desk: where somebody who asks for a test of the alert targets meets the alert thread. One test at a time. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "alert.h"

#define WAIT_S 10

enum desk_state { FREE, ASKED, TAKEN, ANSWERED };

struct bw_alert_desk {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int wake_fd; /* of the alert thread; negative: it does not run */
    enum desk_state state;
    enum bw_result result;
    char name[BW_NAME_MAX];
    char lines[BW_CHANGES_TEXT_MAX];
};

struct bw_alert_desk *bw_alert_desk_new(void)
{
    struct bw_alert_desk *desk = calloc(1, sizeof(*desk));
    pthread_condattr_t attributes;

    if (desk == NULL)
        return NULL;
    desk->wake_fd = -1;
    pthread_mutex_init(&desk->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&desk->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    return desk;
}

void bw_alert_desk_free(struct bw_alert_desk *desk)
{
    if (desk == NULL)
        return;
    pthread_cond_destroy(&desk->changed);
    pthread_mutex_destroy(&desk->lock);
    free(desk);
}

void bw_alert_desk_open(struct bw_alert_desk *desk, int wake_fd)
{
    if (desk == NULL)
        return;
    pthread_mutex_lock(&desk->lock);
    desk->wake_fd = wake_fd;
    pthread_cond_broadcast(&desk->changed);
    pthread_mutex_unlock(&desk->lock);
}

bool bw_alert_desk_take(struct bw_alert_desk *desk, char *name)
{
    bool asked;

    if (desk == NULL)
        return false;
    pthread_mutex_lock(&desk->lock);
    asked = desk->state == ASKED;
    if (asked) {
        desk->state = TAKEN;
        bw_copy(name, BW_NAME_MAX, desk->name);
    }
    pthread_mutex_unlock(&desk->lock);
    return asked;
}

void bw_alert_desk_answer(struct bw_alert_desk *desk, enum bw_result result, const char *lines)
{
    pthread_mutex_lock(&desk->lock);
    if (desk->state == TAKEN) {
        desk->state = ANSWERED;
        desk->result = result;
        bw_copy(desk->lines, sizeof(desk->lines), lines);
        pthread_cond_broadcast(&desk->changed);
    }
    pthread_mutex_unlock(&desk->lock);
}

static enum bw_result wait_answer(struct bw_alert_desk *desk, char *lines, size_t cap)
{
    struct timespec end;
    enum bw_result result = BW_RESULT_TIMEOUT;

    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += WAIT_S;
    while (desk->state != ANSWERED && desk->wake_fd >= 0)
        if (pthread_cond_timedwait(&desk->changed, &desk->lock, &end) == ETIMEDOUT)
            break;
    if (desk->state == ANSWERED) {
        result = desk->result;
        bw_copy(lines, cap, desk->lines);
    }
    desk->state = FREE;
    return result;
}

enum bw_result bw_alert_desk_test(struct bw_alert_desk *desk, const char *target, char *lines, size_t cap, char *text)
{
    enum bw_result result = BW_RESULT_BUSY;

    lines[0] = text[0] = '\0';
    if (desk == NULL) {
        bw_copy(text, BW_TEXT_MAX, "alerting does not run");
        return result;
    }
    pthread_mutex_lock(&desk->lock);
    if (desk->wake_fd < 0) {
        bw_copy(text, BW_TEXT_MAX, "alerting does not run");
    } else if (desk->state != FREE) {
        bw_copy(text, BW_TEXT_MAX, "another test is under way: try again in some seconds");
    } else {
        desk->state = ASKED;
        bw_copy(desk->name, sizeof(desk->name), target);
        (void)!write(desk->wake_fd, &(uint64_t){1}, sizeof(uint64_t));
        result = wait_answer(desk, lines, cap);
    }
    pthread_mutex_unlock(&desk->lock);
    if (result == BW_RESULT_NOT_FOUND)
        bw_format(text, BW_TEXT_MAX, target[0] != '\0' ? "there is no alert target \"%s\"" : "no alert target is configured%s",
                  target);
    else if (result == BW_RESULT_REFUSED)
        bw_copy(text, BW_TEXT_MAX, "not every target has taken the test message");
    else if (result == BW_RESULT_TIMEOUT)
        bw_copy(text, BW_TEXT_MAX, "the alert thread did not answer in time");
    return result;
}
