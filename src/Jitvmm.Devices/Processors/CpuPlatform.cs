using Jitvmm.Devices.Buses;
using Jitvmm.Devices.Chips;
using Jitvmm.Devices.Interrupts;
using Jitvmm.Devices.State;
using Jitvmm.Devices.Time;
using Jitvmm.Runtime.Callouts;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Paravirt;

namespace Jitvmm.Devices.Processors;

/// <summary>One processor's view of the machine: ports, its local APIC, the time-stamp counter, and the events that stop it.</summary>
public sealed unsafe class CpuPlatform : ICpuPlatform, ILocalApicOwner, IStateful, IDisposable
{
    private const int NoEvent = 0;
    private const int InitializeEvent = 1;
    private const int StartUpEvent = 2;
    private const ulong DigestStart = 0xcbf29ce484222325;
    private const ulong DigestPrime = 0x100000001b3;

    private readonly PortBus _ports;
    private readonly MachineClock _clock;
    private readonly TimerQueue _timers;
    private readonly Action<CpuPlatform> _tripleFault;
    private readonly HostEvent _wake = new();
    private readonly int _count;
    private volatile IProcessor? _processor;
    private int _events;
    private volatile int _startVector;
    private int _nonMaskable;
    private int _endsHalt;
    private ParavirtualCpu? _paravirtual;
    private HostThreadDelay? _delay;
    private byte[]? _restored;

    /// <param name="index">Its number, which is its APIC id.</param>
    /// <param name="count">Processors of the machine.</param>
    /// <param name="ports">The machine's port bus.</param>
    /// <param name="bus">Carries interrupts.</param>
    /// <param name="timers">Rings the APIC timer.</param>
    /// <param name="tripleFault">Told, on the vCPU's thread, that this processor gave up.</param>
    public CpuPlatform(int index, int count, PortBus ports, ApicBus bus, TimerQueue timers, Action<CpuPlatform> tripleFault)
    {
        Index = index;
        _count = count;
        _ports = ports;
        _clock = timers.Clock;
        _timers = timers;
        _tripleFault = tripleFault;
        Apic = new LocalApic(bus, index, this, timers);
        WaitsForStartUp = index != 0;
    }

    public int Index { get; }

    /// <summary>It does nothing until a start-up message comes. Owned by the vCPU's thread.</summary>
    internal bool WaitsForStartUp { get; set; }

    /// <summary>It executed HLT, and nothing has woken it. Owned by the vCPU's thread.</summary>
    internal bool IsHalted { get; set; }

    /// <summary>With counted time: instructions executed, as the processor last told.</summary>
    public long InstructionsExecuted { get; private set; }

    /// <summary>With counted time: interrupts delivered, and a digest of each one's vector and number of instructions before it.</summary>
    public long InterruptsTaken { get; private set; }

    public ulong InterruptDigest { get; private set; } = DigestStart;

    public CalloutCounts Callouts { get; } = new();

    public LocalApic Apic { get; }

    /// <summary>The 8259s, of the processor they are wired to.</summary>
    public Pic? Pic { get; set; }

    /// <summary>What x87 errors without CR0.NE ring, of the processor it is wired to.</summary>
    public FloatingPointErrorPort? FloatingPointErrors { get; set; }

    /// <summary>This processor's part of what the machine offers guests that know they are virtualized. Set before the machine runs.</summary>
    public ParavirtualCpu? Paravirtual
    {
        get => _paravirtual;
        set
        {
            _paravirtual = value;
            Apic.LazyEnd = value?.LazyEndOfInterrupt;
        }
    }

    /// <summary>The interface that <see cref="Paravirtual"/> is part of.</summary>
    public ParavirtualInterface? Hypervisor { get; set; }

    /// <summary>The engine's CPU; set and cleared by the vCPU's thread.</summary>
    public IProcessor? Processor
    {
        get => _processor;
        set => _processor = value;
    }

    /// <summary>How long the host has kept the vCPU's thread waiting for a CPU, ns. On that thread.</summary>
    public long TimeKeptWaiting => _delay?.Now ?? 0;

    /// <summary>Whether a maskable interrupt waits.</summary>
    public bool HasInterrupt => Apic.HasDeliverable || HasExternal || _paravirtual is { PendingVector: >= 0 };

    /// <summary>Whether something waits that IF does not hold back.</summary>
    public bool HasEvent => Volatile.Read(ref _nonMaskable) != 0 || Volatile.Read(ref _events) != NoEvent;

    public ulong TaskPriority
    {
        get => Apic.TaskPriorityClass;
        set => Apic.TaskPriorityClass = value;
    }

    public ulong TimeStamp => (ulong)_clock.Now;

    private bool HasExternal => Pic is { Output: true } && Apic.AcceptsExternal;

    public void SignalFloatingPointError() => FloatingPointErrors?.Signal();

