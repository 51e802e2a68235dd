using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Host;

namespace Jitvmm.Runtime.Semantics;

/// <summary>
/// ROUNDPS and its kin. Bits 1–0 of the control byte choose a direction unless bit 2 asks for MXCSR's; bit 3 suppresses the
/// precision exception (SDM vol. 2B, table 4-18).
/// </summary>
/// <remarks>
/// RyuJIT's intrinsics never suppress it. As the flag is sticky that only matters until something else sets it, which the
/// state remembers; before, it is taken back.
/// </remarks>
public static unsafe class FloatRound
{
    private const int UseMxcsr = 4;
    private const int Suppress = 8;
    private const uint Precision = 0x20;

    /// <summary>With any control byte.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Round(CpuState* cpu, Vector128<float> value, int control) => Sets(cpu, control) ? Loud(value, control) : Quiet(cpu, value, control);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Vector128<float> Loud(Vector128<float> value, int control) => (control & UseMxcsr) != 0 ? Current(value) : Toward(value, control & 3);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Vector128<float> Quiet(CpuState* cpu, Vector128<float> value, int control)
    {
        bool wasSet = RememberPrecision(cpu);
        Vector128<float> result = Loud(value, control);
        ForgetPrecision(wasSet);
        return result;
    }

    /// <summary>Toward a known direction, with the precision exception.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Toward(Vector128<float> value, int direction) => direction switch
    {
        0 => Sse41.IsSupported ? Sse41.RoundToNearestInteger(value) : Vector128.Round(value),
        1 => Sse41.IsSupported ? Sse41.RoundToNegativeInfinity(value) : Vector128.Floor(value),
        2 => Sse41.IsSupported ? Sse41.RoundToPositiveInfinity(value) : Vector128.Ceiling(value),
        _ => Sse41.IsSupported ? Sse41.RoundToZero(value) : Vector128.Truncate(value),
    };

