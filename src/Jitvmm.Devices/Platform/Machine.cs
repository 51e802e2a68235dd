using Jitvmm.Devices.Buses;
using Jitvmm.Devices.Chips;
using Jitvmm.Devices.Disks;
using Jitvmm.Devices.Firmware;
using Jitvmm.Devices.Interrupts;
using Jitvmm.Devices.Loading;
using Jitvmm.Devices.Net;
using Jitvmm.Devices.Nvme;
using Jitvmm.Devices.Pci;
using Jitvmm.Devices.Processors;
using Jitvmm.Devices.State;
using Jitvmm.Devices.Time;
using Jitvmm.Devices.Virtio;
using Jitvmm.Devices.Xen;
using Jitvmm.Runtime.Memory;
using Jitvmm.Runtime.Paravirt.Xen;

namespace Jitvmm.Devices.Platform;

/// <summary>
/// A PC: memory, processors and devices, built from a configuration. Several may run in one process; they share nothing.
/// </summary>
/// <remarks>
/// <para>One call of <see cref="Run"/> from power-on to the end. A guest's reset ends it too: whoever owns the machine builds the next one.</para>
/// <para>Lock order: a device's own lock, then <see cref="Pic"/> or <see cref="IoApic"/>, then <see cref="LocalApic"/>; the timer queue, channels and physical memory's gate
/// are leaves. Timer callbacks and channel events start with no lock held.</para>
/// </remarks>
public sealed class Machine : IMachineControl, IDisposable
{
    private const int MaximumDiskQueues = 8;

    // Locally administered, as QEMU's first card has it: networks are the machine's own.
    private static readonly byte[] s_networkAddress = [0x52, 0x54, 0, 0x12, 0x34, 0x56];

    private readonly Func<CpuPlatform, IProcessor> _createProcessor;
    private readonly object _gate = new();
    private readonly CpuPlatform[] _processors;
    private readonly ProcessorThread[] _threads;
    private readonly List<IStateful> _stateful = [];
    private readonly List<IDisposable> _disposable = [];
    private readonly AcpiPower _power;
    private XenHost? _xen;
    private MachineOutcome? _outcome;
    private volatile bool _ended;
    private volatile bool _paused;
    private int _parked;

