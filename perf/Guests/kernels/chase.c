/* A linked list in no order, larger than the first cache: each load waits for the one before. */
#include "kernel.h"

enum { NODES = 1 << 14 };
struct node {
    struct node *next;
    u64 value[3];
};
static struct node nodes[NODES];
static u32 order[NODES];

static u64 kernel(void)
{
    u32 state = 11;
    for (u32 i = 0; i < NODES; i++)
        order[i] = i;
    for (u32 i = NODES - 1; i > 0; i--) {
        u32 j = next(&state) % (i + 1), swapped = order[i];
        order[i] = order[j];
        order[j] = swapped;
    }
    for (u32 i = 0; i < NODES; i++) {
        nodes[order[i]].next = &nodes[order[(i + 1) % NODES]];
        nodes[order[i]].value[0] = state + i;
    }
    u64 sum = 0;
    struct node *node = nodes;
    for (u32 i = 0; i < 250 * NODES; i++, node = node->next) {
        sum = sum * 3 + node->value[0];
        node->value[1] = sum;
    }
    return sum;
}
