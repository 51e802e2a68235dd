namespace Jitvmm.Runtime.Paravirt.Kvm;

/// <summary>kvmclock (msr.rst): a clock record and a wall-clock record at places of the guest's choice.</summary>
internal sealed unsafe class KvmClock(IParavirtualHost host, bool isStable)
{
    private const ulong Enabled = 1;

    // The wall clock's: version, seconds, nanoseconds of UTC at machine time 0.
    private const int WallLength = 12;
    private const int SecondsOffset = 4;
    private const int NanosecondsOffset = 8;

    private const long NanosecondsPerSecond = 1_000_000_000;

    private readonly SharedRecord _record = new(host.Memory, PvClock.Length);

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

        byte* bytes = _record.BeginChange(0);
        PvClock.Fill(bytes, host, timeStampOffset, isStable);
        _record.EndChange(0);
    }
}
