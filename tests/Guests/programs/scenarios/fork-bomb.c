/* Forks until it is refused, says at which error, and ends all it made. Run with a limit on tasks. */
#include "guest.h"

int program(int count, char **arguments, char **environment)
{
    (void)count, (void)arguments, (void)environment;
    static int gate[2], children[20000];
    u64 made = 0;
    i64 result = 0;
    CALL1(22, gate); /* pipe */
    while (made < 20000) {
        result = CALL0(SYS_fork);
        if (result == 0) {
            u8 byte;
            CALL1(3, gate[1]);
            CALL3(SYS_read, gate[0], &byte, 1);
            CALL1(SYS_exit_group, 0);
        }
        if (result < 0)
            break;
        children[made++] = (int)result;
    }
    claim("fork is refused in the end", result < 0);
    claim("with EAGAIN", result == -11);
    CALL1(3, gate[1]);
    u64 ended = 0;
    for (u64 i = 0; i < made; i++)
        ended += CALL4(SYS_wait4, children[i], 0, 0, 0) == children[i];
    claim("the children that were made run and end", ended == made && made > 0);
    result = CALL0(SYS_fork);
    if (result == 0)
        CALL1(SYS_exit_group, 0);
    claim("fork works again afterwards", result > 0);
    CALL4(SYS_wait4, -1, 0, 0, 0);
    return failures;
}
