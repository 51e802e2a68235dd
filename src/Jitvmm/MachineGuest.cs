using System.Globalization;
using Jitvmm.Devices.Channels;
using Jitvmm.Devices.Loading;
using Jitvmm.Devices.Platform;
using Jitvmm.Devices.Processors;
using Jitvmm.Inspector.Files;
using Jitvmm.Inspector.Live;
using Jitvmm.Inspector.Recording;
using Jitvmm.Runtime.Memory;
using Jitvmm.Runtime.Paravirt;
using Jitvmm.Translator;

namespace Jitvmm;

/// <summary>
/// A complete virtual PC that boots an unmodified kernel. Several may run in one process.
/// </summary>
/// <remarks>
/// <para>The serial port is <see cref="SerialInput"/> and <see cref="SerialOutput"/>; a guest whose output nobody reads waits when the channel is full.</para>
/// <para>All members but <see cref="Run"/> may be called from any thread while it runs.</para>
/// <example><code>
/// using var guest = new MachineGuest(new MachineGuestOptions { Kernel = "vmlinuz", CommandLine = "console=ttyS0" });
/// MachineOutcome outcome = guest.Run();
/// </code></example>
/// </remarks>
public sealed class MachineGuest : IDisposable
{
    /// <summary>What the real-time clock shows at the start of a repeatable run.</summary>
    private static readonly DateTime s_repeatableStart = new(2020, 1, 1, 0, 0, 0, DateTimeKind.Utc);

    private readonly Lock _gate = new();
    private readonly byte[] _kernel;
    private readonly byte[] _initrd;
    private readonly byte[] _bios;
    private PhysicalMemory _memory;
    private MachineEngine _engine;
    private Machine _machine;
    private readonly AttachServer? _server;
    private readonly RecordingRequest _recording;
    private readonly JitDump? _jitDump;
    private CacheSaving? _saving;
    private TierSampling? _sampling;
    private bool _stopped;

    /// <summary>Builds the machine: opens and locks its disks, loads the kernel.</summary>
    /// <exception cref="MachineGuestException">Something cannot be had as asked.</exception>
    public MachineGuest(MachineGuestOptions options)
    {
        Options = options;
        if (options is { Bios: not null, Kernel: not null } or { Bios: not null, Initrd: not null })
        {
            throw new MachineGuestException("a BIOS finds what it boots itself: no kernel or initrd beside it");
        }

        _recording = RecordingRequest.Of(options);
        if (_recording.Check() is { } reason)
        {
            throw new MachineGuestException(reason);
        }

        if (options.TierSamples is { } samples && TierSampling.Check(samples, _recording.IsAny) is { } mistake)
        {
            throw new MachineGuestException($"tier samples: {mistake}");
        }

        _bios = options.Bios == null ? [] : ReadFile("BIOS", options.Bios);
        _kernel = options.Kernel == null ? DemoKernel.Read() : ReadFile("kernel", options.Kernel);
        _initrd = options.Initrd == null ? [] : ReadFile("initrd", options.Initrd);
        _jitDump = OpenJitDump();
        (_memory, _engine, _machine) = Build();
        if (options.Inspect)
        {
            _server = new AttachServer(Describe);
            if (_server.Start() is { } problem)
            {
                Dispose();
                throw new MachineGuestException($"the guest cannot be inspected: {problem}");
            }
        }
    }

    public MachineGuestOptions Options { get; }

    /// <summary>Bytes for the guest's first serial port.</summary>
    public ByteChannel SerialInput { get; } = new(4096);

    /// <summary>Bytes from the guest's first serial port; closed when the run ends.</summary>
    public ByteChannel SerialOutput { get; } = new();

    /// <summary>Bytes for the virtio console.</summary>
    public ByteChannel ConsoleInput { get; } = new(4096);

    /// <summary>Bytes from the virtio console; closed when the run ends.</summary>
    public ByteChannel ConsoleOutput { get; } = new();

    /// <summary>What the guest writes to port E9h; closed when the run ends.</summary>
    public ByteChannel DebugOutput { get; } = new();

    /// <summary>After a triple fault: the processor's registers, the blocks it ran last and the code it was at.</summary>
    public string? CrashReport { get; private set; }

    /// <summary>Why the file of <see cref="MachineGuestOptions.SaveCache"/> was not written; null when nothing went wrong.</summary>
    public string? CacheProblem { get; private set; }

