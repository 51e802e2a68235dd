namespace Jitvmm.Runtime.Paravirt.Kvm;

/// <summary>
/// Steal time (msr.rst): how long the host kept the processor waiting, and whether it runs. A processor that does not may be left a request to flush its TLB, by
/// another processor of the guest, in the byte that says so (CPUID feature "PV TLB flush").
/// </summary>
internal sealed unsafe class KvmStealTime(IParavirtualHost host)
{
    private const ulong Enabled = 1;
    private const ulong Reserved = 0x3e;

    private const int Length = 64;
    private const int StealOffset = 0;
    private const int VersionOffset = 8;
    private const int PreemptedOffset = 16;
    private const byte Preempted = 1;
    private const byte FlushRequested = 2;

    private readonly SharedRecord _record = new(host.Memory, Length);
    private readonly StolenTime _stolen = new(host);

    public ulong Register { get; private set; }

    /// <summary>Places the record. One that is not in RAM is ignored. False: reserved bits.</summary>
    public bool TryWrite(ulong value)
    {
        if ((value & Reserved) != 0)
        {
            return false;
        }

        Register = value;
        _record.Remove();
        if ((value & Enabled) != 0 && _record.TryPlace(value & ~Enabled))
        {
            _stolen.Start();
            _ = Enter();
        }

        return true;
    }

    public void Reset()
    {
        Register = 0;
        _record.Remove();
    }

    /// <summary>Adds what the host has kept the processor waiting since.</summary>
    public void Update()
    {
        if (_record.IsPlaced && _stolen.Take() is > 0 and var stolen)
        {
            byte* bytes = _record.BeginChange(VersionOffset);
            *(ulong*)(bytes + StealOffset) += (ulong)stolen;
            _record.EndChange(VersionOffset);
        }
    }

    /// <summary>The processor stops running.</summary>
    public void Leave()
    {
        if (_record.IsPlaced)
        {
            Volatile.Write(ref _record.Writable()[PreemptedOffset], Preempted);
            _record.Written();
        }
    }

    /// <summary>The processor runs. True: its TLB must be flushed first.</summary>
    public bool Enter()
    {
        if (!_record.IsPlaced)
        {
            return false;
        }

        byte before = Interlocked.Exchange(ref _record.Writable()[PreemptedOffset], (byte)0);
        _record.Written();
        Update();
        return (before & FlushRequested) != 0;
    }
}
