using System.Runtime.CompilerServices;
using Jitvmm.Runtime.Cpu;

namespace Jitvmm.Runtime.Semantics;

/// <summary>What the six status flags come from, when compiled code has kept that instead of them.</summary>
public enum FlagOperation
{
    /// <summary>Nothing is deferred: the flags are in their variables.</summary>
    None,

    /// <summary>a + b, and 1 where there was a carry.</summary>
    Add,

    /// <summary>a − b, and −1 where there was a borrow.</summary>
    Subtract,

    /// <summary>The result a of AND, OR, XOR or TEST.</summary>
    Logic,

    /// <summary>The result a of INC; b is the carry variable, which stays.</summary>
    Increment,

    /// <summary>The result a of DEC; b is the carry variable, which stays.</summary>
    Decrement,

    /// <summary>a · b without signs.</summary>
    Multiply,

    /// <summary>a · b with signs.</summary>
    MultiplySigned,

    /// <summary>a shifted by b, which is not 0.</summary>
    ShiftLeft,

    ShiftRight,

    ShiftRightSigned,
}

/// <summary>
/// Status flags that are computed only where compiled code is left and somebody may read them. Almost every instruction sets them and
/// almost none reads them, but each way out of a region must leave them as they are: so a region keeps an operation and its two
/// operands, which cost it a register each at most, and this computes the rest.
/// </summary>
public static unsafe class DeferredFlags
{
    /// <summary>An operation on <paramref name="width"/> bits as a number that is not 0. One more says that a carry or a borrow came in.</summary>
    public static int CodeOf(FlagOperation operation, int width) => ((int)operation << 3) | (width switch { 8 => 0, 16 => 2, 32 => 4, _ => 6 });

    /// <summary>Writes the flag variables of <paramref name="cpu"/>.</summary>
    /// <param name="cpu">Whose.</param>
    /// <param name="code">Of <see cref="CodeOf"/>; 0 leaves everything as it is.</param>
    /// <param name="a">Zero-extended.</param>
    /// <param name="b">Likewise.</param>
    /// <returns><paramref name="cpu"/>, so that a caller need not keep it over the call.</returns>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static nint Compute(nint cpu, int code, ulong a, ulong b)
    {
        var state = (CpuState*)cpu;
        int unused = 64 - (8 << (code >> 1 & 3));
        bool hasCarry = (code & 1) != 0;

        // In the upper bits of 64, where carries and signs of every width are in the same place.
        ulong x = a << unused;
        ulong y = b << unused;
        switch ((FlagOperation)(code >> 3))
        {
            case FlagOperation.None:
                break;
            case FlagOperation.Add when !hasCarry:
                ComputeSum(cpu, unused, a, b);
                break;
            case FlagOperation.Add:
                ulong sum = x + y + (1ul << unused);
                Set(state, sum <= x ? 1ul : 0, ((x ^ sum) & (y ^ sum)) >> 63, a ^ b ^ (sum >> unused), (long)sum >> unused);
                break;
            case FlagOperation.Subtract when !hasCarry:
                ComputeDifference(cpu, unused, a, b);
                break;
            case FlagOperation.Subtract:
                ulong difference = x - y - (1ul << unused);
                Set(state, x <= y ? 1ul : 0, ((x ^ y) & (x ^ difference)) >> 63, a ^ b ^ (difference >> unused), (long)difference >> unused);
                break;
            case FlagOperation.Logic:
                ComputeLogic(cpu, unused, a, b);
                break;
            case FlagOperation.Increment:
                Set(state, b, x == 1ul << 63 ? 1ul : 0, a ^ (a - 1) ^ 1, (long)x >> unused);
                break;
            case FlagOperation.Decrement:
                Set(state, b, x + (1ul << unused) == 1ul << 63 ? 1ul : 0, a ^ (a + 1) ^ 1, (long)x >> unused);
                break;
            case FlagOperation.Multiply:
                ulong high = Math.BigMul(x, b, out ulong low);
                SetProduct(state, high != 0, low, unused);
                break;
            case FlagOperation.MultiplySigned:
                long signedHigh = Math.BigMul((long)x, (long)y >> unused, out long signedLow);
                SetProduct(state, signedHigh != signedLow >> 63, (ulong)signedLow, unused);
                break;
            case FlagOperation.ShiftLeft:
                ulong shifted = x << (int)b;
                ulong lost = x >> (int)(64 - b) & 1;
                Set(state, lost, shifted >> 63 ^ lost, 0, (long)shifted >> unused);
                break;
            case FlagOperation.ShiftRight:
                Set(state, a >> (int)(b - 1) & 1, x >> 63, 0, (long)(a >> (int)b << unused) >> unused);
                break;
            case FlagOperation.ShiftRightSigned:
                long signed = (long)x >> unused;
                Set(state, (ulong)(signed >> (int)(b - 1)) & 1, 0, 0, signed >> (int)b);
                break;
        }

        return cpu;
    }

    /// <summary>As <see cref="Compute"/>, of a + b without a carry, for compiled code that knows it came from there.</summary>
    /// <param name="cpu">Whose flags.</param>
    /// <param name="unused">64 less the width.</param>
    /// <param name="a">Zero-extended.</param>
    /// <param name="b">Likewise.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void ComputeSum(nint cpu, int unused, ulong a, ulong b)
    {
        ulong x = a << unused;
        ulong y = b << unused;
        ulong result = x + y;
        Set((CpuState*)cpu, result < x ? 1ul : 0, ((x ^ result) & (y ^ result)) >> 63, a ^ b ^ (result >> unused), (long)result >> unused);
    }

    /// <summary>As <see cref="ComputeSum"/>, of a − b.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void ComputeDifference(nint cpu, int unused, ulong a, ulong b)
    {
        ulong x = a << unused;
        ulong y = b << unused;
        ulong result = x - y;
        Set((CpuState*)cpu, x < y ? 1ul : 0, ((x ^ y) & (x ^ result)) >> 63, a ^ b ^ (result >> unused), (long)result >> unused);
    }

    /// <summary>As <see cref="ComputeSum"/>, of a result without carries; <paramref name="b"/> is not used.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void ComputeLogic(nint cpu, int unused, ulong a, ulong b) => Set((CpuState*)cpu, 0, 0, 0, (long)(a << unused) >> unused);

    /// <summary>A product whose first factor was in the upper bits, and so the result is.</summary>
    private static void SetProduct(CpuState* state, bool overflows, ulong low, int unused) =>
        Set(state, overflows ? 1ul : 0, overflows ? 1ul : 0, 0, (long)low >> unused);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Set(CpuState* state, ulong carry, ulong overflow, ulong adjust, long result)
    {
        state->FlagC = carry;
        state->FlagO = overflow;
        state->FlagA = adjust;
        state->FlagZ = state->FlagS = state->FlagP = (ulong)result;
    }
}