    /// <summary>Why the file of <see cref="MachineGuestOptions.TierSamples"/> was not written; null when nothing went wrong.</summary>
    public string? TierSamplesProblem { get; private set; }

    /// <summary>The guest reset the machine, which now starts anew. Raised on the thread of <see cref="Run"/>.</summary>
    public event EventHandler? Restarted;

    /// <summary>Runs the machine until the guest turns it off or it is stopped. Once.</summary>
    public MachineOutcome Run()
    {
        try
        {
            while (true)
            {
                MachineOutcome outcome = _machine.Run();
                if (outcome.End != MachineEnd.Reset || !Options.Reboots || !TryRebuild())
                {
                    return outcome;
                }

                Restarted?.Invoke(this, EventArgs.Empty);
            }
        }
        finally
        {
            CacheProblem = _saving?.Save(Options, _jitDump);
            _jitDump?.Dispose();
            TierSamplesProblem = _sampling?.Save();
            SerialOutput.Close();
            ConsoleOutput.Close();
            DebugOutput.Close();
        }
    }

    /// <summary>Ends the run.</summary>
    public void Stop()
    {
        lock (_gate)
        {
            _stopped = true;
            _machine.Stop();
        }
    }

    /// <summary>Holds the processors and the machine's time until <see cref="Resume"/>.</summary>
    public void Pause()
    {
        lock (_gate)
        {
            _machine.Pause();
        }
    }

    public void Resume()
    {
        lock (_gate)
        {
            _machine.Resume();
        }
    }

    /// <summary>Asks the guest to shut down.</summary>
    public void PressPowerButton()
    {
        lock (_gate)
        {
            _machine.PressPowerButton();
        }
    }

    /// <summary>Sends a break on the serial line, which a Linux console takes as Magic SysRq.</summary>
    public void SendBreak()
    {
        lock (_gate)
        {
            _machine.Serial.SendBreak();
        }
    }

    /// <summary>Tells the guest the size of the window its virtio console is shown in.</summary>
    public void ResizeConsole(int columns, int rows)
    {
        lock (_gate)
        {
            _machine.Console?.Resize((ushort)columns, (ushort)rows);
        }
    }

    /// <summary>Counters of the engine and the machine, as lines of text.</summary>
    public string Statistics()
    {
        string time = string.Create(CultureInfo.InvariantCulture, $"  machine time, ms         {_machine.Clock.Now / 1_000_000,14:N0}\n");
        return $"jitvmm: machine\n{time}{CompilationReport.Describe(_engine.Cache, _engine.Compiler)}{CalloutStatistics()}{ParavirtualReport.Describe(_machine)}{CountedStatistics()}";
    }

    /// <summary>What <see cref="MachineGuestOptions.Dumps"/> asks for, as text; empty when it asks for nothing. When the run has ended.</summary>
    public string DumpCode() => Options.Dumps is { } requests ? CacheSaving.Dump(_saving!.Describe(Options), requests) : "";

    /// <summary>What guest code was left for, by class; hypercalls and ends of interrupt stand further down.</summary>
    private string CalloutStatistics()
    {
        long Sum(Func<CalloutCounts, long> count) => _machine.Processors.Sum(processor => count(processor.Callouts));
        return string.Create(
            CultureInfo.InvariantCulture,
            $"""
              port accesses            {Sum(static counts => counts.Ports),14:N0}
              device memory accesses   {_memory.DeviceAccesses,14:N0}
              register accesses        {Sum(static counts => counts.Registers),14:N0}
              identity queries         {Sum(static counts => counts.Identity),14:N0}
              interrupts               {Sum(static counts => counts.Interrupts),14:N0}
              waits                    {Sum(static counts => counts.Waits),14:N0}

            """);
    }

    /// <summary>Of a repeatable run: two of the same guest print the same.</summary>
    private string CountedStatistics()
    {
        CpuPlatform processor = _machine.Processors[0];
        return Options.InstructionShift == null ? "" : string.Create(
            CultureInfo.InvariantCulture,
            $"""
              instructions executed    {processor.InstructionsExecuted,14:N0}
              interrupts taken         {processor.InterruptsTaken,14:N0}
              digest of their times  {processor.InterruptDigest,16:x16}

            """);
    }

    /// <summary>Frees disks and memory. Not while it runs.</summary>
    public void Dispose()
    {
        _server?.Dispose();
        DisposeMachine();
    }

