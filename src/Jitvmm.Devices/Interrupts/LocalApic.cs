using Jitvmm.Devices.State;
using Jitvmm.Devices.Time;
using Jitvmm.Runtime.Paravirt;

namespace Jitvmm.Devices.Interrupts;

/// <summary>
/// The local APIC of one processor, as xAPIC (a page of registers) and x2APIC (model-specific registers) (SDM vol. 3A, chapter 11).
/// </summary>
/// <remarks>
/// This file: acceptance and priorities. LocalApic.Registers.cs: what the processor reads and writes. LocalApic.Timer.cs: the timer.
/// </remarks>
public sealed partial class LocalApic : IStateful
{
    public const ulong DefaultAddress = 0xfee00000;

    /// <summary>IA32_APIC_BASE: enabled, x2APIC, bootstrap processor.</summary>
    public const ulong BaseEnabled = 1ul << 11;
    public const ulong BaseX2 = 1ul << 10;
    public const ulong BaseBootstrap = 1ul << 8;

    private const ulong AddressBits = 0xff_ffff_f000;
    private const uint Masked = 1u << 16;
    private const uint SoftwareEnabled = 1u << 8;
    private const uint IllegalSent = 1u << 5;
    private const uint IllegalReceived = 1u << 6;
    private const uint IllegalRegister = 1u << 7;

    private readonly Lock _lock = new();
    private readonly ApicBus _bus;
    private readonly ILocalApicOwner _owner;
    private readonly bool _isBootstrap;
    private readonly uint[] _lvt = new uint[LvtCount];
    private VectorSet _requests;
    private VectorSet _inService;
    private VectorSet _levelTriggered;
    private ulong _base;
    private uint _xapicId;
    private uint _taskPriority;
    private uint _logicalDestination;
    private uint _destinationFormat;
    private uint _spurious;
    private uint _errors;
    private uint _pendingErrors;
    private ulong _command;

    // What the vCPU asks at every interrupt check, kept so that it needs no lock.
    private volatile int _deliverable = -1;

    // The guest may have ended the interrupt in service with the highest priority where LazyEnd says; set and cleared by the processor's own thread under the lock.
    private volatile bool _mayBeEnded;

    /// <param name="bus">Carries its messages.</param>
    /// <param name="id">APIC id; at most 254.</param>
    /// <param name="owner">Its processor.</param>
    /// <param name="timers">Rings its timer.</param>
    public LocalApic(ApicBus bus, int id, ILocalApicOwner owner, TimerQueue timers)
    {
        _bus = bus;
        _owner = owner;
        _isBootstrap = id == 0;
        Id = (uint)id;
        _clock = timers.Clock;
        _timer = timers.Create(TimerRang);
        _base = DefaultAddress | BaseEnabled | (_isBootstrap ? BaseBootstrap : 0);
        _xapicId = Id;
        ResetRegisters();
        bus.Attach(this);
    }

    /// <summary>The initial APIC id, that of CPUID.</summary>
    public uint Id { get; }

    /// <summary>Where the guest may end interrupts without writing to this APIC; null for nowhere. Before the machine runs.</summary>
    public ILazyEndOfInterrupt? LazyEnd { get; set; }

    /// <summary>Interrupts ended by a write, and in <see cref="LazyEnd"/>.</summary>
    public long EndsWritten { get; private set; }

    public long EndsElided { get; private set; }

    /// <summary>IA32_APIC_BASE.</summary>
    public ulong Base => Volatile.Read(ref _base);

    /// <summary>Where its page of registers is.</summary>
    public ulong Address => Base & AddressBits;

    /// <summary>Told the old and the new <see cref="Address"/> when a guest, or a restored state, moves it. Before the machine runs.</summary>
    public Action<ulong, ulong>? Moved { get; set; }

    public bool IsEnabled => (Base & BaseEnabled) != 0;

    public bool IsX2 => (Base & (BaseEnabled | BaseX2)) == (BaseEnabled | BaseX2);

    public bool IsSoftwareEnabled => IsEnabled && (Volatile.Read(ref _spurious) & SoftwareEnabled) != 0;

    /// <summary>PPR, bits 7–0 (SDM vol. 3A, 11.8.3.1).</summary>
    public int ProcessorPriority
    {
        get
        {
            lock (_lock)
            {
                return Priority();
            }
        }
    }

