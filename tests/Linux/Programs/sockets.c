/* Local sockets, names and passed descriptors; runs natively with the same outcome. */
#include "guest.h"

#define EBADF 9
#define EADDRINUSE 98
#define ECONNREFUSED 111

struct message { void *name; int name_length; void *vectors; size_t count; void *control; size_t control_length; int flags; };
struct name { unsigned short family; char path[108]; };

static char buffer[256];

static void passing(void)
{
    int pair[2], ends[2];
    check(sys(__NR_socketpair, 1, 1, 0, pair) == 0 && sys(__NR_pipe2, ends, 0) == 0);
    struct { const void *base; size_t length; } vector = { "z", 1 };
    struct { size_t length; int level, type, fds[2]; } rights = { 24, 1, 1, { ends[1], 1 } };
    struct message message = { 0, 0, &vector, 1, &rights, 24, 0 };
    check(sys(__NR_sendmsg, pair[0], &message, 0) == 1);
    char control[64];
    vector.base = buffer;
    message.control = control;
    message.control_length = sizeof control;
    check(sys(__NR_recvmsg, pair[1], &message, 0x40000000) == 1 && message.control_length == 24 && buffer[0] == 'z');
    int *received = (int *)(control + 16);
    check(received[0] != ends[1] && sys(__NR_fcntl, received[0], 1) == 1);
    check(sys(__NR_write, received[0], "via", 3) == 3 && sys(__NR_read, ends[0], buffer, 9) == 3 && buffer[2] == 'a');
    rights.fds[0] = 200;
    vector.base = "z";
    message.control = &rights;
    message.control_length = 24;
    check(sys(__NR_sendmsg, pair[0], &message, 0) == -EBADF);
}

static void naming(void)
{
    struct name name = { 1, "sock" };
    int length = sizeof name;
    long server = sys(__NR_socket, 1, 1, 0), client = sys(__NR_socket, 1, 1, 0);
    check(sys(__NR_bind, server, &name, 7) == 0 && sys(__NR_bind, client, &name, 7) == -EADDRINUSE && sys(__NR_listen, server, 5) == 0);
    check(sys(__NR_connect, client, &name, 7) == 0);
    long peer = sys(__NR_accept, server, &name, &length);
    check(peer > 0 && length == 2);
    length = sizeof name;
    check(sys(__NR_getpeername, client, &name, &length) == 0 && length == 7 && name.path[0] == 's' && name.path[4] == 0);
    length = sizeof name;
    check(sys(__NR_getsockname, peer, &name, &length) == 0 && length == 7 && name.path[3] == 'k');
    check(sys(__NR_write, client, "hi", 2) == 2 && sys(__NR_recvfrom, peer, buffer, 9, 0, 0, 0) == 2 && sys(__NR_shutdown, client, 1) == 0);
    check(sys(__NR_read, peer, buffer, 9) == 0);
    memcpy(name.path, "none", 5);
    check(sys(__NR_connect, sys(__NR_socket, 1, 1, 0), &name, 7) == -ENOENT);
}

static void abstract(void)
{
    struct name name = { 1, "\0jitvmm-test" };
    int length = sizeof name;
    long server = sys(__NR_socket, 1, 2, 0), client = sys(__NR_socket, 1, 2, 0);
    check(sys(__NR_bind, server, &name, 14) == 0 && sys(__NR_sendto, client, "dg", 2, 0, &name, 14) == 2);
    check(sys(__NR_recvfrom, server, buffer, 9, 0, 0, 0) == 2 && buffer[0] == 'd');
    check(sys(__NR_getsockname, server, &name, &length) == 0 && length == 14 && name.path[1] == 'j');
}

long test(long argc, char **argv, char **envp)
{
    passing();
    naming();
    abstract();
    return 0;
}
