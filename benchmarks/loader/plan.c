#include "plan.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>

static void *room_for(size_t count, size_t size) {
    void *room = calloc(count ? count : 1, size);
    if (!room)
        err(1, "the plan");
    return room;
}

static void get(void *into, size_t size) {
    if (fread(into, 1, size, stdin) != size)
        errx(1, "the plan ends too early");
}

static struct request get_request(void) {
    uint32_t size;
    get(&size, sizeof size);
    char *bytes = room_for(size, 1);
    get(bytes, size);
    return (struct request){bytes, size};
}

static void get_stream(struct stream *stream) {
    int64_t arrivals;
    get(&stream->connections, sizeof stream->connections);
    get(&stream->most, sizeof stream->most);
    get(&stream->until_status, sizeof stream->until_status);
    get(&stream->start, sizeof stream->start);
    get(&stream->end, sizeof stream->end);
    get(&arrivals, sizeof arrivals);
    stream->is_open = arrivals >= 0;
    if (stream->is_open) {
        stream->arrivals = arrivals;
        stream->due = room_for(arrivals, sizeof *stream->due);
        get(stream->due, arrivals * sizeof *stream->due);
    }
    get(&stream->requests_count, sizeof stream->requests_count);
    stream->requests = room_for(stream->requests_count, sizeof *stream->requests);
    for (uint32_t i = 0; i < stream->requests_count; i++)
        stream->requests[i] = get_request();
}

struct plan get_plan(void) {
    struct plan plan;
    get(&plan.port, sizeof plan.port);
    get(&plan.longest_answer, sizeof plan.longest_answer);
    get(&plan.count, sizeof plan.count);
    plan.streams = room_for(plan.count, sizeof *plan.streams);
    for (uint32_t i = 0; i < plan.count; i++) {
        get_stream(&plan.streams[i]);
        plan.streams[i].number = i;
    }
    return plan;
}