    /// <summary>CR8: bits 7–4 of the task priority.</summary>
    public ulong TaskPriorityClass
    {
        get => Volatile.Read(ref _taskPriority) >> 4;
        set
        {
            SettleEnd();
            lock (_lock)
            {
                _taskPriority = (uint)(value & 15) << 4;
                Update();
            }
        }
    }

    /// <summary>Whether an interrupt is allowed to be taken now; exact on the processor's own thread.</summary>
    public bool HasDeliverable
    {
        get
        {
            SettleEnd();
            return _deliverable >= 0;
        }
    }

    /// <summary>Whether LINT0 lets the 8259s' interrupts through (ExtINT), or the APIC is off and their INT goes to the processor.</summary>
    public bool AcceptsExternal
    {
        get
        {
            uint lint0 = Volatile.Read(ref _lvt[Lint0]);
            return !IsEnabled || ((lint0 & Masked) == 0 && (DeliveryMode)((lint0 >> 8) & 7) == DeliveryMode.External);
        }
    }

    /// <summary>What the firmware of a PC leaves: the APIC on, 8259 interrupts through LINT0, NMIs through LINT1 (virtual wire mode).</summary>
    public void EnterVirtualWireMode()
    {
        lock (_lock)
        {
            _spurious = SoftwareEnabled | 0xff;
            _lvt[Lint0] = 0x700;
            _lvt[Lint1] = 0x400;
        }
    }

    /// <summary>Takes the interrupt that is to be delivered now into service: its vector, or −1.</summary>
    public int Acknowledge()
    {
        SettleEnd();
        if (_deliverable < 0)
        {
            return -1;
        }

        lock (_lock)
        {
            int vector = DeliverableVector();
            if (vector >= 0)
            {
                _requests.Remove(vector);
                _inService.Add(vector);
                Update();

                // Not where the end lets something else happen: another interrupt, a level for the I/O APIC to look at.
                _mayBeEnded = _requests.Highest < 0 && !_levelTriggered[vector] && LazyEnd?.TryOffer() == true;
            }

            return vector;
        }
    }

    /// <summary>
    /// Finds out whether the guest has ended the interrupt it may end in <see cref="LazyEnd"/>, before anything depends on what is in service. On the processor's own thread, or
    /// while it is held.
    /// </summary>
    public void SettleEnd()
    {
        if (!_mayBeEnded)
        {
            return;
        }

        lock (_lock)
        {
            _mayBeEnded = false;
            if (LazyEnd!.Withdraw())
            {
                EndsElided++;
                _ = EndInterrupt();
            }
            else
            {
                Update();
            }
        }
    }

    /// <summary>INIT (SDM vol. 3A, 11.4.7.3): all but the ids and the base register go back to their reset values.</summary>
    public void Reset()
    {
        lock (_lock)
        {
            ResetRegisters();
        }
    }

    /// <summary>Power-on: INIT, and the base register too.</summary>
    public void PowerOn()
    {
        lock (_lock)
        {
            SetBase(DefaultAddress | BaseEnabled | (_isBootstrap ? BaseBootstrap : 0));
            _xapicId = Id;
            ResetRegisters();
        }
    }

    public void Save(StateWriter writer)
    {
        SettleEnd();
        lock (_lock)
        {
            writer.Section("lapic", 2);
            writer.UInt64(_base);
            foreach (uint value in (ReadOnlySpan<uint>)[_xapicId, _taskPriority, _logicalDestination, _destinationFormat, _spurious, _errors, _pendingErrors, .. _lvt])
            {
                writer.UInt32(value);
            }

            writer.UInt64(_command);
            _requests.Save(writer);
            _inService.Save(writer);
            _levelTriggered.Save(writer);
            SaveTimer(writer);
        }
    }

    public void Restore(StateReader reader)
    {
        lock (_lock)
        {
            reader.Section("lapic", 2);
            _mayBeEnded = false;
            SetBase(reader.UInt64());
            _xapicId = reader.UInt32();
            _taskPriority = reader.UInt32();
            _logicalDestination = reader.UInt32();
            _destinationFormat = reader.UInt32();
            _spurious = reader.UInt32();
            _errors = reader.UInt32();
            _pendingErrors = reader.UInt32();
            for (int i = 0; i < LvtCount; i++)
            {
                _lvt[i] = reader.UInt32();
            }

            _command = reader.UInt64();
            _requests.Restore(reader);
            _inService.Restore(reader);
            _levelTriggered.Restore(reader);
            RestoreTimer(reader);
            Update();
        }
    }

