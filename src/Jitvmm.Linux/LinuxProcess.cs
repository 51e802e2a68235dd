using Jitvmm.Linux.Files;
using Jitvmm.Linux.Loading;
using Jitvmm.Linux.Mappings;
using Jitvmm.Linux.Signals;
using Jitvmm.Linux.Syscalls;
using Jitvmm.Runtime.Host;
using Jitvmm.Runtime.Memory;
using Jitvmm.Translator;

namespace Jitvmm.Linux;

/// <summary>
/// One guest process. There is one per host process: a guest fork is a host fork, so process ids, parents,
/// groups and sessions are the host's own.
/// </summary>
public sealed partial class LinuxProcess
{
    private const int StandardError = 2;
    private const long SysFcntl = 72;
    private const ulong DuplicateCloseOnExec = 1030;
    private const ulong FirstPrivateDescriptor = 3;

    /// <summary>Prepares an empty process in the calling host process, whose signals it takes over.</summary>
    public LinuxProcess(LinuxOptions options)
    {
        Options = options;
        Memory = new AddressSpace();
        Map = new MemoryMap(Memory, options.MemoryLimit);
        HostSignals.Install();
        Engine = new Engine(Memory, options.Engine with { IsMemoryPrivate = true });
        Dispositions.Inherit();
        Session = new GuestSession(options.TaskLimit);
        _sessionIndex = Session.Reserve();
        Pid = (int)HostCalls.Raw(39);
        Session.Fill(_sessionIndex, Pid);
        AttachFiles(new ProcessFiles(this, FileSystemView.Create(options.View), (int)Math.Min(Limits[ResourceLimits.Files].Soft, FileTable.MaximumLimit)));
        ReportFd = (int)HostCalls.Raw(SysFcntl, StandardError, DuplicateCloseOnExec, FirstPrivateDescriptor);
        if (options.TraceSyscalls)
        {
            Tracer = new SyscallTracer(ReportFd);
        }

        TraceExecution();

        MemoryCalls.Register(Syscalls);
        ProcessCalls.Register(Syscalls);
        SignalCalls.Register(Syscalls);
        ThreadCalls.Register(Syscalls);
        TimeCalls.Register(Syscalls);
        SystemCalls.Register(Syscalls);
        CredentialCalls.Register(Syscalls);
        SystemVCalls.Register(Syscalls);
        RegisterFileCalls(Syscalls);
    }

    /// <summary>The guest's memory.</summary>
    public AddressSpace Memory { get; }

    /// <summary>Executes the guest's code.</summary>
    public Engine Engine { get; }

    /// <summary>What is mapped where.</summary>
    public MemoryMap Map { get; }

    public LinuxOptions Options { get; }

    /// <summary>The system calls this process answers.</summary>
    public SyscallTable Syscalls { get; } = new();

    public SignalDispositions Dispositions { get; } = new();

    public ProcessTimers Timers { get; } = new();

    /// <summary>PR_SET_DUMPABLE: kept, not applied; it would hide the VMM's own /proc from itself.</summary>
    internal int Dumpable { get; set; } = 1;

    /// <summary>Where the VMM's own reports go: standard error as it was before the guest took it. A negated error when there is none.</summary>
    public int ReportFd { get; private set; }

    /// <summary>Prints returns from guest code; null unless asked for.</summary>
    internal ExecutionTracer? ExitTracer { get; private set; }

    /// <summary>Every process of this run.</summary>
    public GuestSession Session { get; }

    /// <summary>The process id, which is the host's.</summary>
    public int Pid { get; private set; }

    /// <summary>The program that runs; null before the first exec.</summary>
    public ProgramImage? Program { get; private set; }

    /// <summary>Prints system calls; null unless asked for.</summary>
    internal SyscallTracer? Tracer { get; }

    /// <summary>Whether this is the process the embedder started, not a fork of it.</summary>
    public bool IsTopLevel { get; private set; } = true;

    /// <summary>Called in the process that ends, with the wait status' exit code, before it is gone: for statistics and cleaning up.</summary>
    public Action<int>? Exiting { get; set; }

    /// <summary>Something is printed when any of the processes ends, not only the one that was started.</summary>
    public bool ReportsEveryEnd { get; set; }

    /// <summary>In the child of a fork: unless something is to be reported of every process, the guest alone holds standard error.</summary>
    private void LeaveReports()
    {
        if (Tracer == null && !Options.TraceBlocks && !Options.TraceExits && !ReportsEveryEnd && ReportFd >= 0)
        {
            HostFile.Close(ReportFd);
            ProcessFiles.LeaveStandardError();
            ReportFd = -1;
        }
    }

    private void TraceExecution()
    {
        if (!Options.TraceBlocks && !Options.TraceExits)
        {
            return;
        }

        ExecutionTracer tracer = new(ReportFd);
        ExitTracer = Options.TraceExits ? tracer : null;
        Engine.Cache.BlockAdded = Options.TraceBlocks ? tracer.Translated : null;
    }
}
