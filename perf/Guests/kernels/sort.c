/* Quicksort, then a merge sort through a comparison function. */
#include "kernel.h"

enum { COUNT = 150000 };
static int values[COUNT], merged[COUNT];

static void quicksort(int from, int to)
{
    while (from < to) {
        int pivot = values[(from + to) / 2], i = from, j = to;
        while (i <= j) {
            while (values[i] < pivot)
                i++;
            while (values[j] > pivot)
                j--;
            if (i <= j) {
                int swapped = values[i];
                values[i++] = values[j];
                values[j--] = swapped;
            }
        }
        if (j - from < to - i) {
            quicksort(from, j);
            from = i;
        } else {
            quicksort(i, to);
            to = j;
        }
    }
}

static int backwards(const int *a, const int *b)
{
    return (*a < *b) - (*a > *b);
}

static void merge_sort(int from, int to, int (*compare)(const int *, const int *))
{
    if (to - from < 2)
        return;
    int middle = (from + to) / 2;
    merge_sort(from, middle, compare);
    merge_sort(middle, to, compare);
    for (int i = from, j = middle, k = from; k < to; k++)
        merged[k] = j >= to || (i < middle && compare(&values[i], &values[j]) <= 0) ? values[i++] : values[j++];
    for (int k = from; k < to; k++)
        values[k] = merged[k];
}

static u64 kernel(void)
{
    int (*volatile compare)(const int *, const int *) = backwards;
    u32 state = 41;
    u64 sum = 0;
    for (int i = 0; i < COUNT; i++)
        values[i] = (int)next(&state);
    quicksort(0, COUNT - 1);
    sum = fold(sum, (u64)values[COUNT / 3]);
    for (int i = 0; i < COUNT; i += 3)
        values[i] = (int)next(&state);
    merge_sort(0, COUNT, compare);
    return fold(sum, fold_bytes(values, sizeof values));
}
