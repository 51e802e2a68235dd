namespace Jitvmm.Runtime.Paravirt.Vmware;

/// <summary>VMware's interface of one processor: the back door, and the steal clock it places.</summary>
internal sealed unsafe class VmwareCpu : ParavirtualCpu
{
    private const uint StealClockOff = 0;
    private const uint StealClockOn = 1;

    /// <summary>In an address of the steal clock: there is none. In its saved state: there is one.</summary>
    private const ulong Flag = 1;

    private const int StealClockLength = 64;
    private const ulong NanosecondsPerSecond = 1_000_000_000;

    private readonly SharedRecord _stealClock;
    private readonly StolenTime _stolen;
    private ulong _stealClockState;

    public VmwareCpu(VmwareInterface offered, IParavirtualHost host)
        : base(offered, host)
    {
        Features = offered.Features;
        Frequency = offered.Frequency;
        _stealClock = new SharedRecord(host.Memory, StealClockLength);
        _stolen = new StolenTime(host);
    }

    public VmwareFeatures Features { get; }

    public uint Frequency { get; }

    public override bool TryReadPort(ushort port, int bytes, out uint value)
    {
        bool isCall = port == VmwareCommands.Port && bytes == sizeof(uint) && (uint)State->Gpr[VmwareCommands.Rax] == VmwareCommands.Magic;
        value = isCall ? VmwareCommands.Execute(this, State) : 0;
        return isCall;
    }

    public override bool Hypercall()
    {
        bool isCall = (Features & VmwareFeatures.Vmcall) != 0 && VmwareCommands.IsCall(State->Gpr[VmwareCommands.Rax], State->Gpr[VmwareCommands.Rdx]);
        State->Gpr[VmwareCommands.Rax] = isCall ? VmwareCommands.Execute(this, State) : VmwareCommands.Failure;
        return true;
    }

    /// <summary>There are none.</summary>
    public override bool TryReadMsr(uint index, out ulong value)
    {
        value = 0;
        return false;
    }

    public override bool TryWriteMsr(uint index, ulong value) => false;

    public override ulong[] SaveState() => [_stealClockState];

    public override bool TryRestoreState(ReadOnlySpan<ulong> words)
    {
        Reset();
        return words is [0] || (words is [var state] && (Features & VmwareFeatures.StealClock) != 0 && PlaceStealClock(state & ~Flag) == StealClockOn);
    }

    public override void Reset()
    {
        _stealClock.Remove();
        _stealClockState = 0;
    }

    /// <summary>The time the host kept the processor waiting, in ticks of the TSC.</summary>
    public override void InterruptTaken()
    {
        if (_stealClock.IsPlaced && _stolen.Take() is > 0 and var stolen)
        {
            ulong* clock = (ulong*)_stealClock.Writable();
            Volatile.Write(ref *clock, *clock + (ulong)((UInt128)(ulong)stolen * Frequency / NanosecondsPerSecond));
            _stealClock.Written();
        }
    }

    /// <summary>Says whether the clock is on; failure, and it is off, for an address that is no record's.</summary>
    public uint PlaceStealClock(ulong address)
    {
        Reset();
        if ((address & Flag) != 0)
        {
            return StealClockOff;
        }

        if (address % StealClockLength != 0 || !_stealClock.TryPlace(address))
        {
            return VmwareCommands.Failure;
        }

        _stolen.Start();
        _stealClockState = address | Flag;
        return StealClockOn;
    }
}
