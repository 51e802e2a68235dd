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

static volatile unsigned long faults, fault_trap;

static void on_fault(int signal, char *information, char *context)
{
    faults++;
    fault_trap = *(unsigned long *)(context + 40 + 20 * 8);
    /* the access below is one instruction of three bytes */
    *(unsigned long *)(context + 40 + 16 * 8) += 3;
}

/* Where a host process has its program, libraries, heap and stack, the window's ends, and what wraps around. */
static const unsigned long outside[] = {
    1ul << 46, (1ul << 46) + 4096, 0x555555554000, 0x5500000000ff, 0x7ffff7dd0000, 0x7fffffffe000, 0x7f0000000000, (1ul << 47) - 4096, 1ul << 47,
    0xffff800000000000, 0xffffffffff600000, -4096ul, -8ul, -(1ul << 32),
};

static void memory(void)
{
    handle(SIGSEGV, on_fault, SA_SIGINFO);
    long pipe_ends[2], null = sys(__NR_open, "/dev/null", 1), zero = sys(__NR_open, "/dev/zero", 0);
    check(sys(__NR_pipe, pipe_ends) == 0);
    for (int i = 0; i < (int)(sizeof outside / sizeof *outside); i++)
    {
        unsigned long address = outside[i], before = faults, value = 7;
        __asm__ volatile("mov (%1), %0" : "+a"(value) : "b"(address) : "memory");
        check(faults == before + 1 && value == 7);
        __asm__ volatile("mov %0, (%1)" : : "a"(value), "b"(address) : "memory");
        check(faults == before + 2);

        /* the kernel must not follow such an address for the guest either */
        check(sys(__NR_read, zero, address, 8) == -EFAULT && sys(__NR_write, (int)(pipe_ends[0] >> 32), address, 8) == -EFAULT);
        check(sys(__NR_stat, address, buffer) == -EFAULT && sys(__NR_stat, "/", address) == -EFAULT && sys(__NR_uname, address) == -EFAULT);
        check(sys(__NR_getrandom, address, 8, 0) == -EFAULT && sys(__NR_rt_sigaction, SIGUSR1, 0, address, 8) == -EFAULT);
        check(sys(__NR_futex, address & ~7ul, 1, 1, 0, 0, 0) <= 0 && sys(__NR_futex, address & ~7ul, 0, 0, 0, 0, 0) < 0);
        check(sys(__NR_mmap, address & ~0xffful, 4096, 3, 0x32, -1, 0) < 0 && sys(__NR_munmap, address & ~0xffful, 4096) == -EINVAL);
        check(sys(__NR_mprotect, address & ~0xffful, 4096, 3) < 0 && sys(__NR_madvise, address & ~0xffful, 4096, 4) < 0);
        check(sys(__NR_mremap, buffer, 4096, 4096, 3, address & ~0xffful) < 0 && sys(__NR_shmat, 0, address & ~0xffful, 040000) < 0);
    }

    /* lengths that reach over the end, or around */
    unsigned long last = (1ul << 46) - 4096;
    check(sys(__NR_read, zero, last, 1ul << 46) < 0 && sys(__NR_write, null, last, -1ul) != 1 && sys(__NR_munmap, last, 1ul << 46) == -EINVAL);
    check(sys(__NR_mmap, last, 8192, 3, 0x32, -1, 0) < 0 && sys(__NR_mprotect, last, 1ul << 47, 3) < 0 && sys(__NR_mremap, buffer, 4096, 1ul << 47, 1) < 0);
    struct { unsigned long base, length; } local = { (unsigned long)buffer, 8 }, remote = { 0x7ffff7dd0000, 8 };
    check(sys(__NR_process_vm_readv, sys(__NR_getpid), &local, 1, &remote, 1, 0) < 0 && sys(__NR_process_vm_writev, sys(__NR_getpid), &local, 1, &remote, 1, 0) < 0);
    check(sys(__NR_ptrace, 16, sys(__NR_getppid), 0, 0) < 0 && sys(__NR_ptrace, 0, 0, 0, 0) < 0);
}

/* Host descriptors have small numbers too: none but the guest's own may answer. */
static void descriptors(void)
{
    for (int fd = 21; fd < 400; fd++)
        check(sys(__NR_fcntl, fd, 3) == -9 && sys(__NR_read, fd, buffer, 1) == -9 && sys(__NR_dup, fd) == -9 && sys(__NR_close, fd) == -9);
    check(sys(__NR_open, "/proc/self/fd/50", 0) == -ENOENT && sys(__NR_open, "/dev/fd/50", 0) == -ENOENT);
}

long test(long argc, char **argv, char **envp)
{
    memory();
    links_and_renames();
    changes_through_descriptors();
    other_processes();
    network();
    descriptors();
    return 0;
}
