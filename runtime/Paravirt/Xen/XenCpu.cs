using System.Runtime.InteropServices;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Memory;

namespace Jitvmm.Runtime.Paravirt.Xen;

/// <summary>Xen's part of one processor: how events reach it, its timers, clock and run state.</summary>
internal sealed unsafe class XenCpu : ParavirtualCpu
{
    public const uint HypercallRegister = 0x40000000;

    /// <summary>The longest list of ports to poll (xen/common/sched/core.c, as no header says).</summary>
    public const uint MaximumPolled = 128;

    private const long Never = long.MaxValue;
    private const int Rax = 0;

    // Words of saved state.
    private const int RunstateAt = 4;
    private const int ClockAreaAt = RunstateAt + XenRunstate.StateLength;
    private const int SingleShotAt = ClockAreaAt + XenArea.StateLength;
    private const int PeriodicAt = SingleShotAt + XenTimer.StateLength;
    private const int OwnLength = PeriodicAt + XenTimer.StateLength;
    private const ulong NoPlace = ulong.MaxValue;
    private const ulong WaitsFlag = 1;
    private const ulong LineFlag = 2;

    // Arguments: RDI, RSI, RDX, R10, R8 of 64-bit code, EBX, ECX, EDX, ESI, EDI of 32-bit code (arch-x86/xen-x86_64.h, xen-x86_32.h).
    private static readonly int[] s_arguments64 = [7, 6, 2, 10, 8];
    private static readonly int[] s_arguments32 = [3, 1, 2, 6, 7];

    private readonly XenTimer _singleShot;
    private readonly XenTimer _periodic;
    private readonly XenRunstate _runstate;
    private readonly XenArea _clockArea;
    private readonly StolenTime _stolen;
    private readonly IParavirtualAlarm _pollEnd;
    private uint[] _polled = [];
    private long _pollDeadline = Never;
    private volatile bool _waits;
    private volatile bool _isLineHigh;
    private ulong _timeStampOffset;
    private uint _clockVersion;
    private volatile int _upcallVector;

    public XenCpu(XenInterface offered, XenDomain domain, IParavirtualHost host)
        : base(offered, host)
    {
        Domain = domain;
        _singleShot = new XenTimer(this, host);
        _periodic = new XenTimer(this, host);
        _runstate = new XenRunstate(domain, host);
        _clockArea = new XenArea(host.Memory);
        _stolen = new StolenTime(host);
        _pollEnd = host.CreateAlarm(PollTimedOut);
    }

    public XenDomain Domain { get; }

    public IParavirtualHost Machine => Host;

    public PhysicalMemory Memory => Host.Memory;

    public int Index => (int)Host.Index;

    /// <summary>Raises VIRQ_TIMER once. Under the domain's lock.</summary>
    public XenTimer SingleShot => _singleShot;

    /// <summary>Raises it again and again.</summary>
    public XenTimer Periodic => _periodic;

    public XenRunstate Runstate => _runstate;

    public override int PendingVector =>
        _upcallVector == 0 && Domain.CallbackVector is > 0 and var vector && Domain.Shared.IsUpcallPending(Index) ? vector : -1;

    private bool IsClockStable => (Domain.Features & XenFeatures.StableClock) != 0;

    public override bool Hypercall()
    {
        bool is64Bit = CpuMode.Is64Bit(State);
        ulong mask = is64Bit ? ulong.MaxValue : uint.MaxValue;
        int[] numbers = is64Bit ? s_arguments64 : s_arguments32;
        var call = new XenCall(this, is64Bit, State->Gpr[numbers[0]] & mask, State->Gpr[numbers[1]] & mask, State->Gpr[numbers[2]] & mask, State->Gpr[numbers[3]] & mask, State->Gpr[numbers[4]] & mask);
        bool isKernel = State->System.Cpl == 0 && !CpuMode.HasRealSegments(State);
        long result = isKernel ? XenHypercalls.Perform((uint)State->Gpr[Rax], call) : XenError.NotPermitted;
        State->Gpr[Rax] = (ulong)result & mask;
        return true;
    }

    public override bool TryReadMsr(uint index, out ulong value)
    {
        value = 0;
        return IsRegister(index);
    }

    public override bool TryWriteMsr(uint index, ulong value) => IsRegister(index) && Domain.TryPlaceHypercalls(value, State == null || CpuMode.Is64Bit(State));

