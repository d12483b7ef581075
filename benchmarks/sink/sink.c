/* A thin Abillify for measuring: one thread, epoll, HTTP/1.1 with keep-alive on loopback.

   sink [LATENCY_MS] [PORT]     prints the port that it listens on, serves until its standard input is closed

   Every request is read to its last byte and thrown away; the answer leaves LATENCY_MS later. An import is answered with
   three fresh references, any GET with an empty page of invoices. Outside the latency:
   GET /stats    what was seen since the last reset: imports, bytes of their bodies, CPU time of this process in
                 microseconds, and the moments (CLOCK_MONOTONIC, ns) of the first import's first byte and the last
                 import's last answered byte
   GET /reset    the same, and begins anew                                                                         */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

static const char PAGE[] = "{\"page\": 1, \"pageSize\": 1, \"query\": {}, \"rows\": []}";
enum { CONNECTIONS = 4096, HEAD = 16384, ANSWERS = 8192 };

typedef struct {
    char head[HEAD + 1];  /* what has come of the head */
    size_t filled;        /* bytes in it */
    uint64_t body_left;   /* bytes of the body that are still to come */
    uint64_t began;
    uint32_t life;        /* counts up with every connection on this descriptor */
    int in_body, is_import;
} Connection;

typedef struct {
    uint64_t due;
    uint32_t life;
    int fd, is_import;
} Answer;

static Connection *connections[CONNECTIONS];
static Answer answers[ANSWERS]; /* a ring: every answer waits equally long, so the first to be due is the first in it */
static size_t first_answer, last_answer;
static uint64_t latency, imports, import_bytes, first_at, last_at, references = 100000, cpu_before;
static int timer;

static uint64_t now(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (uint64_t)at.tv_sec * 1000000000u + (uint64_t)at.tv_nsec;
}