    public uint ReadPort(ushort port, int bytes)
    {
        Callouts.Ports++;
        return _ports.Read(port, bytes);
    }

    public void WritePort(ushort port, int bytes, uint value)
    {
        Callouts.Ports++;
        _ports.Write(port, bytes, value);
    }

    public bool TryReadMsr(uint index, out ulong value)
    {
        Callouts.Registers++;
        value = 0;
        return IsApicRegister(index) ? Apic.TryReadMsr(index, out value) : _paravirtual?.TryReadMsr(index, out value) == true;
    }

    public bool TryWriteMsr(uint index, ulong value)
    {
        Callouts.Registers++;
        if (index == LocalApic.TscDeadlineMsr && _processor is { } processor)
        {
            Apic.TscOffset = processor.State->System.TscOffset;
        }

        return IsApicRegister(index) ? Apic.TryWriteMsr(index, value) : _paravirtual?.TryWriteMsr(index, value) == true;
    }

    public int AcknowledgeInterrupt()
    {
        int vector = _paravirtual?.PendingVector ?? -1;
        vector = vector >= 0 ? vector : Apic.Acknowledge();
        vector = vector >= 0 || !HasExternal ? vector : Pic!.Acknowledge();
        if (vector >= 0)
        {
            Callouts.Interrupts++;
            _paravirtual?.InterruptTaken();
        }

        if (vector >= 0 && _clock.IsCounted)
        {
            // FNV-1a over when each interrupt was taken.
            InterruptDigest = (InterruptDigest ^ (ulong)vector) * DigestPrime;
            InterruptDigest = (InterruptDigest ^ (ulong)(InstructionsExecuted + (_processor?.InstructionsInFlight ?? 0))) * DigestPrime;
            InterruptsTaken++;
        }

        return vector;
    }

    public long GrantInstructions(long executed)
    {
        InstructionsExecuted += executed;
        _clock.Advance(executed << _clock.InstructionShift);
        _timers.RingDue();
        long deadline = _timers.NextDeadline;
        return deadline == MachineTimer.Never ? long.MaxValue >> _clock.InstructionShift : InstructionsUntil(deadline);
    }

    /// <summary>With counted time, lets what the processor would sleep pass at once: to the next alarm. False: real time, or no alarm.</summary>
    public bool SkipToDeadline()
    {
        long deadline = _clock.IsCounted ? _timers.NextDeadline : MachineTimer.Never;
        if (deadline == MachineTimer.Never)
        {
            return false;
        }

        _clock.Advance(Math.Max(deadline - _clock.Now, 0));
        _timers.RingDue();
        return true;
    }

    /// <summary>Takes a pending non-maskable interrupt.</summary>
    public bool AcknowledgeNonMaskable()
    {
        if (Volatile.Read(ref _nonMaskable) == 0)
        {
            return false;
        }

        _ = Interlocked.Decrement(ref _nonMaskable);
        return true;
    }

    public CpuidLeaf QueryCpuid(uint leaf, uint subLeaf)
    {
        Callouts.Identity++;
        IProcessor? processor = _processor;
        ulong cr4 = processor == null ? 0 : processor.State->System.Cr4;
        return MachineCpuid.Query(leaf, subLeaf, new MachineCpuid.Context(Apic.Id, _count, Apic.IsEnabled, cr4, HidesRandomNumbers: _clock.IsCounted, Hypervisor));
    }

    public void TripleFault() => _tripleFault(this);

    public void InterruptRaised() => Wake();

    public void InterruptsEnabled() => _paravirtual?.InterruptsEnabled();

    /// <remarks>
    /// A processor remembers one NMI while its handler runs. Of two that come closer together than we look, it would have been in the handler of the first when the second came, so both are kept.
    /// </remarks>
    public void NonMaskableRaised()
    {
        IProcessor? processor = _processor;
        int most = processor != null && processor.State->System.NmiBlocked != 0 ? 1 : 2;
        int before;
        do
        {
            before = Volatile.Read(ref _nonMaskable);
        }
        while (before < most && Interlocked.CompareExchange(ref _nonMaskable, before + 1, before) != before);
        Wake();
    }

    public void InitializeRaised() => Note(InitializeEvent);

    public void StartUpRaised(byte vector)
    {
        // The first of several start-up messages counts.
        if ((Volatile.Read(ref _events) & StartUpEvent) == 0)
        {
            _startVector = vector;
            Note(StartUpEvent);
        }
    }

    /// <summary>Makes the vCPU's thread leave guest code, or its wait, and look around.</summary>
    public void Interrupt()
    {
        _processor?.RequestStop();
        _wake.Set();
    }

    /// <summary>The calling thread is the vCPU's.</summary>
    public void EnterThread() => _delay = new HostThreadDelay();

