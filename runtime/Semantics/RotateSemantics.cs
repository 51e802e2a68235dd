namespace Jitvmm.Runtime.Semantics;

/// <summary>Rotates through carry and double shifts, on values zero-extended from <c>width</c> bits (SDM vol. 2B, RCL and SHLD).</summary>
public static class RotateSemantics
{
    public static int Modulo9(int count) => count % 9;

    public static int Modulo17(int count) => count % 17;

    public static ulong Left(ulong value, ulong carry, int count, int width) =>
        count == 0 ? value : (value << count) | (carry << (count - 1)) | (count < 2 ? 0 : value >> (width + 1 - count));

    public static ulong LeftCarry(ulong value, ulong carry, int count, int width) =>
        count == 0 ? carry : (value >> (width - count)) & 1;

    public static ulong Right(ulong value, ulong carry, int count, int width)
    {
        if (count == 0)
        {
            return value;
        }

        ulong high = count < 2 ? 0 : value << (width + 1 - count);
        ulong result = (value >> count) | (carry << (width - count)) | high;
        return width == 64 ? result : result & ((1ul << width) - 1);
    }

    public static ulong RightCarry(ulong value, ulong carry, int count, int width) =>
        count == 0 ? carry : (value >> (count - 1)) & 1;

    /// <summary>SHLD. A 16-bit one with a count above 16, undefined by the manual, shifts the operands round as the host's do.</summary>
    public static ulong DoubleLeft(ulong value, ulong fill, int count, int width)
    {
        if (count == 0)
        {
            return value;
        }

        if (width == 16)
        {
            ulong joined = (value << 32) | (fill << 16) | value;
            return (joined << count) >> 32;
        }

        return (value << count) | (fill >> (width - count));
    }

    public static ulong DoubleLeftCarry(ulong value, ulong fill, int count, int width)
    {
        if (count == 0)
        {
            return 0;
        }

        if (width == 16)
        {
            ulong joined = (value << 32) | (fill << 16) | value;
            return (joined >> (48 - count)) & 1;
        }

        return (value >> (width - count)) & 1;
    }

    public static ulong DoubleRight(ulong value, ulong fill, int count, int width)
    {
        if (count == 0)
        {
            return value;
        }

        if (width == 16)
        {
            ulong joined = (value << 32) | (fill << 16) | value;
            return joined >> count;
        }

        return (value >> count) | (fill << (width - count));
    }

    public static ulong DoubleRightCarry(ulong value, ulong fill, int count, int width)
    {
        if (count == 0)
        {
            return 0;
        }

        if (width == 16)
        {
            ulong joined = (value << 32) | (fill << 16) | value;
            return (joined >> (count - 1)) & 1;
        }

        return (value >> (count - 1)) & 1;
    }
}
