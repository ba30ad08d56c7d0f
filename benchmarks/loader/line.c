#include "line.h"

#include <err.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static char received[1 << 16]; /* what all lines receive into, in turn */
static struct line *ended;

void begin_list(struct line *list) { list->next = list->previous = list; }

static void leave_list(struct line *line) {
    line->next->previous = line->previous;
    line->previous->next = line->next;
    begin_list(line);
}

void put_first(struct line *list, struct line *line) {
    leave_list(line);
    line->next = list->next;
    line->previous = list;
    list->next->previous = line;
    list->next = line;
}

struct line *new_line(const struct exchange *exchange, void *asker, void (*over)(struct line *line)) {
    struct line *line = calloc(1, sizeof *line);
    if (!line)
        err(1, "a connection");
    begin_list(line);
    line->open = true;
    line->asker = asker;
    line->over = over;
    line->socket = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (line->socket < 0)
        err(1, "a socket");
    setsockopt(line->socket, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    int done = connect(line->socket, (const struct sockaddr *)&exchange->address, sizeof exchange->address);
    line->failed = done < 0 && errno != EINPROGRESS;
    line->wanted = EPOLLOUT;
    struct epoll_event event = {.events = line->wanted, .data.ptr = line};
    if (epoll_ctl(exchange->epoll, EPOLL_CTL_ADD, line->socket, &event) < 0)
        err(1, "epoll_ctl");
    return line;
}

static void tell(struct line *line, int status) {
    if (!line->busy)
        return;
    line->busy = false;
    line->status = status;
    line->over(line);
}

static void end(struct line *line) {
    line->open = false;
    close(line->socket);
    leave_list(line);
    line->next = ended;
    ended = line;
}

static void fail(struct line *line, int status) {
    if (!line->open)
        return;
    end(line);
    begin_answer(&line->answer);
    tell(line, status);
}

void hang_up(struct line *line) { fail(line, CUT); }

void bury(void) {
    while (ended) {
        struct line *line = ended;
        ended = line->next;
        free(line->held);
        free(line);
    }
}

static void want(const struct exchange *exchange, struct line *line, uint32_t wanted) {
    if (wanted == line->wanted)
        return;
    line->wanted = wanted;
    struct epoll_event event = {.events = wanted, .data.ptr = line};
    epoll_ctl(exchange->epoll, EPOLL_CTL_MOD, line->socket, &event);
}

static void send_rest(const struct exchange *exchange, struct line *line) {
    ssize_t sent = send(line->socket, line->unsent.bytes, line->unsent.size, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) {
        fail(line, CUT);
        return;
    }
    if (sent > 0) {
        line->unsent.bytes += sent;
        line->unsent.size -= sent;
    }
    want(exchange, line, EPOLLIN | (line->unsent.size ? EPOLLOUT : 0));
}

void ask(const struct exchange *exchange, struct line *line, struct request request) {
    line->busy = true;
    line->unsent = request;
    line->held_size = 0;
    begin_answer(&line->answer);
    if (line->connected)
        send_rest(exchange, line);
}

static void end_connecting(const struct exchange *exchange, struct line *line) {
    int error = 0;
    getsockopt(line->socket, SOL_SOCKET, SO_ERROR, &error, &(socklen_t){sizeof error});
    if (line->failed || error) {
        fail(line, REFUSED);
        return;
    }
    line->connected = true;
    send_rest(exchange, line);
}

/* The beginning of a line of the answer, for when the rest of it comes. */
static void hold(struct line *line, const char *bytes, size_t size) {
    if (size && !(line->held = realloc(line->held, size)))
        err(1, "an answer");
    memcpy(line->held, bytes, size);
    line->held_size = size;
}

static void answered(struct line *line) {
    if (line->answer.closes)
        end(line);
    tell(line, line->answer.status);
}

static void receive(struct line *line) {
    size_t held = line->held_size;
    if (held)
        memcpy(received, line->held, held);
    ssize_t count = recv(line->socket, received + held, sizeof received - held, 0);
    if (count < 0 && errno == EAGAIN)
        return;
    size_t size = held + (count > 0 ? count : 0);
    ssize_t taken = count > 0 && line->busy ? take(&line->answer, received, size) : -1;
    bool whole = line->answer.phase == WHOLE;
    if (taken < 0 || (whole && (size_t)taken < size)) { /* its end, no answer, or more than one */
        fail(line, CUT);
        return;
    }
    if (whole)
        answered(line);
    else if ((size_t)taken < size || held)
        hold(line, received + taken, size - taken);
}

void ready(const struct exchange *exchange, struct line *line, uint32_t events) {
    if (!line->open)
        return;
    if (!line->connected) {
        end_connecting(exchange, line);
        return;
    }
    if (events & EPOLLOUT && line->unsent.size)
        send_rest(exchange, line);
    if (line->open && events & (EPOLLIN | EPOLLHUP | EPOLLERR))
        receive(line);
}