    /// <param name="configuration">What to build.</param>
    /// <param name="memory">Its physical memory, still empty; disposed of by the caller after the machine.</param>
    /// <param name="createProcessor">Makes the engine's CPU for a processor, on the thread that will run it.</param>
    /// <exception cref="BootException">The configuration makes no sense, or the kernel cannot be loaded.</exception>
    /// <exception cref="InsufficientMemoryException">The host has not enough memory.</exception>
    public Machine(MachineConfiguration configuration, PhysicalMemory memory, Func<CpuPlatform, IProcessor> createProcessor)
    {
        configuration.Check();
        Memory = memory;
        _createProcessor = createProcessor;
        Map = new MemoryMap(configuration.Memory, configuration.Hypervisor is XenInterface);
        Map.Populate(memory);
        Clock = new MachineClock(configuration.CountedTime, configuration.InstructionShift);
        Timers = new TimerQueue(Clock);
        Ports = new PortBus();
        Apics = new ApicBus();
        _processors = new CpuPlatform[configuration.Processors];
        _threads = new ProcessorThread[configuration.Processors];
        for (int i = 0; i < _processors.Length; i++)
        {
            _processors[i] = new CpuPlatform(i, _processors.Length, Ports, Apics, Timers, TripleFaulted);
            _threads[i] = new ProcessorThread(this, _processors[i]);
            _stateful.Add(_processors[i]);
        }

        OfferHypervisor(configuration);
        if (configuration.CountedTime)
        {
            Clock.InstructionsInFlight = () => _processors[0].Processor?.InstructionsInFlight ?? 0;
            Timers.DeadlineMoved = () => _processors[0].Processor?.Kick();
        }

        _processors[0].Apic.EnterVirtualWireMode();
        var pic = new Pic(Ports, _processors[0].InterruptRaised);
        _processors[0].Pic = pic;
        var ioApic = new IoApic(Apics);
        PlaceLocalApics();
        memory.AddDevice(IoApic.Address, IoApic.Length, ioApic);
        Interrupts = new InterruptRouter(pic, ioApic);
        var floatingPointErrors = new FloatingPointErrorPort(Ports, Interrupts.Line(13));
        _processors[0].FloatingPointErrors = floatingPointErrors;
        var pit = new Pit(Ports, Timers, Interrupts.Line(0));
        var rtc = new Rtc(Ports, Timers, Interrupts.Line(8), configuration.UtcAtStart, Map.RamBelow4G, Map.RamAbove4G);
        _power = new AcpiPower(Ports, Timers, Interrupts.Line(9), this);
        Serial = new Uart(Ports, 0x3f8, Timers, Interrupts.Line(4), configuration.SerialInput, configuration.SerialOutput)
        {
            WaitsForHost = configuration.CountedTime,
        };
        var resetPorts = new ResetPorts(Ports, this);
        var debugPorts = new DebugPorts(Ports, this, configuration.DebugOutput);
        _stateful.AddRange([pic, ioApic, floatingPointErrors, pit, rtc, _power, Serial, resetPorts, debugPorts]);
        if (configuration.Hpet)
        {
            var hpet = new Hpet(Timers, Interrupts, Apics, pit.SetReplaced);
            memory.AddDevice(AddressMap.Hpet, Hpet.Length, hpet);
            _stateful.Add(hpet);
        }

        AddTestDevice(configuration);
        Pci = new PciRoot(Ports, memory, Interrupts);
        _stateful.Add(Pci);
        try
        {
            AddXen(configuration);
            AddFunctions(configuration);
            Entry = LoadFirst(configuration);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public PhysicalMemory Memory { get; }

    public MemoryMap Map { get; }

    public MachineClock Clock { get; }

    public TimerQueue Timers { get; }

    public PortBus Ports { get; }

    public ApicBus Apics { get; }

    public InterruptRouter Interrupts { get; }

    public PciRoot Pci { get; }

    /// <summary>The virtio console, if there is one.</summary>
    public VirtioConsole? Console { get; private set; }

    public Uart Serial { get; }

    public IReadOnlyList<CpuPlatform> Processors => _processors;

    /// <summary>Called on a processor's thread when it stopped for good, with its last state.</summary>
    public Action<CpuPlatform, IProcessor>? Inspector { get; set; }

    /// <summary>How the run ended, as soon as that is known.</summary>
    public MachineOutcome? Outcome => _outcome;

    internal BootEntry Entry { get; }

    /// <summary>Whether processors are to leave guest code: the machine ends or pauses.</summary>
    internal bool IsInterrupted => _ended || _paused;

    /// <summary>Runs the machine to its end. Once.</summary>
    public MachineOutcome Run()
    {
        Clock.Start();
        Timers.Start();
        foreach (ProcessorThread thread in _threads)
        {
            thread.Start();
        }

        foreach (ProcessorThread thread in _threads)
        {
            thread.Join();
        }

        Clock.Stop();
        return _outcome ?? new MachineOutcome(MachineEnd.Stopped);
    }

    /// <summary>Ends the run from any thread.</summary>
    public void Stop() => End(new MachineOutcome(MachineEnd.Stopped));

    /// <summary>Asks the guest to shut down, as the power button does; one of Xen's that listens, through the store.</summary>
    public void PressPowerButton()
    {
        if (_xen?.RequestPowerOff() != true)
        {
            _power.PressPowerButton();
        }
    }

    /// <summary>Holds all processors and machine time. Returns when the last has left guest code. Not from a processor's thread.</summary>
    public void Pause()
    {
        lock (_gate)
        {
            _paused = true;
            InterruptAll();
            while (_parked < _threads.Length && !_ended)
            {
                _ = Monitor.Wait(_gate);
            }

            Clock.Stop();
        }
    }

    public void Resume()
    {
        lock (_gate)
        {
            Clock.Start();
            Timers.ClockChanged();
            _paused = false;
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>
    /// Writes the state of all processors and devices of a paused machine; the content of memory and disks is not part of it, and is to be copied afterwards, since
    /// disks finish what they are doing. What the host sends meanwhile may or may not be in the copy.
    /// </summary>
    public void SaveDevices(StateWriter writer)
    {
        writer.Section("machine", 1);
        writer.Int64(Clock.Now);
        foreach (IStateful device in _stateful)
        {
            device.Save(writer);
        }
    }

    /// <summary>Puts such state back into a machine of the same configuration that is paused or not yet started, and whose memory is what it was.</summary>
    /// <exception cref="InvalidDataException">The state is another machine's.</exception>
    public void RestoreDevices(StateReader reader)
    {
        reader.Section("machine", 1);
        Clock.Set(reader.Int64());
        foreach (IStateful device in _stateful)
        {
            device.Restore(reader);
        }

        Timers.ClockChanged();
    }

    public void PowerOff() => End(new MachineOutcome(MachineEnd.PoweredOff));

    public void Reset() => End(new MachineOutcome(MachineEnd.Reset));

    public void Crash() => End(new MachineOutcome(MachineEnd.Crashed));

    public void Exit(int status) => End(new MachineOutcome(MachineEnd.Exited, status));

    public void Dispose()
    {
        Timers.Dispose();

        // Before the disks' images, which are not its own.
        _xen?.Dispose();
        foreach (IDisposable device in _disposable)
        {
            device.Dispose();
        }

        foreach (CpuPlatform processor in _processors)
        {
            processor.Dispose();
        }
    }

    internal IProcessor CreateProcessor(CpuPlatform platform) => _createProcessor(platform);

    internal void Inspect(CpuPlatform platform, IProcessor processor) => Inspector?.Invoke(platform, processor);

    /// <summary>Ends the run. The first reason counts. Any thread, possibly under device locks.</summary>
    internal void End(MachineOutcome outcome)
    {
        lock (_gate)
        {
            if (!_ended)
            {
                _outcome = outcome;
                _ended = true;
                Monitor.PulseAll(_gate);
            }
        }

        InterruptAll();
    }

    /// <summary>Called by processors between runs: waits while the machine is paused. False: it has ended.</summary>
    internal bool MayRun()
    {
        if (!IsInterrupted)
        {
            return true;
        }

        lock (_gate)
        {
            _parked++;
            Monitor.PulseAll(_gate);
            while (_paused && !_ended)
            {
                _ = Monitor.Wait(_gate);
            }

            _parked--;
            return !_ended;
        }
    }

    private void PlaceLocalApics()
    {
        var windows = new LocalApicWindows(Memory);
        foreach (CpuPlatform processor in _processors)
        {
            windows.Add(processor.Apic.Address);
            processor.Apic.Moved = windows.Move;
        }
    }

    private void AddTestDevice(MachineConfiguration configuration)
    {
        if (configuration.TestDevice)
        {
            var device = new TestDevice(Ports, Interrupts, configuration.Processors, configuration.Memory);
            Memory.AddDevice(TestDevice.MemoryAddress, TestDevice.MemoryLength, device);
            _stateful.Add(device);
        }
    }

    private void OfferHypervisor(MachineConfiguration configuration)
    {
        if (configuration.Hypervisor is not { } hypervisor)
        {
            return;
        }

        var shared = new ParavirtualMachine(this, _processors, configuration);
        foreach (CpuPlatform processor in _processors)
        {
            processor.Hypervisor = hypervisor;
            processor.Paravirtual = hypervisor.CreateCpu(new ParavirtualHost(processor, shared));
        }
    }

    /// <summary>Loads what runs first: firmware, or a kernel with what firmware would have left for it.</summary>
    private BootEntry LoadFirst(MachineConfiguration configuration)
    {
        if (configuration.Bios.Length != 0)
        {
            return BiosImage.Load(Memory, configuration.Bios);
        }

        AcpiTables.Write(Memory, _processors.Length, configuration.Hpet);
        return KernelLoader.Load(Memory, Map, configuration.Kernel, configuration.Initrd, configuration.CommandLine);
    }

    /// <summary>What a Xen guest expects of its host beside the hypervisor.</summary>
    private void AddXen(MachineConfiguration configuration)
    {
        if (configuration.Hypervisor is not XenInterface hypervisor)
        {
            return;
        }

        _xen = new XenHost(hypervisor.Domain, AddressMap.XenPages, configuration.Memory, _processors.Length);
        _stateful.Add(_xen);
        if (configuration is { ConsoleInput: { } input, ConsoleOutput: { } output })
        {
            _xen.AddConsole(input, output);
        }
    }

    /// <summary>The functions on the PCI bus, in slot order, and what is beside the bus.</summary>
    private void AddFunctions(MachineConfiguration configuration)
    {
        for (int i = 0; i < configuration.Disks.Count; i++)
        {
            AddDisk(configuration.Disks[i], $"disk{i}", configuration);
        }

        foreach (ShareConfiguration share in configuration.Shares)
        {
            var device = new VirtioShare(share.Path, share.Tag, share.IsReadOnly, Memory, Apics);
            _disposable.Insert(0, device);
            _ = Pci.Add(device);
        }

        if (configuration.UserNetwork && _xen is { } xen && configuration.NetworkIsXen)
        {
            xen.AddNetwork(new SlirpNetwork(configuration.NetworkReachesLoopback), s_networkAddress);
        }
        else if (configuration.UserNetwork)
        {
            var device = new VirtioNetwork(new SlirpNetwork(configuration.NetworkReachesLoopback), s_networkAddress, Memory, Apics);
            _disposable.Insert(0, device);
            _ = Pci.Add(device);
        }

        if (configuration.Random)
        {
            _ = Pci.Add(new VirtioRandom(Memory, Apics, configuration.CountedTime ? 1 : null));
        }

        if (_xen == null && configuration is { ConsoleInput: { } input, ConsoleOutput: { } output })
        {
            Console = new VirtioConsole(Memory, Apics, input, output);
            _ = Pci.Add(Console);
        }

        // A kernel that enters by its PVH note knows of Xen's devices, and has no such function.
        if (_xen != null && (configuration.Bios.Length != 0 || !ElfKernel.Recognizes(configuration.Kernel)))
        {
            _ = Pci.Add(new XenPlatform(Ports, configuration.DebugOutput));
        }
    }

    private void AddDisk(DiskConfiguration disk, string serial, MachineConfiguration configuration)
    {
        var image = new DiskImage(disk.Path, disk.IsReadOnly);
        _disposable.Insert(0, image);
        int queues = Math.Min(_processors.Length, MaximumDiskQueues);
        if (disk.Bus == DiskBus.Xen)
        {
            _xen!.AddDisk(image, queues, configuration.CountedTime);
            return;
        }

        PciFunction device = disk.Bus is DiskBus.Nvme or DiskBus.NvmeMsi
            ? new NvmeController(image, serial, queues, Memory, Apics, configuration.CountedTime, disk.Bus == DiskBus.Nvme)
            : new VirtioBlock(image, serial, queues, Memory, Apics, configuration.CountedTime);
        _disposable.Insert(0, (IDisposable)device);
        _ = Pci.Add(device);
    }

    private void TripleFaulted(CpuPlatform processor) => End(new MachineOutcome(MachineEnd.TripleFault, Processor: processor.Index));

    private void InterruptAll()
    {
        foreach (CpuPlatform processor in _processors)
        {
            processor.Interrupt();
        }
    }
}
