using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Execution;
using Jitvmm.Runtime.Memory;

namespace Jitvmm.Runtime.Paravirt.Hyperv;

/// <summary>Hyper-V's registers of one processor, and flushes of its TLB that others ask for.</summary>
internal sealed unsafe class HypervCpu : ParavirtualCpu
{
    private const uint GuestId = 0x40000000;
    private const uint HypercallRegister = 0x40000001;
    private const uint ProcessorIndex = 0x40000002;
    private const uint ReferenceCounter = 0x40000020;
    private const uint ReferenceTsc = 0x40000021;
    private const uint TscFrequency = 0x40000022;
    private const uint ApicFrequency = 0x40000023;
    private const uint EndOfInterrupt = 0x40000070;
    private const uint InterruptCommand = 0x40000071;
    private const uint TaskPriority = 0x40000072;
    private const uint AssistPage = 0x40000073;
    private const uint FirstTimer = 0x400000b0;
    private const int TimerCount = 4;

    private const ulong Enabled = 1;
    private const ulong AddressMask = ~(GuestPages.PageSize - 1);

    /// <summary>Saved words before the timers'.</summary>
    private const int OwnWords = 5;

    /// <summary>Of the features, not one: every guest has these registers.</summary>
    private const HypervFeatures Mandatory = (HypervFeatures)(1u << 5);

    private readonly HypervPartition _partition;
    private readonly EndOfInterruptWord _end;
    private readonly HypervTimer[] _timers = new HypervTimer[TimerCount];
    private readonly List<(HypervCpu Processor, int Flush)> _awaited = [];
    private ulong _assistPage;
    private int _flushesAsked;
    private volatile int _flushesDone;
    private volatile bool _isInside;

    public HypervCpu(HypervInterface offered, IParavirtualHost host)
        : base(offered, host)
    {
        Features = offered.Features;
        _partition = offered.Partition;
        _end = new EndOfInterruptWord(host.Memory);
        for (int i = 0; i < TimerCount; i++)
        {
            _timers[i] = new HypervTimer(host);
        }
    }

    public static HypervCpu Of(CpuState* cpu) => (HypervCpu)MachineCpu.Of(cpu).Platform.Paravirtual!;

    public HypervFeatures Features { get; }

    public PhysicalMemory Memory => Host.Memory;

    /// <summary>The word at the start of the VP assist page (TLFS 10.3.5, "EOI assist").</summary>
    public override ILazyEndOfInterrupt? LazyEndOfInterrupt => (Features & HypervFeatures.Apic) != 0 ? _end : null;

    /// <summary>There are none for user code, nor before the guest has said who it is (TLFS 3.3, 3.13).</summary>
    public override bool Hypercall()
    {
        bool isAllowed = State->System.Cpl == 0 && CpuMode.IsProtected(State) && _partition.GuestId != 0;
        if (isAllowed)
        {
            HypervHypercalls.Execute(this);
        }

        return isAllowed;
    }

    public override bool TryReadMsr(uint index, out ulong value)
    {
        value = index switch
        {
            GuestId => _partition.GuestId,
            HypercallRegister => _partition.Hypercall,
            ProcessorIndex => Host.Index,
            ReferenceCounter => HypervPartition.ReferenceTime(Host),
            ReferenceTsc => _partition.ReferenceTsc,
            TscFrequency or ApicFrequency => Host.TimeStampFrequency,
            InterruptCommand => Host.InterruptCommand,
            TaskPriority => Host.TaskPriority,
            AssistPage => _assistPage,
            _ when IsTimer(index) => (index & 1) == 0 ? TimerOf(index).Configuration : TimerOf(index).Count,
            _ => 0,
        };
        return index != EndOfInterrupt && Has(index);
    }

    public override bool TryWriteMsr(uint index, ulong value)
    {
        if (!Has(index))
        {
            return false;
        }

        switch (index)
        {
            case GuestId:
                _partition.WriteGuestId(Memory, value);
                return true;
            case HypercallRegister:
                return _partition.TryWriteHypercall(Memory, value);
            case ReferenceTsc:
                _partition.WriteReferenceTsc(Host, value);
                return true;
            case EndOfInterrupt:
                Host.EndInterrupt();
                return true;
            case InterruptCommand:
                Host.InterruptCommand = value;
                return true;
            case TaskPriority:
                Host.TaskPriority = (byte)value;
                return value <= byte.MaxValue;
            case AssistPage:
                return TryPlaceAssistPage(value);
            case >= FirstTimer when (index & 1) == 0:
                TimerOf(index).Configuration = value;
                return true;
            case >= FirstTimer:
                TimerOf(index).Count = value;
                return true;
            default:
                // The others are read-only.
                return false;
        }
    }

