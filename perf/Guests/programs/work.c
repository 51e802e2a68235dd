/* Integer, floating-point, string and recursive loops; the argument scales them. Prints checksums. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t mix(uint64_t n)
{
    uint64_t x = 88172645463325252ull, sum = 0;
    for (uint64_t i = 0; i < n; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        sum += x % 1000 + (x / 7 & 15);
    }
    return sum;
}

static int fibonacci(int n) { return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2); }

static int compare(const void *a, const void *b)
{
    return (*(const int *)a > *(const int *)b) - (*(const int *)a < *(const int *)b);
}

static double matrix(int n)
{
    double *a = malloc(sizeof(double) * n * n * 3), *b = a + n * n, *c = b + n * n, trace = 0;
    for (int i = 0; i < n * n; i++) {
        a[i] = i % 17 * 0.25;
        b[i] = i % 13 - 6.5;
        c[i] = 0;
    }
    for (int i = 0; i < n; i++)
        for (int k = 0; k < n; k++)
            for (int j = 0; j < n; j++)
                c[i * n + j] += a[i * n + k] * b[k * n + j];
    for (int i = 0; i < n; i++)
        trace += c[i * n + i];
    free(a);
    return trace;
}

int main(int argc, char **argv)
{
    int scale = argc > 1 ? atoi(argv[1]) : 1;
    printf("mix %llu\n", (unsigned long long)mix(200000ull * scale));
    printf("fibonacci %d\n", fibonacci(22));
    int count = 20000 * scale, *values = malloc(sizeof(int) * count);
    for (int i = 0; i < count; i++)
        values[i] = (int)(i * 2654435761u >> 4);
    qsort(values, count, sizeof(int), compare);
    printf("sorted %d %d %d\n", values[0], values[count / 2], values[count - 1]);
    printf("matrix %.17g\n", matrix(60));
    double s = 0;
    for (int i = 1; i < 5000 * scale; i++)
        s += sin(i) * exp(-i / 3000.0) / sqrt(i) + pow(i, 0.3);
    printf("mathematics %.15g\n", s);
    long double l = 1;
    for (int i = 1; i < 60; i++)
        l = l * i / (i + 0.5L) + 1.0L / i;
    printf("long double %.20Lg\n", l);
    char *text = malloc(100000);
    memset(text, 'x', 99999);
    text[99999] = 0;
    strcpy(text + 50000, "needle");
    printf("strings %zu %td %d\n", strlen(text), strstr(text, "needle") - text, memcmp(text, text + 1, 40000));
    unsigned hash = 5381;
    for (const char *p = "the quick brown fox"; *p; p++)
        hash = hash * 33 ^ (unsigned char)*p;
    printf("hash %u\n", hash);
    return 42;
}
