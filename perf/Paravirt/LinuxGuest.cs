using System.Diagnostics;
using System.Text;
using Jitvmm.Perf.Machines;
using Jitvmm.Tests.Machines;
using Jitvmm.Tests.Tidy;

namespace Jitvmm.Perf.Paravirt;

/// <summary>Debian's cloud kernel, booted by <c>jitvmm</c> as users have it.</summary>
internal sealed class LinuxGuest : IDisposable
{
    private const int TimeoutMs = 600_000;

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

    /// <summary>Runs it to its end.</summary>
    public LinuxRun Run(params string[] options)
    {
        string[] words = ["boot", "--memory", "512M", "--no-reboot", "--stats", "--kernel", Kernel, "--initrd", Initrd, "--append", "console=ttyS0 panic=-1", .. options];
        var start = new ProcessStartInfo(Path.Combine(RepositoryRoot.Path, "src/Jitvmm.Cli/bin/Release/net10.0/jitvmm"), words)
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
            if (line == "started")
            {
                run.BootMs = Stopwatch.GetElapsedTime(begin).TotalMilliseconds;
                run.BootCpuMs = ProcessClock.CpuMs(process.Id);
            }
        }

        process.WaitForExit();
        run.Counters = Counters.Parse(errors.Result);
        return run.BootMs > 0 && process.ExitCode == 0
            ? run
            : throw new InvalidOperationException($"the guest did not come to its end:\n{string.Join('\n', run.Console)}\n{errors.Result}");
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
