using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Jitvmm.Runtime.Semantics;

/// <summary>DPPS and DPPD: products of the elements chosen by bits 7–4, summed into the elements chosen by bits 3–0.</summary>
public static class FloatDot
{
    public static Vector128<float> Dot(Vector128<float> a, Vector128<float> b, int control) =>
        (Sse41.IsSupported ? Product(a, b, control) : PortableProduct(a, b, control)) & Chosen(control);

    public static Vector128<double> Dot(Vector128<double> a, Vector128<double> b, int control) =>
        (Sse41.IsSupported ? Product(a, b, control) : PortableProduct(a, b, control))
        & Vector128.Create(-(long)(control & 1), -(long)((control >> 1) & 1)).AsDouble();

    public static Vector256<float> Dot(Vector256<float> a, Vector256<float> b, int control) =>
        Vector256.Create(Dot(a.GetLower(), b.GetLower(), control), Dot(a.GetUpper(), b.GetUpper(), control));

    private static Vector128<float> Product(Vector128<float> a, Vector128<float> b, int control) => (control & 0xf0) switch
    {
        0 => Sse41.DotProduct(a, b, 0x0f),
        0x10 => Sse41.DotProduct(a, b, 0x1f),
        0x20 => Sse41.DotProduct(a, b, 0x2f),
        0x30 => Sse41.DotProduct(a, b, 0x3f),
        0x40 => Sse41.DotProduct(a, b, 0x4f),
        0x50 => Sse41.DotProduct(a, b, 0x5f),
        0x60 => Sse41.DotProduct(a, b, 0x6f),
        0x70 => Sse41.DotProduct(a, b, 0x7f),
        0x80 => Sse41.DotProduct(a, b, 0x8f),
        0x90 => Sse41.DotProduct(a, b, 0x9f),
        0xa0 => Sse41.DotProduct(a, b, 0xaf),
        0xb0 => Sse41.DotProduct(a, b, 0xbf),
        0xc0 => Sse41.DotProduct(a, b, 0xcf),
        0xd0 => Sse41.DotProduct(a, b, 0xdf),
        0xe0 => Sse41.DotProduct(a, b, 0xef),
        _ => Sse41.DotProduct(a, b, 0xff),
    };

    private static Vector128<double> Product(Vector128<double> a, Vector128<double> b, int control) => (control & 0x30) switch
    {
        0 => Sse41.DotProduct(a, b, 0x0f),
        0x10 => Sse41.DotProduct(a, b, 0x1f),
        0x20 => Sse41.DotProduct(a, b, 0x2f),
        _ => Sse41.DotProduct(a, b, 0x3f),
    };

    private static Vector128<float> PortableProduct(Vector128<float> a, Vector128<float> b, int control)
    {
        Vector128<float> products = (a * b) & Chosen(control >> 4);
        return Vector128.Create(products[0] + products[1] + (products[2] + products[3]));
    }

    private static Vector128<double> PortableProduct(Vector128<double> a, Vector128<double> b, int control)
    {
        Vector128<double> products = (a * b) & Vector128.Create(-(long)((control >> 4) & 1), -(long)((control >> 5) & 1)).AsDouble();
        return Vector128.Create(products[0] + products[1]);
    }

    private static Vector128<float> Chosen(int bits) =>
        Vector128.Equals(Vector128.Create(bits) & Vector128.Create(1, 2, 4, 8), Vector128.Create(1, 2, 4, 8)).AsSingle();
}
