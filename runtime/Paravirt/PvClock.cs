namespace Jitvmm.Runtime.Paravirt;

/// <summary>
/// The clock record of KVM's and Xen's guests (Linux, Documentation/virt/kvm/x86/msr.rst; xen/include/public/xen.h, vcpu_time_info), from which a guest computes machine time out of its
/// time-stamp counter. As that counter is machine time itself, plus the guest's own offset, a record stays right until the offset changes.
/// </summary>
internal static unsafe class PvClock
{
    // Version, TSC, system time, multiplier, shift, flags.
    public const int Length = 32;

    private const int TimeStampOffset = 8;
    private const int SystemTimeOffset = 16;
    private const int MultiplierOffset = 24;
    private const int ShiftOffset = 28;
    private const int FlagsOffset = 29;

    /// <summary>All processors see one time.</summary>
    private const byte StableFlag = 1;

    private const long NanosecondsPerSecond = 1_000_000_000;

    /// <summary>Fills in all but the version, for a guest whose time-stamp counter is that much ahead.</summary>
    public static void Fill(byte* record, IParavirtualHost host, ulong timeStampOffset, bool isStable)
    {
        (uint multiplier, int shift) = Scale(host.TimeStampFrequency);
        ulong timeStamp = host.TimeStamp;
        *(ulong*)(record + TimeStampOffset) = timeStamp + timeStampOffset;
        *(ulong*)(record + SystemTimeOffset) = (ulong)((UInt128)timeStamp * (ulong)NanosecondsPerSecond / host.TimeStampFrequency);
        *(uint*)(record + MultiplierOffset) = multiplier;
        *(sbyte*)(record + ShiftOffset) = (sbyte)shift;
        *(ushort*)(record + FlagsOffset) = isStable ? StableFlag : (ushort)0;
    }

    /// <summary>ns = (ticks shifted left) × multiplier / 2³², with the top bit of the multiplier set.</summary>
    private static (uint Multiplier, int Shift) Scale(uint frequency)
    {
        int shift = 0;
        UInt128 multiplier = ((UInt128)(ulong)NanosecondsPerSecond << 32) / frequency;
        while (multiplier > uint.MaxValue)
        {
            multiplier >>= 1;
            shift++;
        }

        while (multiplier <= uint.MaxValue / 2)
        {
            shift--;
            multiplier = ((UInt128)(ulong)NanosecondsPerSecond << (32 - shift)) / frequency;
        }

        return ((uint)multiplier, shift);
    }
}
