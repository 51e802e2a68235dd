/* System calls that do next to nothing: the way out of guest code and back. */
#include "kernel.h"

enum { SYS_getppid = 110 };

static u64 kernel(void)
{
    u64 sum = 0;
    u64 parent = (u64)CALL0(SYS_getppid);
    for (u64 i = 0; i < 60000; i++)
        sum = fold(sum, ((u64)CALL0(SYS_getppid) == parent) + i);
    return sum;
}
