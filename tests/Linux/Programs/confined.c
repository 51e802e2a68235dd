/* Tries to get out of the view by system calls; only meant for a guest. */
#include "guest.h"

#define EACCES 13
#define EXDEV 18
#define EBUSY 16
#define ENOTTY 25
#define EROFS 30
#define EAFNOSUPPORT 97
#define ENETUNREACH 101
#define ECONNREFUSED 111
#define CWD -100

struct message { void *name; int name_length; void *vectors; size_t count; void *control; size_t control_length; int flags; };

static char buffer[256];

static void links_and_renames(void)
{
    check(sys(__NR_link, "/etc/passwd", "stolen") == -EXDEV && sys(__NR_rename, "/etc/passwd", "stolen") == -EXDEV);
    long file = sys(__NR_open, "/etc/passwd", 0);
    check(file >= 0 && sys(__NR_linkat, file, "", CWD, "stolen", 0x1000) == -EXDEV);
    check(sys(__NR_open, "/tmp/mine", 0102, 0644) >= 0 && sys(__NR_link, "/tmp/mine", "stolen") == -EXDEV);
    check(sys(__NR_rename, "/tmp/mine", "/etc/mine") == -EXDEV && sys(__NR_unlink, "/etc/passwd") == -EROFS);
    check(sys(__NR_rmdir, "/tmp") == -EBUSY && sys(__NR_rename, "/tmp", "/tmp2") < 0 && sys(__NR_mkdir, "/etc/new", 0755) == -EROFS);
    check(sys(__NR_mkdir, "/proc/new", 0755) == -EACCES && sys(__NR_unlink, "/dev/null") == -EPERM);
}

static void changes_through_descriptors(void)
{
    long file = sys(__NR_open, "/etc/passwd", 0), path = sys(__NR_open, "/etc/passwd", 010000000);
    check(sys(__NR_fchmod, file, 0666) == -EROFS && sys(__NR_fchown, file, 0, 0) == -EROFS && sys(__NR_utimensat, file, 0, 0, 0) == -EROFS);
    check(sys(__NR_fsetxattr, file, "user.a", "b", 1, 0) == -EROFS && sys(__NR_chmod, "/proc/self/fd/3", 0666) < 0);
    check(sys(__NR_fchownat, path, "", 0, 0, 0x1000) == -EROFS && sys(__NR_fchmodat, CWD, "/etc/passwd", 0666) == -EROFS);

    /* a descriptor sent to oneself keeps its place */
    int pair[2];
    check(sys(__NR_socketpair, 1, 1, 0, pair) == 0);
    struct { const void *base; size_t length; } vector = { "z", 1 };
    struct { size_t length; int level, type, fds[2]; } rights = { 24, 1, 1, { file, path } };
    struct message message = { 0, 0, &vector, 1, &rights, 24, 0 };
    check(sys(__NR_sendmsg, pair[0], &message, 0) == 1);
    vector.base = buffer;
    check(sys(__NR_recvmsg, pair[1], &message, 0) == 1 && message.control_length == 24);
    check(sys(__NR_fchmod, rights.fds[0], 0666) == -EROFS && sys(__NR_fchownat, rights.fds[1], "", 0, 0, 0x1000) == -EROFS);
    check(sys(__NR_dup2, rights.fds[1], 20) == 20 && sys(__NR_open, "/proc/self/fd/20", 2) == -EROFS && sys(__NR_open, "/proc/self/fd/20", 0) >= 0);
}

static void other_processes(void)
{
    check(sys(__NR_open, "/proc/self/mem", 2) == -ENOENT && sys(__NR_open, "/proc/1/environ", 0) == -ENOENT);
    check(sys(__NR_pidfd_open, 1, 0) == -ESRCH && sys(__NR_pidfd_getfd, 0, 0, 0) == -EPERM && sys(__NR_kill, 1, 0) == -ESRCH);
    check(sys(__NR_fcntl, 0, 8, 1) == -ESRCH && sys(__NR_ioctl, 0, 0x5412, "x") == -ENOTTY);
    check(sys(__NR_mknod, "memory", 020666, 0x101) == -EPERM && sys(__NR_mount, "none", "/tmp", "tmpfs", 0, 0) == -EPERM);
    check(sys(__NR_chroot, "/tmp") == -EPERM && sys(__NR_name_to_handle_at, CWD, "/", buffer, buffer, 0) < 0);
}

static void network(void)
{
    struct { unsigned short family, port; unsigned address; char rest[8]; } there = { 2, 0x5000, 0x0100007f };
    long stream = sys(__NR_socket, 2, 1, 0), datagram = sys(__NR_socket, 2, 2, 0);
    check(stream >= 0 && sys(__NR_connect, stream, &there, 16) == -ENETUNREACH && sys(__NR_listen, stream, 1) < 0 && sys(__NR_bind, stream, &there, 16) < 0);
    check(sys(__NR_sendto, datagram, "x", 1, 0, &there, 16) == -ENETUNREACH && sys(__NR_socket, 2, 3, 1) == -EPERM);
    check(sys(__NR_socket, 17, 3, 0) == -EAFNOSUPPORT && sys(__NR_socket, 38, 5, 0) == -EAFNOSUPPORT && sys(__NR_socket, 16, 3, 0) == -EAFNOSUPPORT);
    struct { unsigned short length; void *filter; } program = { 1, (void *)&program };
    check(sys(__NR_setsockopt, datagram, 1, 26, &program, 16) < 0);
}

long test(long argc, char **argv, char **envp)
{
    links_and_renames();
    changes_through_descriptors();
    other_processes();
    network();
    return 0;
}