    public override ulong[] SaveState()
    {
        ulong[] words = new ulong[OwnLength + (Index == 0 ? XenDomain.StateLength : 0)];
        lock (Domain.Gate)
        {
            words[0] = Domain.Shared.PlaceOf(Index) ?? NoPlace;
            words[1] = (ulong)_upcallVector;
            words[2] = _timeStampOffset;
            words[3] = (_waits ? WaitsFlag : 0) | (_isLineHigh ? LineFlag : 0);
            _runstate.Save(words.AsSpan(RunstateAt));
            _clockArea.Save(words.AsSpan(ClockAreaAt));
            _singleShot.Save(words.AsSpan(SingleShotAt));
            _periodic.Save(words.AsSpan(PeriodicAt));
            if (Index == 0)
            {
                Domain.Save(words.AsSpan(OwnLength));
            }
        }

        return words;
    }

    /// <summary>What all processors share is the first one's.</summary>
    public override bool TryRestoreState(ReadOnlySpan<ulong> words)
    {
        if (words.Length != OwnLength + (Index == 0 ? XenDomain.StateLength : 0) || words[1] > byte.MaxValue)
        {
            return false;
        }

        lock (Domain.Gate)
        {
            _upcallVector = (int)words[1];
            _timeStampOffset = words[2];
            _waits = false;
            if ((words[3] & WaitsFlag) != 0)
            {
                // It polled: let it look again.
                Host.EndHalt(Host.Index);
            }

            return (Index != 0 || Domain.TryRestore(words[OwnLength..]))
                && Domain.Shared.TryRestorePlace(Index, words[0] == NoPlace ? null : words[0])
                && _runstate.TryRestore(words[RunstateAt..])
                && _clockArea.TryRestore(words[ClockAreaAt..])
                && _singleShot.TryRestore(words[SingleShotAt..])
                && _periodic.TryRestore(words[PeriodicAt..])
                && TryRestoreLine((words[3] & LineFlag) != 0);
        }
    }

    /// <summary>Nothing: a kernel gives the processors it is about to start their records, and starts them by INIT. Xen keeps what it knows of them, too.</summary>
    public override void Reset()
    {
    }

    public override void TimeStampMoved()
    {
        lock (Domain.Gate)
        {
            _timeStampOffset = State->System.TscOffset;
            WriteClock();
        }
    }

    public override void InterruptTaken()
    {
        if (_isLineHigh && !Domain.Shared.IsUpcallPending(Index))
        {
            lock (Domain.Gate)
            {
                LowerLine();
            }
        }

        TellStolen();
    }

    /// <summary>Events that a kernel was told of before it started the processor.</summary>
    public override void InterruptsEnabled()
    {
        if (_upcallVector is > 0 and var vector && Domain.Shared.IsUpcallPending(Index))
        {
            _ = Host.SendInterrupt(Host.Index, (uint)vector);
        }
    }

    public override void Halting()
    {
        lock (Domain.Gate)
        {
            _runstate.Enter(XenRunstate.Blocked, 0);
        }
    }

    public override void Running()
    {
        lock (Domain.Gate)
        {
            _runstate.Enter(XenRunstate.Running, 0);
        }
    }

    public override bool TakesHalt() => _waits;

    public override void Entering()
    {
        if (_waits)
        {
            lock (Domain.Gate)
            {
                StopWaiting();
            }
        }
    }

    /// <summary>Waits as in a halt until one of some ports is pending, an event comes, or machine time does. False: one is no port. Under the domain's lock.</summary>
    public bool TryPoll(uint[] ports, ulong deadline)
    {
        bool arePorts = Array.TrueForAll(ports, port => port < Domain.Shared.Ports);
        if (!arePorts || Domain.Channels.IsAnyPending(ports))
        {
            return arePorts;
        }

        Wait(ports);
        if (deadline != 0)
        {
            _pollDeadline = (long)Math.Min(deadline, Never);
            _pollEnd.Arm(_pollDeadline);
        }

        return true;
    }

    /// <summary>Waits until an event comes. Under the domain's lock.</summary>
    public void Block()
    {
        if (!Domain.Shared.IsUpcallPending(Index))
        {
            Wait([]);
        }
    }

