/* Calls about named files, descriptors and waiting; runs natively with the same outcome. */
#include "guest.h"

#define EBADF 9
#define EBUSY 16
#define ENOTDIR 20
#define EISDIR 21
#define ENOTTY 25
#define ESPIPE 29
#define ERANGE 34
#define ENOTEMPTY 39
#define ELOOP 40
#define ENODATA 61
#define CWD -100

struct status { unsigned long device, inode, links; unsigned mode, user, group, pad; unsigned long special; long size, rest[12]; };

static char buffer[8192];
static struct status status;

static int same(const char *a, const char *b, long n)
{
    for (long i = 0; i < n; i++)
        if (a[i] != b[i])
            return 0;
    return 1;
}

static void names(void)
{
    check(sys(__NR_mkdir, "d", 0755) == 0 && sys(__NR_mkdir, "d", 0755) == -EEXIST && sys(__NR_mkdir, "d/x/", 0755) == 0);
    check(sys(__NR_open, "d/f", 0x242, 0644) == 3 && sys(__NR_write, 3, "hello world", 11) == 11);
    check(sys(__NR_link, "d/f", "d/g") == 0 && sys(__NR_link, "d/f", "d/g") == -EEXIST);
    check(sys(__NR_symlink, "f", "d/s") == 0 && sys(__NR_readlink, "d/s", buffer, 100) == 1 && buffer[0] == 'f');
    check(sys(__NR_readlink, "d/f", buffer, 100) == -EINVAL && sys(__NR_readlink, "d/none", buffer, 100) == -ENOENT);
    check(sys(__NR_lstat, "d/s", &status) == 0 && (status.mode & 0170000) == 0120000);
    check(sys(__NR_stat, "d/s", &status) == 0 && status.size == 11 && status.links == 2);
    check(sys(__NR_rename, "d/g", "d/h") == 0 && sys(__NR_rename, "d/none", "d/h") == -ENOENT);
    check(sys(__NR_renameat2, CWD, "d/h", CWD, "d/f", 1) == -EEXIST && sys(__NR_renameat2, CWD, "d/h", CWD, "d/s", 2) == 0);
    check(sys(__NR_lstat, "d/h", &status) == 0 && (status.mode & 0170000) == 0120000);
    check(sys(__NR_renameat2, CWD, "d/h", CWD, "d/s", 2) == 0);
    check(sys(__NR_rename, "d", "d/x/y") == -EINVAL && sys(__NR_rename, "d/f/", "d/q") == -ENOTDIR && sys(__NR_rename, "d/.", "q") == -EBUSY);
    check(sys(__NR_rmdir, "d/.") == -EINVAL && sys(__NR_rmdir, "d/..") == -ENOTEMPTY && sys(__NR_rmdir, "d") == -ENOTEMPTY);
    check(sys(__NR_rmdir, "d/f") == -ENOTDIR && sys(__NR_rmdir, "/") == -EBUSY && sys(__NR_unlink, "d") == -EISDIR);
    check(sys(__NR_unlink, "d/f/") == -ENOTDIR && sys(__NR_unlink, "d/none") == -ENOENT && sys(__NR_unlinkat, CWD, "d/f", 1) == -EINVAL);
    check(sys(__NR_symlink, "l2", "d/l1") == 0 && sys(__NR_symlink, "l1", "d/l2") == 0 && sys(__NR_open, "d/l1", 0) == -ELOOP);
    check(sys(__NR_open, "d/s", 0400000) == -ELOOP && sys(__NR_open, "d/f/x", 0) == -ENOTDIR && sys(__NR_open, "d", 2) == -EISDIR);
    check(sys(__NR_open, "d/f", 0302, 0644) == -EEXIST && sys(__NR_open, "", 0) == -ENOENT && sys(__NR_open, 1, 0) == -EFAULT);
}

