/* Executes itself as many times as asked, and waits for a line of input at the 100th and the last. */
#include "guest.h"

static u64 parse(const char *text)
{
    u64 number = 0;
    while (*text)
        number = number * 10 + (u64)(*text++ - '0');
    return number;
}

static void wait_for_line(const char *name, u64 number)
{
    u8 byte = 0;
    print(name);
    print(" ");
    print_number(number);
    print("\n");
    while (byte != '\n' && CALL3(SYS_read, 0, &byte, 1) == 1)
        ;
}

int program(int count, char **arguments, char **environment)
{
    u64 left = count > 1 ? parse(arguments[1]) : 1000;
    u64 done = count > 2 ? parse(arguments[2]) : 0;
    if (done == 100)
        wait_for_line("at", done);
    if (left == 0) {
        wait_for_line("end", done);
        return 0;
    }
    char next_left[24], next_done[24], *at = next_left + 23;
    *at = 0;
    for (u64 n = left - 1;; n /= 10) {
        *--at = '0' + n % 10;
        if (n < 10)
            break;
    }
    char *second = next_done + 23;
    *second = 0;
    for (u64 n = done + 1;; n /= 10) {
        *--second = '0' + n % 10;
        if (n < 10)
            break;
    }
    char *next[] = {arguments[0], at, second, 0};
    CALL3(SYS_execve, arguments[0], next, environment);
    print("execve failed\n");
    return 1;
}
