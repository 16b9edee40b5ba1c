/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The workers: threads that ask the engine on behalf of clients and wait for its answer, which can take seconds when
 * another member is concerned. They know no socket; the I/O thread hands in a request and is woken when the reply is
 * there.
 */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/control/control.h"
#include "bellwether/log.h"
#include "bellwether/text.h"

/* "cli root" for the history. Reads /etc/passwd itself: the host's name services may hang, and "down" must not wait for
 * them. */
static void describe_asker(uid_t uid, char *who, size_t cap)
{
    char buffer[1024];
    struct passwd entry, *found = NULL;
    FILE *file;

    bw_format(who, cap, uid == 0 ? "cli root" : "cli uid %u", (unsigned)uid);
    if (uid == 0)
        return;
    file = fopen("/etc/passwd", "re");
    if (file == NULL)
        return;
    while (fgetpwent_r(file, &entry, buffer, sizeof(buffer), &found) == 0)
        if (found->pw_uid == uid) {
            bw_format(who, cap, "cli %s", found->pw_name);
            break;
        }
    fclose(file);
}

/* Not the engine's business until there is a good new configuration. It logs itself. */
static void reload(struct bw_control *control, struct bw_control_client *client)
{
    client->outcome = calloc(1, sizeof(*client->outcome));
    if (client->outcome == NULL) {
        client->reply = (struct bw_answer){BW_RESULT_BUSY, "out of memory"};
        return;
    }
    bw_reload_run(control->context.reload, client->request.who, client->outcome);
    client->reply.result = client->outcome->result;
    bw_copy(client->reply.text, sizeof(client->reply.text), client->outcome->text);
}

/* Nor is this. */
static void test_alerts(struct bw_control *control, struct bw_control_client *client)
{
    client->outcome = calloc(1, sizeof(*client->outcome));
    if (client->outcome == NULL) {
        client->reply = (struct bw_answer){BW_RESULT_BUSY, "out of memory"};
        return;
    }
    client->reply.result = bw_alert_desk_test(control->context.alert_desk, client->request.name, client->outcome->lines,
                                              sizeof(client->outcome->lines), client->reply.text);
    bw_log(BW_LOG_NOTICE, "control: %s: test-alert %s: %s", client->request.who, client->request.name,
           bw_control_result_text(client->reply.result));
}

static void ask(struct bw_control *control, struct bw_control_client *client)
{
    struct bw_answer *reply = &client->reply;

    describe_asker(client->uid, client->request.who, sizeof(client->request.who));
    if (client->request.kind == BW_REQUEST_RELOAD && control->context.reload != NULL) {
        reload(control, client);
        return;
    }
    if (client->request.kind == BW_REQUEST_ALERT_TEST) {
        test_alerts(control, client);
        return;
    }
    bw_mailbox_ask(control->context.mailbox, &client->request, reply, BW_CONTROL_ASK_MS);
    bw_store_qualify(&control->context, &client->request, reply);
    /* Scripts report every few seconds; what a report changes is in the history. */
    bw_log(client->request.kind == BW_REQUEST_PNOTE_REPORT ? BW_LOG_DEBUG : BW_LOG_NOTICE,
           "control: %s: %s%s%s: %s%s%s", client->request.who, client->command,
           client->request.name[0] != '\0' ? " " : "", client->request.name, bw_control_result_text(reply->result),
           reply->text[0] != '\0' ? ": " : "", reply->text);
}

static void *work(void *argument)
{
    struct bw_control *control = argument;
    struct bw_control_client *client;

    bw_surface_enter(BW_READER_CONTROL);
    pthread_mutex_lock(&control->lock);
    for (;;) {
        while (control->queue_count == 0 && !control->stopping)
            pthread_cond_wait(&control->work, &control->lock);
        if (control->stopping)
            break;
        client = control->queue[0];
        control->queue_count--;
        memmove(control->queue, control->queue + 1, control->queue_count * sizeof(control->queue[0]));
        control->asking_count++;
        pthread_mutex_unlock(&control->lock);
        ask(control, client);
        pthread_mutex_lock(&control->lock);
        control->asking_count--;
        client->replied = true;
        (void)!write(control->wake_fd, &(uint64_t){1}, sizeof(uint64_t));
    }
    pthread_mutex_unlock(&control->lock);
    return NULL;
}

int bw_control_work(struct bw_control *control, struct bw_control_client *client)
{
    int rc = -EBUSY;

    pthread_mutex_lock(&control->lock);
    if (control->queue_count + control->asking_count < BW_CONTROL_QUEUE_MAX) {
        client->replied = false;
        control->queue[control->queue_count++] = client;
        pthread_cond_signal(&control->work);
        rc = 0;
    }
    pthread_mutex_unlock(&control->lock);
    return rc;
}

int bw_control_workers_start(struct bw_control *control)
{
    pthread_attr_t attributes;
    int rc = 0;

    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 256 * 1024);
    while (rc == 0 && control->workers_count < BW_CONTROL_WORKERS) {
        rc = pthread_create(&control->workers[control->workers_count], &attributes, work, control);
        if (rc == 0)
            pthread_setname_np(control->workers[control->workers_count++], "bw-ask");
    }
    pthread_attr_destroy(&attributes);
    return -rc;
}

void bw_control_workers_stop(struct bw_control *control)
{
    pthread_mutex_lock(&control->lock);
    control->stopping = true;
    pthread_cond_broadcast(&control->work);
    pthread_mutex_unlock(&control->lock);
    for (unsigned i = 0; i < control->workers_count; i++)
        pthread_join(control->workers[i], NULL);
    control->workers_count = 0;
}
