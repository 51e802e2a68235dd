using System.Globalization;
using System.Runtime.CompilerServices;

namespace Jitvmm.Perf.Machines;

/// <summary>A program that runs machines, and how to tell it what machine.</summary>
internal sealed class Monitor
{
    /// <summary>Bytes of guest RAM, in MB.</summary>
    public const int Memory = 512;

    private readonly Func<GuestFiles, string, string[]> _words;

    private Monitor(string name, string program, Func<GuestFiles, string, string[]> words)
    {
        Name = name;
        Program = program;
        _words = words;
    }

    public static string Root { get; } = FindRoot();

    /// <summary>One accelerator: the translator, with one thread for its one processor.</summary>
    public static Monitor Qemu { get; } = new("qemu", "/usr/bin/qemu-system-x86_64", static (files, commandLine) =>
    [
        "-accel", "tcg", "-M", "q35", "-cpu", "max,la57=off", "-m", $"{Memory}M", "-nodefaults", "-display", "none", "-serial", "stdio", "-no-reboot",
        "-kernel", GuestFiles.Kernel, "-initrd", files.Initrd, "-append", commandLine,
        "-drive", $"file={files.Disk},format=raw,if=none,id=disk", "-device", "virtio-blk-pci,drive=disk",
        "-netdev", "user,id=net", "-device", "virtio-net-pci,netdev=net",
    ]);

    /// <summary>What this checkout built.</summary>
    public static string OwnPath => Path.Combine(Root, "src/Jitvmm.Cli/bin/Release/net10.0/jitvmm");

    public string Name { get; }

    public string Program { get; }

    /// <summary>Jitvmm as it was built there.</summary>
    public static Monitor Jitvmm(string tier, string program) => new("jitvmm", program, (files, commandLine) =>
    [
        "boot", "--hypervisor", "none", "--tier", tier, "--memory", $"{Memory}M", "--no-reboot",
        "--kernel", GuestFiles.Kernel, "--initrd", files.Initrd, "--append", commandLine, "--disk", files.Disk, "--net", "user,loopback",
    ]);

    /// <summary>The command for a machine whose guest finds the host's server at a port.</summary>
    /// <remarks>Both guests are fully virtualized. Jitvmm shows a processor that needs no mitigations; QEMU's guest is told to do without.</remarks>
    public string[] CommandFor(GuestFiles files, int port) =>
        [Program, .. _words(files, string.Create(CultureInfo.InvariantCulture, $"console=ttyS0 mitigations=off panic=-1 server_port={port}"))];

    private static string FindRoot([CallerFilePath] string thisFile = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(thisFile)!, "../.."));
}