    public override ulong[] SaveState()
    {
        ulong[] words = new ulong[OwnWords + (TimerCount * HypervTimer.StateLength)];
        words[0] = _partition.GuestId;
        words[1] = _partition.Hypercall;
        words[2] = _partition.ReferenceTsc;
        words[3] = _assistPage;
        words[4] = _partition.IsMoved(Host.Index) ? 1ul : 0;
        for (int i = 0; i < TimerCount; i++)
        {
            _timers[i].Save(words.AsSpan(OwnWords + (i * HypervTimer.StateLength)));
        }

        return words;
    }

    /// <summary>What all processors share is in each one's state, and so restored as often.</summary>
    public override bool TryRestoreState(ReadOnlySpan<ulong> words)
    {
        Reset();
        bool isRestored = words.Length == OwnWords + (TimerCount * HypervTimer.StateLength)
            && _partition.TryRestore(Host, words[0], words[1], words[2], words[4] != 0)
            && TryPlaceAssistPage(words[3]);
        for (int i = 0; isRestored && i < TimerCount; i++)
        {
            isRestored = _timers[i].TryRestore(words.Slice(OwnWords + (i * HypervTimer.StateLength), HypervTimer.StateLength));
        }

        return isRestored;
    }

    public override void Reset()
    {
        _ = TryPlaceAssistPage(0);
        foreach (HypervTimer timer in _timers)
        {
            timer.Reset();
        }
    }

    public override void TimeStampMoved() => _partition.SetMoved(Host, State->System.TscOffset != 0);

    public override void Entering()
    {
        // Whoever asks for a flush either sees this processor inside or is seen asking.
        _isInside = true;
        Interlocked.MemoryBarrier();
        FlushIfAsked();
        if (_awaited.Count != 0)
        {
            AwaitFlushes();
        }
    }

    public override void Left() => _isInside = false;

    /// <summary>Lets another thread of the host run, if one waits.</summary>
    public void Yield() => Host.Yield();

    /// <summary>Sends a fixed interrupt to the processors of a set.</summary>
    public void SendInterrupts(ReadOnlySpan<ulong> set, byte vector)
    {
        for (int i = 0; i < _partition.Processors.Count; i++)
        {
            if (Contains(set, i))
            {
                _ = Host.SendInterrupt((uint)i, vector);
            }
        }
    }

    /// <summary>
    /// Flushes the TLBs of the processors of a set, which may be more than asked. Those that run guest code do it when they next look around; this one waits for them
    /// before it goes on with the guest's next block, outside translated code, as one of them may wait for just that.
    /// </summary>
    public void Flush(ReadOnlySpan<ulong> set)
    {
        for (int i = 0; i < _partition.Processors.Count; i++)
        {
            HypervCpu processor = _partition.Processors[i];
            if (!Contains(set, i))
            {
                continue;
            }

            if (processor == this)
            {
                SoftTlb.FlushAll(State);
                continue;
            }

            int flush = Interlocked.Increment(ref processor._flushesAsked);
            if (processor._isInside)
            {
                Host.LookAround((uint)i);
                _awaited.Add((processor, flush));
            }
        }

        State->ExitRequest = 1;
    }

    private static bool Contains(ReadOnlySpan<ulong> set, int index) => index / 64 < set.Length && (set[index / 64] >> (index % 64) & 1) != 0;

    private static bool IsTimer(uint index) => index - FirstTimer < 2 * TimerCount;

    private HypervTimer TimerOf(uint index) => _timers[(index - FirstTimer) / 2];

    private bool Has(uint index) => (FeatureOf(index) & (Features | Mandatory)) != 0;

    private bool TryPlaceAssistPage(ulong value)
    {
        bool isEnabled = (value & Enabled) != 0;
        ulong address = value & AddressMask;
        if (isEnabled && !Memory.Allows(address, GuestPages.PageSize, PageAccess.Read | PageAccess.Write))
        {
            return false;
        }

        Host.SettleEndOfInterrupt();
        _assistPage = value;
        _end.Remove();
        return !isEnabled || _end.TryPlace(address);
    }

    private void FlushIfAsked()
    {
        int asked = Volatile.Read(ref _flushesAsked);
        if (asked != _flushesDone)
        {
            SoftTlb.FlushAll(State);
            _flushesDone = asked;
        }
    }

    private void AwaitFlushes()
    {
        var spin = default(SpinWait);
        foreach ((HypervCpu processor, int flush) in _awaited)
        {
            // They may wait for this one.
            while (processor._isInside && processor._flushesDone - flush < 0)
            {
                FlushIfAsked();
                spin.SpinOnce(-1);
            }
        }

        _awaited.Clear();
    }

    private static HypervFeatures FeatureOf(uint register) => register switch
    {
        GuestId or HypercallRegister or ProcessorIndex or AssistPage => Mandatory,
        ReferenceCounter => HypervFeatures.ReferenceCounter,
        ReferenceTsc => HypervFeatures.ReferenceTsc,
        TscFrequency or ApicFrequency => HypervFeatures.Frequencies,
        EndOfInterrupt or InterruptCommand or TaskPriority => HypervFeatures.Apic,
        _ when IsTimer(register) => HypervFeatures.Timers,
        _ => HypervFeatures.None,
    };
}