    /// <summary>Whether a message with this destination is for this APIC (SDM vol. 3A, 11.6.2).</summary>
    internal bool Matches(uint destination, bool isLogical)
    {
        if (!IsEnabled)
        {
            // A disabled APIC still hears INIT and SIPI by its initial id on real buses; broadcasts reach it.
            return !isLogical && (destination == Id || destination is 0xff or uint.MaxValue);
        }

        bool x2 = IsX2;
        if (!isLogical)
        {
            return destination == (x2 ? Id : Volatile.Read(ref _xapicId)) || destination == uint.MaxValue || destination == 0xff;
        }

        if (x2)
        {
            uint own = LogicalX2;
            return destination == uint.MaxValue || (destination >> 16 == own >> 16 && (destination & own & 0xffff) != 0);
        }

        uint logical = Volatile.Read(ref _logicalDestination) >> 24;
        if (Volatile.Read(ref _destinationFormat) >> 28 == 0xf)
        {
            return (destination & logical & 0xff) != 0;
        }

        return (destination & 0xff) == 0xff || (((destination ^ logical) & 0xf0) == 0 && (destination & logical & 0xf) != 0);
    }

    /// <summary>Takes a message that is for this APIC.</summary>
    internal void Accept(in InterruptMessage message)
    {
        switch (message.Mode)
        {
            case DeliveryMode.Fixed or DeliveryMode.LowestPriority:
                lock (_lock)
                {
                    Request(message.Vector, message.IsLevel);
                }

                break;
            case DeliveryMode.NonMaskable:
                _owner.NonMaskableRaised();
                break;
            case DeliveryMode.Initialize:
                // A level-triggered INIT with level 0 only sets arbitration ids, and is filtered out where it is sent.
                _owner.InitializeRaised();
                break;
            case DeliveryMode.StartUp:
                _owner.StartUpRaised(message.Vector);
                break;
            default:
                // System management and external interrupts by message: there is no SMM, and the 8259s are wired to LINT0.
                break;
        }
    }

    /// <summary>Under the lock.</summary>
    private void SetBase(ulong value)
    {
        ulong from = Address;
        Volatile.Write(ref _base, value);
        if (from != Address)
        {
            Moved?.Invoke(from, Address);
        }
    }

    private uint LogicalX2 => ((Id >> 4) << 16) | (1u << (int)(Id & 15));

    private int Priority()
    {
        int serving = _inService.Highest;
        return (int)(_taskPriority >> 4) >= serving >> 4 ? (int)_taskPriority : serving & 0xf0;
    }

    private int DeliverableVector()
    {
        if ((_base & BaseEnabled) == 0 || (_spurious & SoftwareEnabled) == 0)
        {
            return -1;
        }

        int vector = _requests.Highest;
        return vector >= 0 && vector >> 4 > Priority() >> 4 ? vector : -1;
    }

    /// <summary>Notes a fixed interrupt. Under the lock.</summary>
    private void Request(int vector, bool isLevel)
    {
        if ((_base & BaseEnabled) == 0 || (_spurious & SoftwareEnabled) == 0)
        {
            return;
        }

        if (vector < 16)
        {
            RaiseError(IllegalReceived);
            return;
        }

        if (isLevel)
        {
            _levelTriggered.Add(vector);
        }
        else
        {
            _levelTriggered.Remove(vector);
        }

        _requests.Add(vector);
        Update();
    }

    /// <summary>Something about priorities changed: recomputes what may be delivered and tells the processor. Under the lock.</summary>
    private void Update()
    {
        int before = _deliverable;
        int now = DeliverableVector();
        _deliverable = now;
        if ((now >= 0 && now != before) || (_mayBeEnded && _requests.Highest >= 0))
        {
            _owner.InterruptRaised();
        }
    }

    private void RaiseError(uint error)
    {
        bool isNew = (_pendingErrors & error) == 0;
        _pendingErrors |= error;
        if (isNew && (_lvt[Error] & Masked) == 0)
        {
            // A vector below 16 is an error of its own, which ends here: it is not new a second time.
            Request((int)(_lvt[Error] & 0xff), false);
        }
    }

    private void ResetRegisters()
    {
        _mayBeEnded = false;
        _requests = default;
        _inService = default;
        _levelTriggered = default;
        _taskPriority = 0;
        _logicalDestination = 0;
        _destinationFormat = uint.MaxValue;
        _spurious = 0xff;
        _errors = 0;
        _pendingErrors = 0;
        _command = 0;
        Array.Fill(_lvt, Masked);
        ResetTimer();
        _deliverable = -1;
    }
}