    private void DisposeMachine()
    {
        _machine.Dispose();
        _engine.Dispose();
        _memory.Dispose();
    }

    private static byte[] ReadFile(string what, string path)
    {
        try
        {
            return File.ReadAllBytes(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw MachineGuestException.ForFile(what, path, error);
        }
    }

    private (PhysicalMemory Memory, MachineEngine Engine, Machine Machine) Build()
    {
        var memory = new PhysicalMemory();
        MachineEngine? engine = null;
        try
        {
            ParavirtualInterface? hypervisor = Options.Hypervisor.Create();
            engine = new MachineEngine(memory, new EngineOptions
            {
                Tiering = TieringOf(Options.Tier),
                CodeCacheLimit = Options.CodeCacheSize,
                CountsInstructions = Options.InstructionShift != null,
                Paravirtual = hypervisor,
            });
            engine.Compiler?.MeasuresHostCode = Options.Statistics;
            MachineEngine cpus = engine;
            _saving = _recording.IsAny ? new CacheSaving(_recording, CacheRecorder.Attach(engine.Cache, engine.Compiler, hypervisor?.Sites, _recording.Counts)) : null;
            _sampling = Options.TierSamples is { } samples ? new TierSampling(samples, engine.Cache, engine.Compiler) : null;
            if (Options.Inspect)
            {
                _saving!.TellEvents();
            }

            var machine = new Machine(Configuration(hypervisor), memory, platform => new EngineProcessor(cpus.CreateCpu(platform, platform.Index)))
            {
                Inspector = (platform, processor) => Inspect(platform.Index, processor),
            };
            return (memory, engine, machine);
        }
        catch (Exception error)
        {
            engine?.Dispose();
            memory.Dispose();
            throw error is BootException or InsufficientMemoryException ? new MachineGuestException(error.Message, error) : error;
        }
    }

    private JitDump? OpenJitDump()
    {
        try
        {
            return _recording.JitDump is { } folder ? JitDump.Create(folder, Environment.ProcessId) : null;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw MachineGuestException.ForFile("jitdump folder", _recording.JitDump!, error);
        }
    }

    /// <summary>A reset is a new machine with the same disks.</summary>
    private bool TryRebuild()
    {
        lock (_gate)
        {
            if (_stopped)
            {
                return false;
            }

            DisposeMachine();
            (_memory, _engine, _machine) = Build();
            return true;
        }
    }

    /// <summary>What was recorded so far, for whoever attached.</summary>
    private CacheFileWriter Describe()
    {
        // A reset frees what is described.
        lock (_gate)
        {
            return _saving!.Describe(Options);
        }
    }

    private MachineConfiguration Configuration(ParavirtualInterface? hypervisor) => new()
    {
        Hypervisor = hypervisor,
        Memory = Options.Memory,
        Processors = Options.Processors,
        Kernel = _kernel,
        Bios = _bios,
        Initrd = _initrd,
        CommandLine = Options.CommandLine,
        SerialInput = SerialInput,
        SerialOutput = SerialOutput,
        DebugOutput = DebugOutput,
        ConsoleInput = Options.Console ? ConsoleInput : null,
        ConsoleOutput = Options.Console ? ConsoleOutput : null,
        Disks = [.. Options.Disks.Select(disk => new DiskConfiguration(disk.Path, disk.IsReadOnly, disk.Bus))],
        Shares = [.. Options.Shares.Select(share => new ShareConfiguration(share.Path, share.Tag, share.IsReadOnly))],
        TestDevice = Options.TestDevice,
        UserNetwork = Options.UserNetwork,
        NetworkIsXen = Options.NetworkIsXen,
        NetworkReachesLoopback = Options.NetworkReachesLoopback,
        CountedTime = Options.InstructionShift != null,
        InstructionShift = Options.InstructionShift ?? 0,
        UtcAtStart = Options.InstructionShift == null ? DateTime.UtcNow : s_repeatableStart,
    };

    private static Tiering TieringOf(ExecutionTier tier) => tier switch
    {
        ExecutionTier.Interpret => Tiering.Tier0,
        ExecutionTier.Compile => Tiering.Tier1,
        _ => Tiering.Auto,
    };

    private void Inspect(int index, Devices.Processors.IProcessor processor)
    {
        if (_machine.Outcome is { End: MachineEnd.TripleFault, Processor: var faulted } && faulted == index)
        {
            CrashReport = MachineCrashReport.Describe(processor, _memory, index);
        }
    }
}
