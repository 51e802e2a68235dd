using System.Text;
using Jitvmm.Tests.Guests;

namespace Jitvmm.Tests.Machines;

/// <summary>Boots an unmodified Linux to a script in its initramfs, as a user would, and reads its console.</summary>
[Trait("Program", "Guest")]
public sealed class LinuxBootTests
{
    private const string Script = """
        #!/bin/busybox sh
        /bin/busybox mount -t proc proc /proc
        /bin/busybox mount -t sysfs sys /sys
        echo "processors: $(/bin/busybox nproc)"
        echo "sorted: $(/bin/busybox seq 1 2000 | /bin/busybox sort -rn | /bin/busybox head -1)"
        echo "digest: $(/bin/busybox seq 1 20000 | /bin/busybox sha256sum)"
        echo "clock: $(/bin/busybox cat /sys/devices/system/clocksource/clocksource0/current_clocksource)"
        /bin/busybox sleep 0.2
        echo "vendor: $(/bin/busybox grep -c hypervisor /proc/cpuinfo) hypervisor flags"
        /bin/busybox poweroff -f

        """;

    [LinuxKernelTheory]
    [InlineData("auto", 1)]
    [InlineData("auto", 2)]
    [InlineData("auto", 4)]
    [InlineData("0", 1)]
    [InlineData("1", 1)]
    public void Debians_cloud_kernel_runs_a_script_and_powers_off(string tier, int processors)
    {
        string folder = Directory.CreateTempSubdirectory("jitvmm-boot-").FullName;
        try
        {
            string initrd = Path.Combine(folder, "initrd");
            File.WriteAllBytes(initrd, RootFileSystem());
            ProgramOutcome outcome = NativeProcess.Run(
                [
                    ProgramComparison.Vmm, "boot", "--kernel", LinuxKernelTheoryAttribute.Kernel, "--initrd", initrd, "--append", "console=ttyS0",
                    "--memory", "512M", "--tier", tier, "--cpus", $"{processors}",
                ],
                folder,
                "",
                TimeSpan.FromMinutes(10));
            string console = Encoding.UTF8.GetString(outcome.Output).Replace("\r", "", StringComparison.Ordinal);
            string all = $"status {outcome.Status}{(outcome.TimedOut ? ", timed out" : "")}\n{console}\n{Encoding.UTF8.GetString(outcome.Errors)}";
            string digest = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(Encoding.ASCII.GetBytes(
                string.Concat(Enumerable.Range(1, 20000).Select(number => $"{number}\n")))));
            Assert.True(outcome.Status == 0, all);
            Assert.True(console.Contains($"processors: {processors}\n", StringComparison.Ordinal), all);
            Assert.True(console.Contains("sorted: 2000\n", StringComparison.Ordinal), all);
            Assert.True(console.Contains($"digest: {digest}  -\n", StringComparison.Ordinal), all);
            Assert.True(console.Contains("vendor: 0 hypervisor flags\n", StringComparison.Ordinal), all);
            Assert.True(console.Contains("reboot: Power down", StringComparison.Ordinal), all);
            Assert.False(console.Contains("Call Trace:", StringComparison.Ordinal), all);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    internal static byte[] RootFileSystem() => new Initramfs()
        .AddFolder("bin")
        .AddFolder("proc")
        .AddFolder("sys")
        .AddFolder("dev")
        .AddProgram("bin/busybox", File.ReadAllBytes(ToolPath.Find("busybox")!))
        .AddProgram("init", Encoding.ASCII.GetBytes(Script))
        .ToArray();
}
