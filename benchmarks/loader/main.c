/* The load client: asks one server of this machine what it is told to, and tells what came of it.

   Its plan comes by standard input and its records go to standard output, both as benchmarks/client.py has them. In C,
   because on a machine of two cores what the client takes the service lacks: an interpreter is most of the cost of a
   small answer. Linux only (epoll). */

#include <arpa/inet.h>
#include <err.h>
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

#include "loops.h"

enum { EVENTS = 256 };

static double began;

static double clock_s(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec * 1e-9;
}

double now(void) { return clock_s() - began; }

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

/* Where all cores compute what was asked for, this process waits for its turn instead of interrupting them.

   It stands for clients on machines of their own, which would not. For open loops only: what they send late by that
   counts as latency, while a closed loop would ask for less. */
static void take_turns(void) {
    sched_setscheduler(0, SCHED_BATCH, &(struct sched_param){0}); /* a wish: without it the figures are lower */
}

static int milliseconds_until(double at) {
    double seconds = at - now();
    return seconds > 0 ? (int)fmin(ceil(seconds * 1e3), 1e6) : 0;
}

static bool all_over(const struct stream *streams, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        if (!is_over(&streams[i]))
            return false;
    return true;
}

static void look(const struct exchange *exchange, double until) {
    struct epoll_event events[EVENTS];
    int count = epoll_wait(exchange->epoll, events, EVENTS, milliseconds_until(until));
    for (int i = 0; i < count; i++)
        ready(exchange, events[i].data.ptr, events[i].events);
    bury();
}

static void run(const struct exchange *exchange, struct stream *streams, uint32_t count, double longest_answer) {
    const double patience = fmin(1.0, longest_answer); /* between two looks at who waits too long */
    double impatient_at = patience;
    while (!all_over(streams, count)) {
        double soonest = impatient_at;
        for (uint32_t i = 0; i < count; i++)
            soonest = fmin(soonest, wake_at(&streams[i]));
        look(exchange, soonest);
        bool impatient = impatient_at <= now();
        if (impatient)
            impatient_at = now() + patience;
        for (uint32_t i = 0; i < count; i++) {
            if (wake_at(&streams[i]) <= now())
                wake(&streams[i]);
            if (impatient)
                lose_patience(&streams[i], longest_answer);
        }
        bury();
    }
}

int main(void) {
    uint32_t port, count;
    double longest_answer;
    struct records records = {0};
    struct exchange exchange = {.epoll = epoll_create1(EPOLL_CLOEXEC)};
    if (exchange.epoll < 0)
        err(1, "epoll_create1");
    get(&port, sizeof port);
    get(&longest_answer, sizeof longest_answer);
    get(&count, sizeof count);
    exchange.address = (struct sockaddr_in){
        .sin_family = AF_INET,
        .sin_port = htons(port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    struct stream *streams = room_for(count, sizeof *streams);
    bool is_open = false;
    for (uint32_t i = 0; i < count; i++) {
        get_stream(&streams[i]);
        streams[i].number = i;
        streams[i].exchange = &exchange;
        streams[i].records = &records;
        begin_stream(&streams[i]);
        is_open |= streams[i].is_open;
    }
    if (is_open)
        take_turns();
    began = clock_s();
    run(&exchange, streams, count, longest_answer);
    return fwrite(records.all, sizeof *records.all, records.count, stdout) == records.count && !fflush(stdout) ? 0 : 1;
}