static void transfers(void)
{
    struct { const void *base; size_t length; } vectors[2] = { { "ab", 2 }, { "cde", 3 } };
    check(sys(__NR_lseek, 3, 6, 0) == 6 && sys(__NR_read, 3, buffer, 100) == 5 && same(buffer, "world", 5));
    check(sys(__NR_pwrite64, 3, "HE", 2, 0) == 2 && sys(__NR_pread64, 3, buffer, 5, 0) == 5 && same(buffer, "HEllo", 5));
    check(sys(__NR_writev, 3, vectors, 2) == 5 && sys(__NR_writev, 3, vectors, 2000) == -EINVAL);
    check(sys(__NR_ftruncate, 3, 4) == 0 && sys(__NR_truncate, "d/f", 3) == 0 && sys(__NR_fstat, 3, &status) == 0 && status.size == 3);
    check(sys(__NR_pread64, 3, 0x10, 3, 0) == -EFAULT && sys(__NR_pread64, 3, buffer, -1, 0) < 0 && sys(__NR_write, 3, 0x7fff00000000, 3) == -EFAULT);
    check(sys(__NR_fchmod, 3, 0640) == 0 && sys(__NR_fchmodat, CWD, "d/s", 0400) == 0 && sys(__NR_fstat, 3, &status) == 0);
    check((status.mode & 07777) == 0400);
    long times[4] = { 1000, 5, 2000, 7 };
    check(sys(__NR_utimensat, CWD, "d/f", times, 0) == 0 && sys(__NR_fstat, 3, &status) == 0 && status.rest[2] == 1000 && status.rest[5] == 7);
    check(sys(__NR_setxattr, "d/f", "user.none", 0, 0, 0) <= 0 && sys(__NR_fgetxattr, 3, "user.other", buffer, 9) < 0);
    long memory = sys(__NR_memfd_create, "m", 2);
    check(sys(__NR_write, memory, "0123456789", 10) == 10 && sys(__NR_fcntl, memory, 1033, 2) == 0 && sys(__NR_ftruncate, memory, 5) == -EPERM);
    long offset = 2;
    check(sys(__NR_ftruncate, 3, 0) == 0 && sys(__NR_lseek, 3, 0, 0) == 0 && sys(__NR_sendfile, 3, memory, &offset, 3) == 3 && offset == 5);
    check(sys(__NR_pread64, 3, buffer, 9, 0) == 3 && same(buffer, "234", 3));
}

static void descriptors(void)
{
    check(sys(__NR_dup2, 99, 5) == -EBADF && sys(__NR_dup2, 3, 50) == 50 && sys(__NR_dup2, 50, 50) == 50 && sys(__NR_dup3, 50, 50, 0) == -EINVAL);
    check(sys(__NR_dup3, 3, 51, 02000000) == 51 && sys(__NR_fcntl, 51, 1) == 1 && sys(__NR_fcntl, 51, 2, 0) == 0 && sys(__NR_fcntl, 51, 1) == 0);
    check(sys(__NR_fcntl, 3, 0, 60) == 60 && sys(__NR_fcntl, 3, 1030, 60) == 61 && sys(__NR_fcntl, 61, 1) == 1);
    check(sys(__NR_fcntl, 3, 0, 10000000) == -EINVAL && sys(__NR_dup2, 3, 10000000) == -EBADF);
    check(sys(__NR_close_range, 50, 70, 0) == 0 && sys(__NR_fcntl, 51, 1) == -EBADF && sys(__NR_close, -1) == -EBADF);
    long directory = sys(__NR_open, "d", 010200000);
    long file = sys(__NR_openat, directory, "f", 0);
    check(file > directory && sys(__NR_read, directory, buffer, 1) == -EBADF && sys(__NR_openat, file, "x", 0) == -ENOTDIR);
    check(sys(__NR_newfstatat, file, "", &status, 0x1000) == 0 && sys(__NR_newfstatat, file, "", &status, 0) == -ENOENT);
    check(sys(__NR_fchdir, directory) == 0 && sys(__NR_getcwd, buffer, 1) == -ERANGE);
    long length = sys(__NR_getcwd, buffer, sizeof buffer);
    check(length > 2 && buffer[length - 2] == 'd' && buffer[length - 3] == '/' && sys(__NR_chdir, "..") == 0 && sys(__NR_chdir, "d/f") == -ENOTDIR);
    long listed = sys(__NR_open, "d", 0200000), total = 0, got;
    while ((got = sys(__NR_getdents64, listed, buffer, 64)) > 0)
        total += got;
    check(got == 0 && total > 0 && sys(__NR_lseek, listed, 0, 0) == 0 && sys(__NR_getdents64, listed, buffer, 8192) == total);
    check(sys(__NR_close, listed) == 0 && sys(__NR_close, file) == 0 && sys(__NR_close, directory) == 0);
}

