/* Scalar double: five bodies that attract each other, with divisions and square roots. */
#include "kernel.h"
#include <emmintrin.h>

enum { BODIES = 5 };
struct body {
    double x[3], v[3], mass;
};
static struct body bodies[BODIES];

static double root(double x)
{
    return _mm_cvtsd_f64(_mm_sqrt_sd(_mm_setzero_pd(), _mm_set_sd(x)));
}

static u64 kernel(void)
{
    for (int i = 0; i < BODIES; i++)
        bodies[i] = (struct body){{i * 1.5, i * i * 0.25 - 1, 0.5 * i}, {0.01 * i, 0.02 - 0.005 * i, 0.003}, i == 0 ? 40 : 0.01 * i};
    for (int step = 0; step < 330000; step++) {
        for (int i = 0; i < BODIES; i++)
            for (int j = i + 1; j < BODIES; j++) {
                struct body *a = &bodies[i], *b = &bodies[j];
                double dx = a->x[0] - b->x[0], dy = a->x[1] - b->x[1], dz = a->x[2] - b->x[2];
                double squared = dx * dx + dy * dy + dz * dz + 0.01, by = 0.0001 / (squared * root(squared));
                a->v[0] -= dx * b->mass * by, a->v[1] -= dy * b->mass * by, a->v[2] -= dz * b->mass * by;
                b->v[0] += dx * a->mass * by, b->v[1] += dy * a->mass * by, b->v[2] += dz * a->mass * by;
            }
        for (int i = 0; i < BODIES; i++)
            for (int k = 0; k < 3; k++)
                bodies[i].x[k] += 0.0001 * bodies[i].v[k];
    }
    return fold_bytes(bodies, sizeof bodies);
}
