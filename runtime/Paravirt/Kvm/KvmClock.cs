namespace Jitvmm.Runtime.Paravirt.Kvm;

/// <summary>
/// kvmclock (msr.rst): a record from which the guest computes machine time out of its time-stamp counter. As that counter is machine time itself, plus the guest's own
/// offset, a record stays right until the offset changes.
/// </summary>
internal sealed unsafe class KvmClock(IParavirtualHost host, bool isStable)
{
    private const ulong Enabled = 1;

    // The clock's record: version, TSC, system time, multiplier, shift, flags.
    private const int Length = 32;
    private const int TimeStampOffset = 8;
    private const int SystemTimeOffset = 16;
    private const int MultiplierOffset = 24;
    private const int ShiftOffset = 28;
    private const int FlagsOffset = 29;
    private const byte StableFlag = 1;

    // The wall clock's: version, seconds, nanoseconds of UTC at machine time 0.
    private const int WallLength = 12;
    private const int SecondsOffset = 4;
    private const int NanosecondsOffset = 8;

    private const long NanosecondsPerSecond = 1_000_000_000;

    private readonly SharedRecord _record = new(host.Memory, Length);

    public ulong WallClock { get; private set; }

    public ulong SystemTime { get; private set; }

    /// <summary>Fills a wall-clock record, once. One that is not in RAM is ignored.</summary>
    public void WriteWallClock(ulong address)
    {
        WallClock = address;
        var record = new SharedRecord(host.Memory, WallLength);
        if (address == 0 || !record.TryPlace(address))
        {
            return;
        }

        byte* bytes = record.BeginChange(0);
        *(uint*)(bytes + SecondsOffset) = (uint)(host.UtcAtStart / NanosecondsPerSecond);
        *(uint*)(bytes + NanosecondsOffset) = (uint)(host.UtcAtStart % NanosecondsPerSecond);
        record.EndChange(0);
    }

    /// <summary>Places the clock's record and fills it. One that is not in RAM is ignored.</summary>
    public void WriteSystemTime(ulong value, ulong timeStampOffset)
    {
        SystemTime = value;
        _record.Remove();
        if ((value & Enabled) != 0 && _record.TryPlace(value & ~Enabled))
        {
            Update(timeStampOffset);
        }
    }

    public void Reset()
    {
        SystemTime = 0;
        _record.Remove();
    }

    /// <summary>Fills the record for a guest whose time-stamp counter is that much ahead.</summary>
    public void Update(ulong timeStampOffset)
    {
        if (!_record.IsPlaced)
        {
            return;
        }

        (uint multiplier, int shift) = Scale(host.TimeStampFrequency);
        byte* bytes = _record.BeginChange(0);
        ulong timeStamp = host.TimeStamp;
        *(ulong*)(bytes + TimeStampOffset) = timeStamp + timeStampOffset;
        *(ulong*)(bytes + SystemTimeOffset) = (ulong)((UInt128)timeStamp * (ulong)NanosecondsPerSecond / host.TimeStampFrequency);
        *(uint*)(bytes + MultiplierOffset) = multiplier;
        *(sbyte*)(bytes + ShiftOffset) = (sbyte)shift;
        *(ushort*)(bytes + FlagsOffset) = isStable ? StableFlag : (ushort)0;
        _record.EndChange(0);
    }

    /// <summary>ns = (ticks shifted left) × multiplier / 2³², with the top bit of the multiplier set.</summary>
    internal static (uint Multiplier, int Shift) Scale(uint frequency)
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
