using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Jitvmm.Runtime.Semantics;

/// <summary>PCLMULQDQ: control bit 0 chooses the quadword of the first operand, bit 4 that of the second.</summary>
public static class CarrylessProduct
{
    public static Vector128<ulong> Multiply(Vector128<ulong> a, Vector128<ulong> b, int control) => !Pclmulqdq.IsSupported
        ? Multiply(a[control & 1], b[(control >> 4) & 1])
        : (control & 0x11) switch
        {
            0 => Pclmulqdq.CarrylessMultiply(a, b, 0),
            1 => Pclmulqdq.CarrylessMultiply(a, b, 1),
            0x10 => Pclmulqdq.CarrylessMultiply(a, b, 0x10),
            _ => Pclmulqdq.CarrylessMultiply(a, b, 0x11),
        };

    public static Vector256<ulong> Multiply(Vector256<ulong> a, Vector256<ulong> b, int control) =>
        Vector256.Create(Multiply(a.GetLower(), b.GetLower(), control), Multiply(a.GetUpper(), b.GetUpper(), control));

    private static Vector128<ulong> Multiply(ulong a, ulong b)
    {
        ulong low = 0;
        ulong high = 0;
        for (int i = 0; i < 64; i++)
        {
            ulong selected = 0 - ((b >> i) & 1);
            low ^= (a << i) & selected;
            high ^= i == 0 ? 0 : (a >> (64 - i)) & selected;
        }

        return Vector128.Create(low, high);
    }
}
