/* A chained hash table: inserted into, searched and emptied. */
#include "kernel.h"

enum { BUCKETS = 1 << 14, NODES = 60000 };
struct node {
    struct node *next;
    u64 key, value;
};
static struct node *buckets[BUCKETS];
static struct node nodes[NODES];

static struct node **bucket_of(u64 key)
{
    return &buckets[key * 0x9e3779b97f4a7c15 >> 50];
}

static u64 kernel(void)
{
    u64 found = 0;
    for (int round = 0; round < 5; round++) {
        u32 state = 3;
        memset(buckets, 0, sizeof buckets);
        for (u32 i = 0; i < NODES; i++) {
            u64 key = next(&state);
            struct node **bucket = bucket_of(key);
            nodes[i] = (struct node){*bucket, key, i};
            *bucket = &nodes[i];
        }
        state = 3;
        for (u32 i = 0; i < 3 * NODES; i++) {
            u64 key = i & 1 ? next(&state) : i;
            for (struct node *node = *bucket_of(key); node; node = node->next)
                if (node->key == key) {
                    found += node->value++;
                    break;
                }
        }
    }
    return found;
}
