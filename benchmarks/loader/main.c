/* The load client: asks one server of this machine what it is told to, and tells what came of it.

   Its plan comes by standard input and its records go to standard output, both as benchmarks/loader/messages.py has them. In C,
   because on a machine of two cores what the client takes the service lacks: an interpreter is most of the cost of a
   small answer. Linux only (epoll). */

#include <arpa/inet.h>
#include <err.h>
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <time.h>

#include "plan.h"

enum { EVENTS = 256 };

static double began;

static double clock_s(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec * 1e-9;
}

double now(void) { return clock_s() - began; }

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

static bool all_over(const struct plan *plan) {
    for (uint32_t i = 0; i < plan->count; i++)
        if (!is_over(&plan->streams[i]))
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

static void run(const struct exchange *exchange, const struct plan *plan) {
    const double patience = fmin(1.0, plan->longest_answer); /* between two looks at who waits too long */
    double impatient_at = patience;
    while (!all_over(plan)) {
        double soonest = impatient_at;
        for (uint32_t i = 0; i < plan->count; i++)
            soonest = fmin(soonest, wake_at(&plan->streams[i]));
        look(exchange, soonest);
        bool impatient = impatient_at <= now();
        if (impatient)
            impatient_at = now() + patience;
        for (uint32_t i = 0; i < plan->count; i++) {
            if (wake_at(&plan->streams[i]) <= now())
                wake(&plan->streams[i]);
            if (impatient)
                lose_patience(&plan->streams[i], plan->longest_answer);
        }
        bury();
    }
}

static struct exchange exchange_at(uint32_t port) {
    struct exchange exchange = {.epoll = epoll_create1(EPOLL_CLOEXEC)};
    if (exchange.epoll < 0)
        err(1, "epoll_create1");
    exchange.address = (struct sockaddr_in){
        .sin_family = AF_INET,
        .sin_port = htons(port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    return exchange;
}

int main(void) {
    struct plan plan = get_plan();
    struct exchange exchange = exchange_at(plan.port);
    struct records records = {0};
    bool is_open = false;
    for (uint32_t i = 0; i < plan.count; i++) {
        begin_stream(&plan.streams[i], &exchange, &records);
        is_open |= plan.streams[i].is_open;
    }
    if (is_open)
        take_turns();
    began = clock_s();
    run(&exchange, &plan);
    return fwrite(records.all, sizeof *records.all, records.count, stdout) == records.count && !fflush(stdout) ? 0 : 1;
}
