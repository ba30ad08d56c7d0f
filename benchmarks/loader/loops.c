#include "loops.h"

#include <err.h>
#include <math.h>
#include <stdlib.h>

static const double PAUSE_S = 0.05; /* before a connection is made again */

static void told(struct line *line);

static bool has_ended(const struct stream *stream) {
    return now() >= stream->end || (stream->most && stream->begun >= stream->most);
}

/* line: NULL for a new one. */
static void ask_next(struct stream *stream, struct line *line, double due) {
    if (!line)
        line = new_line(stream->exchange, stream, told);
    line->request = stream->begun++ % stream->requests_count;
    line->due = due;
    line->asked = now();
    put_first(&stream->asked, line);
    stream->waiting++;
    ask(stream->exchange, line, stream->requests[line->request]);
}

static void record(struct stream *stream, const struct line *line) {
    struct records *records = stream->records;
    if (records->count == records->room) {
        records->room = records->room ? 2 * records->room : 4096;
        records->all = realloc(records->all, records->room * sizeof *records->all);
        if (!records->all)
            err(1, "records");
    }
    records->all[records->count++] = (struct record){
        .due = line->due,
        .done = now(),
        .size = line->answer.size,
        .stream = stream->number,
        .request = line->request,
        .status = line->status,
        .retry_after = line->answer.retry_after,
    };
}

/* Closed: each connection asks again as soon as it was answered. */

static void pause_one(struct stream *stream, double until) {
    stream->paused[(stream->paused_first + stream->paused_count++) % stream->connections] = until;
}

static void go_on(struct stream *stream, struct line *line) {
    if (!has_ended(stream))
        ask_next(stream, line && line->open ? line : NULL, now());
    else if (line)
        hang_up(line);
}

static void wake_closed(struct stream *stream) {
    while (stream->paused_count && stream->paused[stream->paused_first] <= now()) {
        stream->paused_first = (stream->paused_first + 1) % stream->connections;
        stream->paused_count--;
        go_on(stream, NULL);
    }
}

static void told_closed(struct stream *stream, struct line *line) {
    bool failed = line->status == CUT || line->status == REFUSED;
    if (stream->until_status && (failed || line->status == stream->until_status))
        hang_up(line);
    else if (failed && !has_ended(stream))
        pause_one(stream, now() + PAUSE_S);
    else
        go_on(stream, line);
}

/* Open: on time, on the connection used last of those that are free, or as soon as one is. */

static void ask_what_is_due(struct stream *stream) {
    while (stream->begun < stream->arrived && stream->waiting < stream->connections) {
        struct line *line = stream->free.next;
        ask_next(stream, line == &stream->free ? NULL : line, stream->due[stream->begun]);
    }
    if (is_over(stream))
        while (stream->free.next != &stream->free)
            hang_up(stream->free.next);
}

static void wake_open(struct stream *stream) {
    while (stream->arrived < stream->arrivals && stream->due[stream->arrived] <= now())
        stream->arrived++;
    ask_what_is_due(stream);
}

static void told_open(struct stream *stream, struct line *line) {
    if (line->open)
        put_first(&stream->free, line);
    ask_what_is_due(stream);
}

/* Either. */

static void told(struct line *line) {
    struct stream *stream = line->asker;
    stream->waiting--;
    record(stream, line);
    if (stream->is_open)
        told_open(stream, line);
    else
        told_closed(stream, line);
}

void begin_stream(struct stream *stream, const struct exchange *exchange, struct records *records) {
    stream->exchange = exchange;
    stream->records = records;
    begin_list(&stream->asked);
    begin_list(&stream->free);
    if (stream->is_open)
        return;
    stream->paused = calloc(stream->connections, sizeof *stream->paused);
    if (!stream->paused)
        err(1, "a stream");
    for (uint32_t i = 0; i < stream->connections; i++)
        pause_one(stream, stream->start);
}

double wake_at(const struct stream *stream) {
    if (stream->is_open)
        return stream->arrived < stream->arrivals ? stream->due[stream->arrived] : INFINITY;
    return stream->paused_count ? stream->paused[stream->paused_first] : INFINITY;
}

void wake(struct stream *stream) {
    if (stream->is_open)
        wake_open(stream);
    else
        wake_closed(stream);
}

void lose_patience(struct stream *stream, double seconds) {
    double at = now();
    struct line *line = stream->asked.next;
    while (line != &stream->asked) {
        struct line *next = line->next;
        if (at - line->asked > seconds)
            hang_up(line);
        line = next;
    }
}

bool is_over(const struct stream *stream) { return !stream->waiting && wake_at(stream) == INFINITY; }
