/* Looking a server up and connecting to it. */
#include "launcher/dial.h"

#include <event2/util.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>

struct bufferevent *dial(struct event_base *base, const char *host, uint16_t port, bufferevent_data_cb on_bytes,
                         bufferevent_data_cb on_room, bufferevent_event_cb on_event, void *arg)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV}, *ai = NULL;
    char service[8];
    snprintf(service, sizeof service, "%u", port);
    struct bufferevent *link = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
    bufferevent_setcb(link, on_bytes, on_room, on_event, arg);
    bool begun = getaddrinfo(host, service, &hints, &ai) == 0 &&
                 bufferevent_socket_connect(link, ai->ai_addr, (int)ai->ai_addrlen) == 0;
    if (ai) freeaddrinfo(ai);
    if (!begun) bufferevent_trigger_event(link, BEV_EVENT_ERROR, 0);
    return link;
}

void dial_no_delay(evutil_socket_t fd)
{
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}