    /// <summary>In MXCSR's direction, with the precision exception.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Current(Vector128<float> value) =>
        Sse41.IsSupported ? Sse41.RoundCurrentDirection(value) : Vector128.Round(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<double> Round(CpuState* cpu, Vector128<double> value, int control) => Sets(cpu, control) ? Loud(value, control) : Quiet(cpu, value, control);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Vector128<double> Loud(Vector128<double> value, int control) => (control & UseMxcsr) != 0 ? Current(value) : Toward(value, control & 3);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Vector128<double> Quiet(CpuState* cpu, Vector128<double> value, int control)
    {
        bool wasSet = RememberPrecision(cpu);
        Vector128<double> result = Loud(value, control);
        ForgetPrecision(wasSet);
        return result;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<double> Toward(Vector128<double> value, int direction) => direction switch
    {
        0 => Sse41.IsSupported ? Sse41.RoundToNearestInteger(value) : Vector128.Round(value),
        1 => Sse41.IsSupported ? Sse41.RoundToNegativeInfinity(value) : Vector128.Floor(value),
        2 => Sse41.IsSupported ? Sse41.RoundToPositiveInfinity(value) : Vector128.Ceiling(value),
        _ => Sse41.IsSupported ? Sse41.RoundToZero(value) : Vector128.Truncate(value),
    };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<double> Current(Vector128<double> value) =>
        Sse41.IsSupported ? Sse41.RoundCurrentDirection(value) : Vector128.Round(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Round(CpuState* cpu, Vector256<float> value, int control) => Sets(cpu, control) ? Loud(value, control) : Quiet(cpu, value, control);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Vector256<float> Loud(Vector256<float> value, int control) => (control & UseMxcsr) != 0 ? Current(value) : Toward(value, control & 3);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Vector256<float> Quiet(CpuState* cpu, Vector256<float> value, int control)
    {
        bool wasSet = RememberPrecision(cpu);
        Vector256<float> result = Loud(value, control);
        ForgetPrecision(wasSet);
        return result;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Toward(Vector256<float> value, int direction) => direction switch
    {
        0 => Avx.IsSupported ? Avx.RoundToNearestInteger(value) : Vector256.Round(value),
        1 => Avx.IsSupported ? Avx.RoundToNegativeInfinity(value) : Vector256.Floor(value),
        2 => Avx.IsSupported ? Avx.RoundToPositiveInfinity(value) : Vector256.Ceiling(value),
        _ => Avx.IsSupported ? Avx.RoundToZero(value) : Vector256.Truncate(value),
    };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Current(Vector256<float> value) =>
        Avx.IsSupported ? Avx.RoundCurrentDirection(value) : Vector256.Round(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<double> Round(CpuState* cpu, Vector256<double> value, int control) => Sets(cpu, control) ? Loud(value, control) : Quiet(cpu, value, control);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Vector256<double> Loud(Vector256<double> value, int control) => (control & UseMxcsr) != 0 ? Current(value) : Toward(value, control & 3);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Vector256<double> Quiet(CpuState* cpu, Vector256<double> value, int control)
    {
        bool wasSet = RememberPrecision(cpu);
        Vector256<double> result = Loud(value, control);
        ForgetPrecision(wasSet);
        return result;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<double> Toward(Vector256<double> value, int direction) => direction switch
    {
        0 => Avx.IsSupported ? Avx.RoundToNearestInteger(value) : Vector256.Round(value),
        1 => Avx.IsSupported ? Avx.RoundToNegativeInfinity(value) : Vector256.Floor(value),
        2 => Avx.IsSupported ? Avx.RoundToPositiveInfinity(value) : Vector256.Ceiling(value),
        _ => Avx.IsSupported ? Avx.RoundToZero(value) : Vector256.Truncate(value),
    };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<double> Current(Vector256<double> value) =>
        Avx.IsSupported ? Avx.RoundCurrentDirection(value) : Vector256.Round(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> RoundScalar(CpuState* cpu, Vector128<float> upper, Vector128<float> value, int control) =>
        Sets(cpu, control) ? LoudScalar(upper, value, control) : QuietScalar(cpu, upper, value, control);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Vector128<float> LoudScalar(Vector128<float> upper, Vector128<float> value, int control) =>
        (control & UseMxcsr) != 0 ? CurrentScalar(upper, value) : TowardScalar(upper, value, control & 3);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Vector128<float> QuietScalar(CpuState* cpu, Vector128<float> upper, Vector128<float> value, int control)
    {
        bool wasSet = RememberPrecision(cpu);
        Vector128<float> result = LoudScalar(upper, value, control);
        ForgetPrecision(wasSet);
        return result;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> TowardScalar(Vector128<float> upper, Vector128<float> value, int direction)
    {
        if (!Sse41.IsSupported)
        {
            return ScalarFloat.Merge(upper, Toward(value, direction));
        }

        return direction switch
        {
            0 => Sse41.RoundToNearestIntegerScalar(upper, value),
            1 => Sse41.RoundToNegativeInfinityScalar(upper, value),
            2 => Sse41.RoundToPositiveInfinityScalar(upper, value),
            _ => Sse41.RoundToZeroScalar(upper, value),
        };
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> CurrentScalar(Vector128<float> upper, Vector128<float> value) =>
        Sse41.IsSupported ? Sse41.RoundCurrentDirectionScalar(upper, value) : ScalarFloat.Merge(upper, Vector128.Round(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<double> RoundScalar(CpuState* cpu, Vector128<double> upper, Vector128<double> value, int control) =>
        Sets(cpu, control) ? LoudScalar(upper, value, control) : QuietScalar(cpu, upper, value, control);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Vector128<double> LoudScalar(Vector128<double> upper, Vector128<double> value, int control) =>
        (control & UseMxcsr) != 0 ? CurrentScalar(upper, value) : TowardScalar(upper, value, control & 3);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Vector128<double> QuietScalar(CpuState* cpu, Vector128<double> upper, Vector128<double> value, int control)
    {
        bool wasSet = RememberPrecision(cpu);
        Vector128<double> result = LoudScalar(upper, value, control);
        ForgetPrecision(wasSet);
        return result;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<double> TowardScalar(Vector128<double> upper, Vector128<double> value, int direction)
    {
        if (!Sse41.IsSupported)
        {
            return ScalarFloat.Merge(upper, Toward(value, direction));
        }

        return direction switch
        {
            0 => Sse41.RoundToNearestIntegerScalar(upper, value),
            1 => Sse41.RoundToNegativeInfinityScalar(upper, value),
            2 => Sse41.RoundToPositiveInfinityScalar(upper, value),
            _ => Sse41.RoundToZeroScalar(upper, value),
        };
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<double> CurrentScalar(Vector128<double> upper, Vector128<double> value) =>
        Sse41.IsSupported ? Sse41.RoundCurrentDirectionScalar(upper, value) : ScalarFloat.Merge(upper, Vector128.Round(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool Sets(CpuState* cpu, int control) => (control & Suppress) == 0 || (cpu->Mxcsr & Precision) != 0;

    /// <summary>Whether the host's flag is set, and then the state's is too.</summary>
    private static bool RememberPrecision(CpuState* cpu)
    {
        uint flag = HostCode.StoreMxcsr() & Precision;
        cpu->Mxcsr |= flag;
        return flag != 0;
    }

    private static void ForgetPrecision(bool wasSet)
    {
        if (!wasSet)
        {
            HostCode.LoadMxcsr(HostCode.StoreMxcsr() & ~Precision);
        }
    }
}