    /// <summary>A port is pending. Under the domain's lock.</summary>
    public void EndPoll(uint port)
    {
        if (_waits && _polled.AsSpan().Contains(port))
        {
            EndWait();
        }
    }

    /// <summary>Tells the processor that events wait. Under the domain's lock.</summary>
    public void Upcall()
    {
        if (_upcallVector is > 0 and var vector)
        {
            _ = Host.SendInterrupt(Host.Index, (uint)vector);
        }
        else if (Domain.CallbackVector > 0)
        {
            Host.LookAround(Host.Index);
        }
        else if (Index == 0 && Domain.CallbackLine > 0)
        {
            _isLineHigh = true;
            Host.SetInterruptLine((uint)Domain.CallbackLine, true);
        }

        if (_waits)
        {
            EndWait();
        }
    }

    /// <summary>How it is told changed: tells it again. Under the domain's lock.</summary>
    public void RepeatUpcall()
    {
        if (Domain.Shared.IsUpcallPending(Index))
        {
            Upcall();
        }
    }

    /// <summary>Events interrupt through the local APIC from now on. Under the domain's lock.</summary>
    public void SetUpcallVector(byte vector)
    {
        _upcallVector = vector;
        RepeatUpcall();
    }

    /// <summary>Ends the level that <see cref="Upcall"/> began. Under the domain's lock.</summary>
    public void LowerLine()
    {
        if (_isLineHigh)
        {
            _isLineHigh = false;
            Host.SetInterruptLine((uint)Domain.CallbackLine, false);
        }
    }

    /// <summary>Fills in its clocks. Under the domain's lock.</summary>
    public void WriteClock()
    {
        Domain.Shared.WriteClock(Index, Host, _timeStampOffset, IsClockStable);
        WriteClockArea();
    }

    /// <summary>Has a second clock at an address; nowhere, at 0. False: that is not in RAM. Under the domain's lock.</summary>
    public bool TryPlaceClock(in XenCall call, ulong address)
    {
        if (address == 0)
        {
            _clockArea.Remove();
            return true;
        }

        bool isPlaced = _clockArea.TryPlace(call, address, PvClock.Length);
        WriteClockArea();
        return isPlaced;
    }

    private bool TryRestoreLine(bool isHigh)
    {
        _isLineHigh = isHigh;
        if (isHigh && Domain.CallbackLine > 0)
        {
            Host.SetInterruptLine((uint)Domain.CallbackLine, true);
        }

        return !isHigh || Domain.CallbackLine > 0;
    }

    private bool IsRegister(uint index) => index == HypercallRegister && (Domain.Features & XenFeatures.HypercallPage) != 0;

    /// <summary>A version that is odd meanwhile, as the record may be in two pages.</summary>
    private void WriteClockArea()
    {
        if (!_clockArea.IsPlaced)
        {
            return;
        }

        Span<byte> record = stackalloc byte[PvClock.Length];
        record.Clear();
        fixed (byte* bytes = record)
        {
            PvClock.Fill(bytes, Host, _timeStampOffset, IsClockStable);
        }

        MemoryMarshal.Write(record, ++_clockVersion);
        _clockArea.Write(record[..sizeof(uint)]);
        Interlocked.MemoryBarrier();
        _clockArea.Write(record);
        MemoryMarshal.Write(record, ++_clockVersion);
        Interlocked.MemoryBarrier();
        _clockArea.Write(record[..sizeof(uint)]);
    }

    private void TellStolen()
    {
        if ((Domain.Features & XenFeatures.StealTime) != 0 && _stolen.Take() is > 0 and var stolen)
        {
            lock (Domain.Gate)
            {
                _runstate.Enter(XenRunstate.Running, stolen);
            }
        }
    }

    private void Wait(uint[] ports)
    {
        _polled = ports;
        _waits = true;
        State->ExitRequest = 1;
    }

    private void EndWait()
    {
        StopWaiting();
        Host.EndHalt(Host.Index);
    }

    private void StopWaiting()
    {
        _waits = false;
        _polled = [];
        _pollDeadline = Never;
        _pollEnd.Cancel();
    }

    private void PollTimedOut()
    {
        lock (Domain.Gate)
        {
            if (_waits && Host.Now >= _pollDeadline)
            {
                EndWait();
            }
        }
    }
}