static void waiting(void)
{
    int ends[2];
    check(sys(__NR_pipe2, ends, 04000) == 0 && sys(__NR_read, ends[0], buffer, 1) == -EAGAIN && sys(__NR_lseek, ends[0], 0, 0) == -ESPIPE);
    struct { int fd; short events, returned; } polled[4] = { { ends[0], 1, 0 }, { ends[1], 4, 0 }, { -1, 1, 9 }, { 99, 1, 0 } };
    check(sys(__NR_poll, polled, 4, 0) == 2 && polled[0].returned == 0 && polled[1].returned == 4 && polled[2].returned == 0 && polled[3].returned == 32);
    check(sys(__NR_write, ends[1], "q", 1) == 1 && sys(__NR_poll, polled, 1, -1) == 1 && polled[0].returned == 1);
    int available = 0;
    check(sys(__NR_ioctl, ends[0], 0x541b, &available) == 0 && available == 1 && sys(__NR_ioctl, ends[0], 0x5401, buffer) == -ENOTTY);
    unsigned long readable[16] = { 1ul << ends[0] }, writable[16] = { 1ul << ends[1] };
    long time[2] = { 1, 0 };
    check(sys(__NR_select, 16, readable, writable, 0, time) == 2 && readable[0] == 1ul << ends[0]);
    readable[0] = 1ul << 40;
    check(sys(__NR_select, 64, readable, 0, 0, time) == -EBADF);
    struct __attribute__((packed)) { unsigned events; unsigned long data; } event = { 1, 0x1122334455667788 }, seen[2];
    long epoll = sys(__NR_epoll_create1, 0);
    check(sys(__NR_epoll_ctl, epoll, 1, ends[0], &event) == 0 && sys(__NR_epoll_ctl, epoll, 1, ends[0], &event) == -EEXIST);
    check(sys(__NR_epoll_ctl, epoll, 1, 3, &event) == -EPERM && sys(__NR_epoll_wait, epoll, seen, 2, 0) == 1 && seen[0].data == event.data);
    check(sys(__NR_epoll_wait, epoll, seen, 0, 0) == -EINVAL);
    unsigned long value = 0;
    long counter = sys(__NR_eventfd2, 3, 04000);
    check(sys(__NR_read, counter, &value, 8) == 8 && value == 3 && sys(__NR_read, counter, &value, 8) == -EAGAIN);
    long setting[4] = { 0, 0, 0, 1000000 };
    long timer = sys(__NR_timerfd_create, 1, 0);
    check(sys(__NR_timerfd_settime, timer, 0, setting, 0) == 0 && sys(__NR_read, timer, &value, 8) == 8 && value == 1);
    long watch = sys(__NR_inotify_init1, 0);
    check(sys(__NR_inotify_add_watch, watch, "d", 0x100) == 1 && sys(__NR_close, sys(__NR_open, "d/new", 0102, 0644)) == 0);
    check(sys(__NR_read, watch, buffer, 1000) == 32 && ((unsigned *)buffer)[1] == 0x100);
}

long test(long argc, char **argv, char **envp)
{
    names();
    transfers();
    descriptors();
    waiting();
    return 0;
}
