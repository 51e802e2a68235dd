/* The discrete cosine transform of blocks of 8 by 8, its quantisation and its way back, in float: what pictures are packed with. */
#include "kernel.h"

enum { BLOCKS = 256 };
static float cosines[8][8], block[8][8], half[8][8];
static u8 picture[BLOCKS][64], seen[BLOCKS][64];

/* cos(k pi / 16) for k of 0 to 8. */
static const float quarter[9] = {1, 0.98078528f, 0.92387953f, 0.83146961f, 0.70710678f, 0.55557023f, 0.38268343f, 0.19509032f, 0};

static float cosine(int k)
{
    k &= 31;
    return k <= 8 ? quarter[k] : k <= 16 ? -quarter[16 - k] : k <= 24 ? -quarter[k - 16] : quarter[32 - k];
}

static void transform(int is_back)
{
    for (int i = 0; i < 8; i++)
        for (int j = 0; j < 8; j++) {
            float sum = 0;
            for (int k = 0; k < 8; k++)
                sum += block[i][k] * (is_back ? cosines[k][j] : cosines[j][k]);
            half[i][j] = sum;
        }
    for (int j = 0; j < 8; j++)
        for (int i = 0; i < 8; i++) {
            float sum = 0;
            for (int k = 0; k < 8; k++)
                sum += half[k][j] * (is_back ? cosines[k][i] : cosines[i][k]);
            block[i][j] = sum;
        }
}

static u64 kernel(void)
{
    u32 state = 53;
    for (int i = 0; i < 8; i++)
        for (int j = 0; j < 8; j++)
            cosines[i][j] = i == 0 ? 0.35355339f : 0.5f * cosine((2 * j + 1) * i);
    for (int n = 0; n < BLOCKS; n++)
        for (int i = 0; i < 64; i++)
            picture[n][i] = (u8)(128 + (i % 8) * (n % 13) - (i / 8) * (n % 7) + (int)(next(&state) >> 27));
    u64 sum = 0;
    for (int round = 0; round < 48; round++) {
        for (int n = 0; n < BLOCKS; n++) {
            for (int i = 0; i < 64; i++)
                block[i / 8][i % 8] = (float)(picture[n][i] - 128);
            transform(0);
            for (int i = 0; i < 64; i++) {
                float step = (float)(4 + i / 8 + i % 8 + round);
                block[i / 8][i % 8] = (float)(int)(block[i / 8][i % 8] / step) * step;
            }
            transform(1);
            for (int i = 0; i < 64; i++) {
                int value = (int)block[i / 8][i % 8] + 128;
                seen[n][i] = (u8)(value < 0 ? 0 : value > 255 ? 255 : value);
            }
        }
        sum = fold(sum, fold_bytes(seen, sizeof seen));
    }
    return sum;
}
