using Jitvmm.Cli;
using Jitvmm.Devices.Platform;
using Jitvmm.Inspector.Reports;

namespace Jitvmm.Tests.Cli;

public sealed class BootCommandLineTests
{
    [Fact]
    public void Every_option_reaches_its_property()
    {
        BootCommandLine line = BootCommandLine.Parse(
        [
            "--kernel", "k", "--initrd=i", "--append", "console=ttyS0 quiet", "--memory", "1G", "--cpus=4", "--disk", "d,readonly", "--nvme", "n", "--nvme", "m,msi,readonly",
            "--share", "s", "--share=t,tag=x,readonly", "--net", "user", "--serial", "file:out", "--console", "--no-reboot", "--tier", "0", "--code-cache", "64M", "--stats", "--icount", "3",
            "--hypervisor", "kvm,-pv-eoi,-clock", "--save-cache", "c", "--perf-map", "--jitdump=j", "--inspect", "--dump-il", "1000", "--dump-host", "2000", "--sample-tiers=t",
        ]);
        MachineGuestOptions options = line.ToOptions();
        Assert.Equal(("k", "i", "console=ttyS0 quiet"), (options.Kernel, options.Initrd, options.CommandLine));
        Assert.Equal((1ul << 30, 4), (options.Memory, options.Processors));
        Assert.Equal([new MachineDisk("d", IsReadOnly: true), new MachineDisk("n", Bus: DiskBus.Nvme), new MachineDisk("m", true, DiskBus.NvmeMsi)], options.Disks);
        Assert.Equal([new MachineShare("s", "share"), new MachineShare("t", "x", true)], options.Shares);
        Assert.True(options.PerfMap && options.Inspect && options.UserNetwork && options.Console && !options.Reboots && !options.NetworkReachesLoopback);
        Assert.Equal(ExecutionTier.Interpret, options.Tier);
        Assert.Equal(64L << 20, options.CodeCacheSize);
        Assert.Equal(3, options.InstructionShift);
        Assert.Equal(("c", "t", "j"), (options.SaveCache, options.TierSamples, options.JitDump));
        Assert.Equal([new CodeDumpRequest(CodeForm.Il, "1000"), new CodeDumpRequest(CodeForm.Host, "2000")], options.Dumps);
        Assert.Equal((SerialTarget.File, "out"), (line.Serial, line.SerialPath));
        Assert.True(line.Statistics);
        Assert.Equal(HypervisorKind.Kvm, options.Hypervisor.Kind);
        Assert.Equal(["pv-eoi", "clock"], options.Hypervisor.Without);
    }

    [Fact]
    public void Without_options_the_demonstration_boots_on_the_terminal()
    {
        BootCommandLine line = BootCommandLine.Parse([]);
        Assert.Null(line.ToOptions().Kernel);
        Assert.False(line.ToOptions().UserNetwork);
        Assert.Equal(MachineHypervisor.Kvm, line.ToOptions().Hypervisor);
        Assert.Equal(MachineHypervisor.None.Kind, BootCommandLine.Parse(["--hypervisor", "none"]).ToOptions().Hypervisor.Kind);
        Assert.Equal("b", BootCommandLine.Parse(["--bios", "b"]).ToOptions().Bios);
        Assert.Equal(SerialTarget.Terminal, line.Serial);
        Assert.Equal("", BootCommandLine.Parse(["--append", ""]).ToOptions().CommandLine);
        Assert.True(BootCommandLine.Parse(["--test-device"]).ToOptions().TestDevice);
    }

    [Theory]
    [InlineData("unknown option", "--frob")]
    [InlineData("unexpected vmlinuz", "vmlinuz")]
    [InlineData("needs a value", "--kernel")]
    [InlineData("needs a value", "--append")]
    [InlineData("is a size", "--memory", "lots")]
    [InlineData("at least 1", "--cpus", "0")]
    [InlineData("FILE,readonly", "--disk", "a,snapshot=on")]
    [InlineData("FILE or FILE,readonly", "--disk", "a,msi")]
    [InlineData("FILE,msi", "--nvme", "a,msix")]
    [InlineData("none, user", "--net", "tap")]
    [InlineData("file:PATH", "--serial", "pty")]
    [InlineData("tag=NAME", "--share", "a,tag=")]
    [InlineData("none, kvm, vmware, hyperv or xen, not vbox", "--hypervisor", "vbox")]
    [InlineData("can be without clock, ", "--hypervisor", "kvm,-warp")]
    [InlineData("can be without clock, ", "--hypervisor", "kvm,pv-eoi")]
    [InlineData("can be without reference-counter, ", "--hypervisor", "hyperv,-clock")]
    [InlineData("can be without frequency, ", "--hypervisor", "vmware,-pv-eoi")]
    [InlineData("has no features", "--hypervisor", "none,-clock")]
    [InlineData("from 0 to 10", "--icount", "11")]
    [InlineData("not with --tier 1", "--icount", "0", "--tier", "1")]
    [InlineData("takes no value", "--stats=1")]
    [InlineData("--kernel is missing", "--initrd", "i")]
    [InlineData("--kernel is missing", "--append", "quiet")]
    public void Wrong_words_say_what_is_wrong(string message, params string[] words)
    {
        UsageException error = Assert.Throws<UsageException>(() => BootCommandLine.Parse(words));
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }
}
