namespace Jitvmm.Linux;

/// <summary>The six arguments of a system call: RDI, RSI, RDX, R10, R8, R9.</summary>
public readonly struct SyscallArgs(ulong a0, ulong a1, ulong a2, ulong a3, ulong a4, ulong a5)
{
    public readonly ulong A0 = a0;
    public readonly ulong A1 = a1;
    public readonly ulong A2 = a2;
    public readonly ulong A3 = a3;
    public readonly ulong A4 = a4;
    public readonly ulong A5 = a5;

    /// <summary>Argument n as the 32-bit signed integer C's <c>int</c> parameters are (upper half ignored, as the kernel does).</summary>
    public int Int0 => (int)A0;

    public int Int1 => (int)A1;

    public int Int2 => (int)A2;

    public int Int3 => (int)A3;

    public int Int4 => (int)A4;

    public int Int5 => (int)A5;

    public ulong this[int index] => index switch
    {
        0 => A0,
        1 => A1,
        2 => A2,
        3 => A3,
        4 => A4,
        _ => A5,
    };
}