    /// <summary>Waits, on the vCPU's thread, until something happened.</summary>
    public void Wait()
    {
        Callouts.Waits++;
        _paravirtual?.Halting();
        _ = _wake.Wait(MachineTimer.Never);
        _paravirtual?.Running();
    }

    /// <summary>Ends this halt, or the next one, whatever IF is. Any thread.</summary>
    public void EndHalt()
    {
        Volatile.Write(ref _endsHalt, 1);
        _wake.Set();
    }

    /// <summary><see cref="EndHalt"/> was called: asked by the vCPU's thread in a halt.</summary>
    public bool TakeEndOfHalt() => Interlocked.Exchange(ref _endsHalt, 0) != 0;

    /// <summary>INIT was received: called by the vCPU's thread.</summary>
    public bool TakeInitialize() => Take(InitializeEvent);

    /// <summary>A start-up message was received.</summary>
    public bool TakeStartUp(out byte vector)
    {
        bool taken = Take(StartUpEvent);
        vector = (byte)_startVector;
        return taken;
    }

    public void Save(StateWriter writer)
    {
        writer.Section("processor", 4);
        writer.Int32(Volatile.Read(ref _events));
        writer.Byte((byte)_startVector);
        writer.Byte((byte)Volatile.Read(ref _nonMaskable));
        writer.Bool(Volatile.Read(ref _endsHalt) != 0);
        Apic.Save(writer);
        foreach (ulong word in _paravirtual?.SaveState() ?? [])
        {
            writer.UInt64(word);
        }

        writer.Bool(WaitsForStartUp);
        writer.Bool(IsHalted);
        writer.Int64(InstructionsExecuted + (_processor?.InstructionsInFlight ?? 0));
        writer.Int64(InterruptsTaken);
        writer.UInt64(InterruptDigest);

        // A machine that has not started yet has no registers, or those it is to start with.
        var registers = new StateWriter();
        if (_restored == null && _processor is { } processor)
        {
            ProcessorRegisters.Save(registers, processor.State);
        }

        writer.Bytes(_restored ?? registers.Written.Span);
    }

    public void Restore(StateReader reader)
    {
        reader.Section("processor", 4);
        Volatile.Write(ref _events, reader.Int32());
        _startVector = reader.Byte();
        Volatile.Write(ref _nonMaskable, Math.Min((int)reader.Byte(), 2));
        Volatile.Write(ref _endsHalt, reader.Bool() ? 1 : 0);
        Apic.Restore(reader);
        RestoreParavirtual(reader);
        WaitsForStartUp = reader.Bool();
        IsHalted = reader.Bool();
        InstructionsExecuted = reader.Int64() - (_processor?.InstructionsInFlight ?? 0);
        InterruptsTaken = reader.Int64();
        InterruptDigest = reader.UInt64();
        byte[] registers = reader.Bytes().ToArray();
        if (registers.Length != 0)
        {
            // The processor's thread takes them later, where nobody could be told that they are none.
            ProcessorRegisters.Check(registers);
        }

        _restored = registers.Length == 0 ? null : registers;
    }

    /// <summary>Gives the processor the registers that were restored, if any were. On its own thread, between runs.</summary>
    internal void ApplyRestored(IProcessor processor)
    {
        if (_restored == null)
        {
            return;
        }

        ProcessorRegisters.Restore(new StateReader(_restored), processor.State);
        _restored = null;
        processor.StateReplaced();
        processor.Kick();
    }

    public void Dispose()
    {
        _wake.Dispose();
        _delay?.Dispose();
    }

    /// <summary>At least one: an alarm between two instructions rings behind the later one.</summary>
    private long InstructionsUntil(long deadline) =>
        Math.Max((deadline - _clock.Now + (1L << _clock.InstructionShift) - 1) >> _clock.InstructionShift, 1);

    private static bool IsApicRegister(uint index) => index is LocalApic.BaseMsr or LocalApic.TscDeadlineMsr || index - LocalApic.FirstMsr < 0x100;

    /// <summary>Records that these words place are in memory, which comes back by itself; a word that is refused was another machine's.</summary>
    private void RestoreParavirtual(StateReader reader)
    {
        ulong[] words = _paravirtual?.SaveState() ?? [];
        for (int i = 0; i < words.Length; i++)
        {
            words[i] = reader.UInt64();
        }

        if (_paravirtual?.TryRestoreState(words) == false)
        {
            throw new InvalidDataException($"The saved state of processor {Index} is of a machine with another hypervisor.");
        }
    }

    private void Wake()
    {
        _processor?.Kick();
        _wake.Set();
    }

    private void Note(int what)
    {
        _ = Interlocked.Or(ref _events, what);
        Interrupt();
    }

    private bool Take(int what) => (Interlocked.And(ref _events, ~what) & what) != 0;
}
