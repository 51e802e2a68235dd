using System.Text;
using Jitvmm.Perf.Measuring;
using Jitvmm.Tests.Machines;

namespace Jitvmm.Perf.Suite;

/// <summary>A guest with Debian's cloud kernel whose first process runs a script, and the monitors that can run it.</summary>
internal sealed class Machine : IDisposable
{
    public const string QemuPath = "/usr/bin/qemu-system-x86_64";
    public const string QemuName = "qemu-system-x86_64";

    private const string Memory = "512M";

    /// <summary>Jitvmm shows a processor that needs no mitigations; QEMU's guest is told to do without. The console is for what programs print.</summary>
    private const string CommandLine = "console=ttyS0 quiet mitigations=off panic=-1";

    /// <summary>What the kernel does not know becomes a variable of the first process.</summary>
    private const string RoundsVariable = "rounds";

    private readonly string _folder = Directory.CreateTempSubdirectory("jitvmm-perf-").FullName;

    /// <param name="script">What runs between the start of the first process and turning the machine off.</param>
    /// <param name="kernels">Programs it finds in /bin.</param>
    public Machine(string script, IEnumerable<Kernel> kernels)
    {
        Initramfs root = new Initramfs().AddFolder("bin").AddFolder("dev").AddProgram("bin/busybox", File.ReadAllBytes("/bin/busybox"));
        foreach (Kernel kernel in kernels)
        {
            root.AddProgram($"bin/{kernel.Name}", File.ReadAllBytes(kernel.Program));
        }

        File.WriteAllBytes(Initrd, root.AddProgram("init", Encoding.ASCII.GetBytes($"#!/bin/busybox sh\n{script}\n/bin/busybox poweroff -f\n")).ToArray());
    }

    public static string KernelImage { get; } = Path.Combine(SourceTree.Root, ".cache/kernels/cloud/vmlinuz");

    /// <summary>Why there can be none here; null if there can.</summary>
    public static string? WhatIsMissing => !File.Exists(KernelImage) ? $"no {KernelImage}: tests/run fetches it" : File.Exists("/bin/busybox") ? null : "no /bin/busybox: tests/run installs it";

    private string Initrd => Path.Combine(_folder, "initrd");

    /// <summary>With one processor unless more are asked for.</summary>
    public IReadOnlyList<Runner> Monitors(SuiteOptions options, int processors = 1)
    {
        Runner jitvmm = new(
            Runner.JitvmmName,
            [SourceTree.Jitvmm, "boot", "--stats", "--hypervisor", "none", "--memory", Memory, "--cpus", $"{processors}", "--no-reboot", "--kernel", KernelImage, "--initrd", Initrd, "--append", $"{CommandLine} {RoundsVariable}={Runner.KernelRounds}", .. options.VmmOptions],
            options.VmmEnvironment);
        Runner qemu = new(
            QemuName,
            [
                QemuPath, "-accel", processors > 1 ? "tcg,thread=multi" : "tcg", "-M", "q35", "-cpu", "max,la57=off", "-m", Memory, "-smp", $"{processors}", "-nodefaults", "-display", "none",
                "-serial", "stdio", "-no-reboot", "-kernel", KernelImage, "-initrd", Initrd, "-append", $"{CommandLine} {RoundsVariable}={Runner.QemuRounds}",
            ],
            Rounds: Runner.QemuRounds);
        return File.Exists(QemuPath) ? [jitvmm, qemu] : [jitvmm];
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
