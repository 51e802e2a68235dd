/* Scalar float: a cascade of recursive filters and an oscillator, with conversions to samples of 16 bits. */
#include "kernel.h"

enum { SAMPLES = 1 << 14, STAGES = 4 };
static short samples[SAMPLES];

static u64 kernel(void)
{
    static const float c[STAGES][5] = {
        {0.2f, 0.4f, 0.2f, -0.3f, 0.1f}, {0.3f, -0.2f, 0.3f, 0.4f, -0.2f}, {0.5f, 0.1f, 0.25f, -0.6f, 0.3f}, {0.9f, -0.8f, 0.1f, 0.2f, 0.05f},
    };
    float state[STAGES][2] = {{0}}, sine = 0, cosine = 1;
    u64 sum = 0;
    for (int round = 0; round < 160; round++) {
        for (int i = 0; i < SAMPLES; i++) {
            float x = sine * 0.5f + (float)((i * 7919 & 1023) - 512) * (1 / 4096.0f);
            float turned = sine * 0.995f + cosine * 0.0998f;
            cosine = cosine * 0.995f - sine * 0.0998f;
            sine = turned;
            for (int s = 0; s < STAGES; s++) {
                float y = c[s][0] * x + state[s][0];
                state[s][0] = c[s][1] * x - c[s][3] * y + state[s][1];
                state[s][1] = c[s][2] * x - c[s][4] * y;
                x = y;
            }
            float scaled = x * 16384;
            samples[i] = (short)(scaled > 32767 ? 32767 : scaled < -32768 ? -32768 : scaled);
        }
        sum = fold(sum, fold_bytes(samples, sizeof samples));
    }
    return sum;
}
