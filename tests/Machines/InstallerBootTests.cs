namespace Jitvmm.Tests.Machines;

/// <summary>Debian's installer, as its packages have it: its kernel and its root file system up to its first screen.</summary>
[Trait("Program", "Guest")]
public sealed class InstallerBootTests
{
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(15);

    [GuestKernelTheory("installer-amd64")]
    [InlineData(1)]
    public void It_asks_for_a_language(int processors) => CheckFirstScreen(GuestKernel.Installer, processors);

    [GuestKernelTheory("installer-i386")]
    [InlineData(1)]
    public void So_does_the_one_for_32_bit_processors(int processors) => CheckFirstScreen(GuestKernel.Installer32, processors);

    private static void CheckFirstScreen(GuestKernel kernel, int processors)
    {
        using var machine = new MachineProcess(
            "--kernel", kernel.Image, "--initrd", kernel.Initrd, "--append", "console=ttyS0", "--memory", "1G", "--cpus", $"{processors}");
        machine.WaitFor("Run /init as init process", s_limit);
        machine.WaitFor("Select a language", s_limit);
        Assert.False(machine.Console.Contains("Call Trace:", StringComparison.Ordinal), machine.Report);
    }
}