static uint64_t cpu_us(void) {
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return (uint64_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000u +
           (uint64_t)(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
}

static void hang_up(int fd) {
    if (connections[fd]) connections[fd]->life++, connections[fd]->filled = 0, connections[fd]->in_body = 0;
    close(fd);
}

static void reply(int fd, const char *body) {
    static char date[64];
    static time_t dated;
    time_t at = time(NULL);
    if (at != dated) strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime(&at)), dated = at;
    char text[1024];
    int length = snprintf(text, sizeof text,
                          "HTTP/1.1 200 OK\r\nDate: %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                          date, strlen(body), body);
    if (send(fd, text, (size_t)length, MSG_NOSIGNAL) != length) hang_up(fd);
}

static void confirm(int fd) {
    char body[200];
    uint64_t n = references += 3;
    snprintf(body, sizeof body,
             "{\"communicationReference\": \"_%llu\", \"fileReference\": \"_%llu\", \"voucherReference\": \"_%llu\"}",
             (unsigned long long)n, (unsigned long long)n + 1, (unsigned long long)n + 2);
    reply(fd, body);
    imports++;
    last_at = now();
}

static void tell(int fd, int reset) {
    char body[400];
    snprintf(body, sizeof body,
             "{\"imports\": %llu, \"import_bytes\": %llu, \"cpu_us\": %llu, \"first_at\": %llu, \"last_at\": %llu}",
             (unsigned long long)imports, (unsigned long long)import_bytes, (unsigned long long)(cpu_us() - cpu_before),
             (unsigned long long)first_at, (unsigned long long)last_at);
    reply(fd, body);
    if (reset) imports = import_bytes = first_at = last_at = 0, cpu_before = cpu_us();
}

static void arm(void) {
    struct itimerspec when = {0};
    if (first_answer != last_answer) {
        uint64_t due = answers[first_answer % ANSWERS].due;
        when.it_value.tv_sec = (time_t)(due / 1000000000u);
        when.it_value.tv_nsec = (long)(due % 1000000000u);
    }
    timerfd_settime(timer, TFD_TIMER_ABSTIME, &when, NULL);
}

static void answer(int fd, Connection *c, int is_import) {
    if (latency == 0) {
        is_import ? confirm(fd) : reply(fd, PAGE);
        return;
    }
    if (last_answer - first_answer == ANSWERS) exit(3); /* more under way than there are connections: not our client */
    answers[last_answer++ % ANSWERS] = (Answer){now() + latency, c->life, fd, is_import};
    if (last_answer - first_answer == 1) arm();
}

static void answer_due(void) {
    uint64_t at = now();
    while (first_answer != last_answer && answers[first_answer % ANSWERS].due <= at) {
        Answer a = answers[first_answer++ % ANSWERS];
        if (connections[a.fd]->life != a.life) continue; /* it has hung up */
        a.is_import ? confirm(a.fd) : reply(a.fd, PAGE);
    }
    arm();
}

static void request(int fd, Connection *c) {
    char *path = strchr(c->head, ' ');
    char *length = strcasestr(c->head, "\r\nContent-Length:");
    c->body_left = length ? strtoull(length + 17, NULL, 10) : 0;
    c->is_import = strncmp(c->head, "POST ", 5) == 0;
    if (path && strncmp(path, " /stats ", 8) == 0) { tell(fd, 0); return; }
    if (path && strncmp(path, " /reset ", 8) == 0) { tell(fd, 1); return; }
    if (strcasestr(c->head, "\r\nTransfer-Encoding:")) { hang_up(fd); return; } /* every client here knows its length */
    if (c->is_import) {
        if (first_at == 0) first_at = c->began;
        import_bytes += c->body_left;
        if (strcasestr(c->head, "\r\nExpect: 100-continue")) send(fd, "HTTP/1.1 100 Continue\r\n\r\n", 25, MSG_NOSIGNAL);
    }
    if (c->body_left) c->in_body = 1;
    else answer(fd, c, c->is_import);
}

static void take(int fd, Connection *c, const char *bytes, size_t count) {
    uint32_t life = c->life;
    while (count && c->life == life) {
        if (c->in_body) {
            size_t part = count < c->body_left ? count : c->body_left;
            bytes += part, count -= part, c->body_left -= part;
            if (c->body_left == 0) c->in_body = 0, answer(fd, c, c->is_import);
            continue;
        }
        if (c->filled == 0) c->began = now();
        size_t before = c->filled, part = count < HEAD - before ? count : HEAD - before;
        if (part == 0) { hang_up(fd); return; }
        memcpy(c->head + before, bytes, part);
        c->head[before + part] = 0;
        char *end = strstr(c->head + (before > 3 ? before - 3 : 0), "\r\n\r\n");
        if (end) part = (size_t)(end + 4 - c->head) - before, end[2] = 0;
        bytes += part, count -= part;
        c->filled = end ? 0 : before + part;
        if (end) request(fd, c);
    }
}

static int listening(int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (void *)&address, size) || listen(fd, 1024) || getsockname(fd, (void *)&address, &size)) {
        perror("sink");
        exit(1);
    }
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

static void watch(int poll, int fd) {
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event);
}

int main(int count, char **arguments) {
    static char bytes[1 << 18];
    struct epoll_event events[256];
    latency = (uint64_t)((count > 1 ? atof(arguments[1]) : 0) * 1e6);
    int server = listening(count > 2 ? atoi(arguments[2]) : 0), poll = epoll_create1(0);
    timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    watch(poll, server), watch(poll, timer), watch(poll, STDIN_FILENO);
    for (;;) {
        int ready = epoll_wait(poll, events, 256, -1);
        for (int i = 0; i < ready; i++) {
            int fd = events[i].data.fd;
            if (fd == STDIN_FILENO) return 0;
            if (fd == timer) { answer_due(); continue; }
            if (fd == server) {
                int client = accept(server, NULL, NULL), on = 1;
                if (client < 0) continue;
                if (client >= CONNECTIONS) { close(client); continue; }
                if (!connections[client]) connections[client] = calloc(1, sizeof(Connection));
                setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
                watch(poll, client);
                continue;
            }
            ssize_t got = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
            if (got > 0) take(fd, connections[fd], bytes, (size_t)got);
            else if (got == 0 || (errno != EAGAIN && errno != EINTR)) hang_up(fd);
        }
    }
}
