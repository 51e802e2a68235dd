using System.Diagnostics.CodeAnalysis;
using System.Text;
using Jitvmm.Inspector.Files;
using Jitvmm.Inspector.Live;
using Jitvmm.Inspector.Recording;
using Jitvmm.Linux;
using Jitvmm.Linux.Files;
using Jitvmm.Linux.Loading;
using Jitvmm.Runtime.Interpret;
using Jitvmm.Translator;

namespace Jitvmm;

/// <summary>
/// One unmodified x86-64 Linux program, run in this process: its descriptors 0 to 2, process id, children and end are this
/// process's own.
/// </summary>
/// <remarks>
/// <para>One per process, from the thread that entered <c>Main</c>, before other threads use signals: the guest's signals and faults are
/// the process's. A program that wants to go on after its guest starts itself anew for it.</para>
/// <para>Guests that fork need <c>DOTNET_EnableWriteXorExecute=0</c> in the environment this process was started with; see decision 0100.</para>
/// <example><code>
/// new ProcessGuest(new ProcessGuestOptions { Program = "ls", Arguments = ["ls"u8.ToArray(), "-l"u8.ToArray()] }).Run();
/// </code></example>
/// </remarks>
public sealed class ProcessGuest(ProcessGuestOptions options)
{
    public ProcessGuestOptions Options { get; } = options;

    /// <summary>
    /// Runs the guest to its end. Does not return: the process exits with the guest's status, or dies of the guest's signal.
    /// </summary>
    /// <exception cref="ProcessGuestException">The program cannot be started, or a host path of the options cannot be used. Nothing ran.</exception>
    [DoesNotReturn]
    public void Run()
    {
        byte[] program = Encoding.UTF8.GetBytes(Options.Program);
        LinuxProcess process;
        try
        {
            process = new LinuxProcess(LinuxOptions());
            process.ReportsEveryEnd = Options.Statistics;
            if (Options.Statistics)
            {
                process.Engine.Compiler?.MeasuresHostCode = true;
                process.Exiting += _ => StatisticsReport.Write(process);
            }

            RecordingRequest recording = RecordingRequest.Of(Options);
            if (recording.IsAny)
            {
                Record(process, recording);
            }

            if (Options.TierSamples is { } samples)
            {
                SampleTiers(process, samples);
            }

            process.Run(program, Options.Arguments ?? [program], Options.Environment ?? OwnEnvironment());
        }
        catch (LoadException error)
        {
            throw new ProcessGuestException(error.Message, error.ExitCode, error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or InsufficientMemoryException)
        {
            throw new ProcessGuestException(error.Message, ProcessGuestException.HostFailure, error);
        }
    }

    private void SampleTiers(LinuxProcess process, string path)
    {
        if (TierSampling.Check(path, RecordingRequest.Of(Options).IsAny) is { } reason)
        {
            throw new IOException($"tier samples: {reason}");
        }

        TierSampling sampling = new(path, process.Engine.Cache, process.Engine.Compiler);
        process.Exiting += _ =>
        {
            if (process.IsTopLevel && sampling.Save() is { } problem)
            {
                StatisticsReport.Print(process, $"jitvmm: tier samples {problem}\n");
            }
        };
    }

    private void Record(LinuxProcess process, RecordingRequest request)
    {
        if (request.Check() is { } mistake)
        {
            throw new IOException(mistake);
        }

        JitDump? jitDump = null;
        if (request.JitDump is { } folder)
        {
            // perf looks for each process's file under its own number.
            folder = Path.GetFullPath(folder);
            jitDump = CreateJitDump(folder, process.Pid);
            process.Forked += () => jitDump = JitDump.Create(folder, process.Pid);
        }

        CacheSaving saving = new(request, CacheRecorder.Attach(process.Engine.Cache, process.Engine.Compiler, counts: request.Counts));
        process.Exiting += _ =>
        {
            if (saving.Save(process, Options, jitDump) is { } problem)
            {
                StatisticsReport.Print(process, $"jitvmm: cannot save {problem}\n");
            }

            if (Options.Dumps is { } requests && process.IsTopLevel)
            {
                StatisticsReport.Print(process, CacheSaving.Dump(saving.Describe(process, Options), requests));
            }
        };
        if (Options.Inspect)
        {
            Serve(process, saving);
        }
    }

    private static JitDump CreateJitDump(string folder, int process)
    {
        try
        {
            return JitDump.Create(folder, process);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new IOException($"jitdump folder {folder}: {FileErrors.ReasonOf(folder, error)}", error);
        }
    }

    /// <summary>Lets the process be attached to, and each that it forks under its own number.</summary>
    private void Serve(LinuxProcess process, CacheSaving saving)
    {
        AttachServer server = new(() => saving.Describe(process, Options));
        if (server.Start() is { } problem)
        {
            throw new IOException($"the guest cannot be inspected: {problem}");
        }

        // A child that cannot have a socket runs all the same.
        process.Forked += () => _ = server.Start();
        process.Exiting += _ => server.Unlist();
        if (!Options.Quiet)
        {
            StatisticsReport.Print(process, $"jitvmm: process {process.Pid} can be inspected: jitvmm cache top --attach {process.Pid}\n");
        }
    }

    private LinuxOptions LinuxOptions() => new()
    {
        MemoryLimit = Options.MemoryLimit,
        TaskLimit = Options.TaskLimit,
        TraceSyscalls = (Options.Trace & TraceKinds.SystemCalls) != 0,
        TraceBlocks = (Options.Trace & TraceKinds.Blocks) != 0,
        TraceExits = (Options.Trace & TraceKinds.Exits) != 0,
        Quiet = Options.Quiet,
        View = new ViewOptions
        {
            Writable = Options.Writable,
            Binds = Binds(),
            Root = Options.Root,
            Program = Options.Root == null && Options.Program.Contains('/') ? Options.Program : null,
            ShareAll = Options.ShareAll,
            NetworkHost = Options.HostNetwork,
        },
        Engine = new EngineOptions
        {
            Tiering = Options.Tier switch
            {
                ExecutionTier.Interpret => Tiering.Tier0,
                ExecutionTier.Compile => Tiering.Tier1,
                _ => Tiering.Auto,
            },
            CodeCacheLimit = Options.CodeCacheSize,
            Checked = Options.MemoryChecks == MemoryChecks.Checked,
        },
    };

    private List<ViewBind> Binds()
    {
        var binds = new List<ViewBind>(Options.Binds.Count);
        foreach (BindMount bind in Options.Binds)
        {
            binds.Add(new ViewBind(bind.Source, bind.Target, bind.IsReadOnly));
        }

        return binds;
    }

    private static List<byte[]> OwnEnvironment()
    {
        var variables = new List<byte[]>();
        foreach (System.Collections.DictionaryEntry variable in Environment.GetEnvironmentVariables())
        {
            variables.Add(Encoding.UTF8.GetBytes($"{variable.Key}={variable.Value}"));
        }

        return variables;
    }
}
