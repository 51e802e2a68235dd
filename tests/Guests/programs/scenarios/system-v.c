/* System V shared memory, semaphores and message queues between processes. */
#include "guest.h"

enum { CREATE = 01000, EXCLUSIVE = 02000, READ_ONLY = 010000, NO_WAIT = 04000, UNDO = 010000 };
enum { REMOVE = 0, STAT = 2, GET_VALUE = 12, GET_ALL = 13, SET_VALUE = 16, SET_ALL = 17 };
enum { ENOENT = 2, EAGAIN = 11, EEXIST = 17, EINVAL = 22, EIDRM = 43 };

struct segment_status {
    u32 key, owner[4], mode, sequence[2];
    u64 unused[2], size, times[3];
    u32 creator, last;
    u64 attached, more[2];
};

struct message {
    i64 type;
    char text[24];
};

struct operation {
    short number, change, flags;
};

static i64 operate(i64 set, short number, short change, short flags)
{
    struct operation operation = {number, change, flags};
    return CALL3(SYS_semop, set, &operation, 1);
}

static void wait_for(i64 child)
{
    CALL4(SYS_wait4, child, 0, 0, 0);
}

static void shared_memory(void)
{
    i64 segment = CALL3(SYS_shmget, 0x1234, 10000, CREATE | EXCLUSIVE | 0600);
    claim("a segment is made", segment >= 0);
    claim("a key can be made once", CALL3(SYS_shmget, 0x1234, 10000, CREATE | EXCLUSIVE | 0600) == -EEXIST);
    claim("a key leads to its segment", CALL3(SYS_shmget, 0x1234, 100, 0) == segment);
    claim("a segment does not grow", CALL3(SYS_shmget, 0x1234, 100000, 0) == -EINVAL);
    claim("an unknown key is unknown", CALL3(SYS_shmget, 0x4321, 100, 0) == -ENOENT);

    volatile u32 *words = (u32 *)CALL3(SYS_shmat, segment, 0, 0);
    volatile u32 *same = (u32 *)CALL3(SYS_shmat, segment, 0, READ_ONLY);
    words[5] = 42;
    claim("two attachments show the same memory", words != same && same[5] == 42);
    struct segment_status status;
    CALL3(SYS_shmctl, segment, STAT, &status);
    claim("the segment's status tells so", status.attached == 2 && status.size == 10000 && status.key == 0x1234 && status.creator == (u32)CALL0(SYS_getpid));

    i64 child = CALL0(SYS_fork);
    if (child == 0) {
        words[7] = 99;
        CALL1(SYS_exit_group, 0);
    }
    wait_for(child);
    claim("a child writes it", words[7] == 99);
    claim("a detached segment is gone from memory", CALL1(SYS_shmdt, same) == 0 && CALL1(SYS_shmdt, same) == -EINVAL);
    CALL3(SYS_shmctl, segment, REMOVE, 0);
    claim("a removed segment stays while attached", words[5] == 42 && CALL3(SYS_shmget, 0x1234, 100, 0) == -ENOENT);
    CALL1(SYS_shmdt, words);
    claim("and is gone after that", CALL3(SYS_shmctl, segment, STAT, &status) == -EINVAL);
    claim("an identifier of nobody's is refused", CALL3(SYS_shmat, 123456, 0, 0) == -EINVAL);
}

static void semaphores(void)
{
    i64 set = CALL3(SYS_semget, 0, 3, 0600);
    unsigned short values[3] = {0, 2, 3}, back[3] = {0, 0, 0};
    claim("semaphores are set together", CALL4(SYS_semctl, set, 0, SET_ALL, values) == 0);
    CALL4(SYS_semctl, set, 0, GET_ALL, back);
    claim("and read together", back[0] == 0 && back[1] == 2 && back[2] == 3 && CALL4(SYS_semctl, set, 1, GET_VALUE, 0) == 2);
    claim("a semaphore at zero refuses who does not wait", operate(set, 0, -1, NO_WAIT) == -EAGAIN);
    u64 time[2] = {0, 10000000};
    struct operation down = {0, -1, 0};
    claim("or does not wait longer", CALL4(SYS_semtimedop, set, &down, 1, time) == -EAGAIN);

    /* Each waits for the other, 500 times. */
    i64 child = CALL0(SYS_fork);
    if (child == 0) {
        for (int i = 0; i < 500; i++) {
            operate(set, 0, -1, 0);
            operate(set, 1, 1, 0);
        }
        CALL1(SYS_exit_group, 0);
    }
    CALL4(SYS_semctl, set, 1, SET_VALUE, 0);
    int good = 1;
    for (int i = 0; i < 500; i++) {
        good &= operate(set, 0, 1, 0) == 0;
        good &= operate(set, 1, -1, 0) == 0;
    }
    wait_for(child);
    claim("two processes take turns", good);

    child = CALL0(SYS_fork);
    if (child == 0) {
        operate(set, 2, -3, UNDO);
        CALL1(SYS_exit_group, 0);
    }
    wait_for(child);
    claim("what a process did is undone at its end", CALL4(SYS_semctl, set, 2, GET_VALUE, 0) == 3);
    CALL4(SYS_semctl, set, 0, REMOVE, 0);
    i64 error = CALL4(SYS_semctl, set, 1, GET_VALUE, 0);
    claim("a removed set is gone", error == -EINVAL || error == -EIDRM);
}

static void queues(void)
{
    i64 queue = CALL2(SYS_msgget, 77, CREATE | 0600);
    struct message message = {3, "third"};
    CALL4(SYS_msgsnd, queue, &message, 6, 0);
    message.type = 1;
    message.text[0] = 'f';
    CALL4(SYS_msgsnd, queue, &message, 6, 0);
    struct message got = {0, ""};
    claim("a message is taken by its type", call(SYS_msgrcv, queue, (u64)&got, 24, 1, 0, 0) == 6 && got.type == 1 && got.text[0] == 'f');
    claim("the other one is still there", call(SYS_msgrcv, queue, (u64)&got, 24, 0, 0, 0) == 6 && got.type == 3 && got.text[0] == 't');
    i64 child = CALL0(SYS_fork);
    if (child == 0) {
        call(SYS_msgrcv, queue, (u64)&got, 24, 5, 0, 0);
        got.type = 6;
        CALL4(SYS_msgsnd, queue, &got, 24, 0);
        CALL1(SYS_exit_group, 0);
    }
    message.type = 5;
    message.text[23] = 'x';
    CALL4(SYS_msgsnd, queue, &message, 24, 0);
    claim("a child answers", call(SYS_msgrcv, queue, (u64)&got, 24, 6, 0, 0) == 24 && got.text[23] == 'x');
    wait_for(child);
    CALL3(SYS_msgctl, queue, REMOVE, 0);
    claim("a removed queue is gone", CALL2(SYS_msgget, 77, 0) == -ENOENT);
}

int program(int count, char **arguments, char **environment)
{
    (void)count, (void)arguments, (void)environment;
    shared_memory();
    semaphores();
    queues();
    return failures;
}
