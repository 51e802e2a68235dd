using System.Diagnostics;
using System.Text;
using Jitvmm.Perf.Machines;
using Jitvmm.Tests.Machines;
using Jitvmm.Tests.Tidy;

namespace Jitvmm.Perf.Paravirt;

/// <summary>Debian's cloud kernel, booted as users have it.</summary>
internal sealed class LinuxGuest : IDisposable
{
    private const int TimeoutMs = 600_000;
    private const string Memory = "512M";

    /// <summary>Without the kernel's messages, whose bytes leave one by one through a port.</summary>
    private const string CommandLine = "console=ttyS0 quiet panic=-1";

    private readonly string _folder = Directory.CreateTempSubdirectory("jitvmm-perf-").FullName;

    /// <param name="script">What its first process does between saying "started" and turning the machine off.</param>
    /// <param name="programs">Programs it finds in /bin beside busybox, with their C sources.</param>
    public LinuxGuest(string script, params string[] programs)
    {
        if (!File.Exists(Kernel))
        {
            throw new InvalidOperationException($"no {Kernel}: tests/run fetches it");
        }

        Initramfs root = new Initramfs().AddFolder("bin").AddFolder("proc").AddFolder("sys").AddFolder("dev").AddProgram("bin/busybox", File.ReadAllBytes("/bin/busybox"));
        foreach (string program in programs)
        {
            root.AddProgram($"bin/{program}", GuestPrograms.Compile($"perf/Paravirt/programs/{program}.c"));
        }

        string text = $"#!/bin/busybox sh\necho started\n/bin/busybox mount -t sysfs sys /sys\n{script}\n/bin/busybox poweroff -f\n";
        File.WriteAllBytes(Initrd, root.AddProgram("init", Encoding.ASCII.GetBytes(text)).ToArray());
    }

    private static string Kernel => GuestKernel.Cloud.Image;

    private string Initrd => Path.Combine(_folder, "initrd");

    /// <summary>Runs it in jitvmm to its end.</summary>
    public LinuxRun Run(params string[] options) => Follow(
        Path.Combine(RepositoryRoot.Path, "src/Jitvmm.Cli/bin/Release/net10.0/jitvmm"),
        ["boot", "--memory", Memory, "--no-reboot", "--stats", "--kernel", Kernel, "--initrd", Initrd, "--append", CommandLine, .. options],
        toTheEnd: true);

    /// <summary>Runs it in QEMU until it has booted; nothing is counted.</summary>
    /// <param name="program">QEMU for 64-bit PCs.</param>
    /// <param name="options">Machine and processor.</param>
    public LinuxRun RunInQemu(string program, params string[] options) => Follow(
        program,
        ["-m", Memory, "-no-reboot", "-nodefaults", "-display", "none", "-serial", "stdio", "-kernel", Kernel, "-initrd", Initrd, "-append", $"{CommandLine} mitigations=off", .. options],
        toTheEnd: false);

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static LinuxRun Follow(string program, string[] words, bool toTheEnd)
    {
        var start = new ProcessStartInfo(program, words)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        long begin = Stopwatch.GetTimestamp();
        using Process process = Process.Start(start)!;
        using var watchdog = new Timer(_ => process.Kill(), null, TimeoutMs, Timeout.Infinite);
        Task<string> errors = process.StandardError.ReadToEndAsync();
        var run = new LinuxRun();
        while (process.StandardOutput.ReadLine() is { } line)
        {
            run.Console.Add(line);
            if (line.TrimEnd() == "started")
            {
                run.BootMs = Stopwatch.GetElapsedTime(begin).TotalMilliseconds;
                run.BootCpuMs = ProcessClock.CpuMs(process.Id);
                if (!toTheEnd)
                {
                    process.Kill();
                }
            }
        }

        process.WaitForExit();
        run.Counters = Counters.Parse(errors.Result);
        return run.BootMs > 0 && (!toTheEnd || process.ExitCode == 0)
            ? run
            : throw new InvalidOperationException($"the guest did not come to its end:\n{string.Join('\n', run.Console)}\n{errors.Result}");
    }
}
