/* Starts a program and measures it from a process of a few pages: the highest resident size that the kernel reports of a child is never
   below that of the process it was forked from, and a runtime's threads would disturb what is measured.

   usage: launch REPORT OUTPUT ERRORS PROGRAM [ARGUMENTS...]
   Writes "WALL_NS USER_US SYSTEM_US PEAK_KB WAIT_STATUS" to REPORT; OUTPUT and ERRORS get the program's standard output and error.
   The times and the peak include descendants the program waited for. When this process dies, the program does. */
#include "../../../tests/Guests/programs/scenarios/guest.h"

enum { SYS_open = 2, SYS_dup2 = 33, SYS_prctl = 157 };
enum { O_WRONLY_CREAT_TRUNC = 01101, PR_SET_PDEATHSIG = 1, SIGPIPE = 13, FAILED = 127 };

static u64 nanoseconds(void)
{
    u64 time[2];
    CALL2(SYS_clock_gettime, 1, time);
    return time[0] * 1000000000 + time[1];
}

static int open_for_writing(const char *path)
{
    return (int)CALL3(SYS_open, path, O_WRONLY_CREAT_TRUNC, 0600);
}

static void become(char **arguments, char **environment, int output, int errors)
{
    /* .NET ignores it, which an executed program would inherit. */
    struct sigaction_kernel by_default = {0};
    CALL4(SYS_rt_sigaction, SIGPIPE, &by_default, 0, 8);
    CALL2(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL);
    CALL2(SYS_dup2, output, 1);
    CALL2(SYS_dup2, errors, 2);
    CALL3(SYS_execve, arguments[0], arguments, environment);
    CALL1(SYS_exit_group, FAILED);
}

int program(int count, char **arguments, char **environment)
{
    if (count < 5)
        return FAILED;
    int report = open_for_writing(arguments[1]), output = open_for_writing(arguments[2]), errors = open_for_writing(arguments[3]);
    if (report < 0 || output < 0 || errors < 0)
        return FAILED;

    u64 start = nanoseconds();
    i64 child = CALL0(SYS_fork);
    if (child == 0)
        become(arguments + 4, environment, output, errors);

    /* struct rusage: user and system time, each in seconds and microseconds, then the peak in KB. */
    u64 usage[18];
    u32 status = 0;
    if (child < 0 || CALL4(SYS_wait4, child, &status, 0, usage) != child)
        return FAILED;
    u64 figures[] = {nanoseconds() - start, usage[0] * 1000000 + usage[1], usage[2] * 1000000 + usage[3], usage[4], status};
    CALL2(SYS_dup2, report, 1);
    for (u64 i = 0; i < sizeof figures / sizeof *figures; i++) {
        print_number(figures[i]);
        print(" ");
    }
    print("\n");
    return 0;
}
