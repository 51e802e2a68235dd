namespace Jitvmm.Tests.Machines;

/// <summary>What <c>jitvmm boot</c> says of input it cannot use: one line, and the exit code the help names.</summary>
public sealed class BootErrorTests : IDisposable
{
    private const int VmmError = 125;

    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(2);

    private readonly ScratchFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_kernel_that_is_not_there() => Check("no such file", "--kernel", _folder["none"]);

    [Fact]
    public void A_kernel_in_no_known_format()
    {
        File.WriteAllText(_folder["kernel"], string.Concat(Enumerable.Repeat("not a kernel\n", 1000)));
        Check("bzImage", "--kernel", _folder["kernel"]);
    }

    [Fact]
    public void An_empty_kernel()
    {
        File.WriteAllBytes(_folder["kernel"], []);
        Check("kernel", "--kernel", _folder["kernel"]);
    }

    [Fact]
    public void A_kernel_that_is_a_folder() => Check("is a folder", "--kernel", _folder["."]);

    [GuestKernelTheory("cloud")]
    [InlineData("none")]
    public void An_initrd_that_is_not_there(string name) =>
        Check(_folder[name], "--kernel", GuestKernel.Cloud.Image, "--initrd", _folder[name]);

    [GuestKernelTheory("cloud")]
    [InlineData("4M")]
    [InlineData("1M")]
    public void Memory_that_is_too_small_for_the_kernel(string memory) => Check("memory", "--kernel", GuestKernel.Cloud.Image, "--memory", memory);

    [GuestKernelTheory("cloud")]
    [InlineData("64M")]
    public void Memory_that_is_too_small_for_the_initrd(string memory)
    {
        using (FileStream initrd = File.Create(_folder["initrd"]))
        {
            initrd.SetLength(128 << 20);
        }

        Check("memory", "--kernel", GuestKernel.Cloud.Image, "--initrd", _folder["initrd"], "--memory", memory);
    }

    [Fact]
    public void More_memory_than_there_can_be() => Check("memory", "--memory", "1000T");

    [Fact]
    public void A_disk_that_another_machine_has()
    {
        File.WriteAllBytes(_folder["disk"], new byte[1 << 20]);
        using FileStream other = new(_folder["disk"], FileMode.Open, FileAccess.ReadWrite, FileShare.None);
        Check("in use", "--disk", _folder["disk"]);
    }

    [Fact]
    public void A_disk_that_is_not_there() => Check(_folder["none"], "--nvme", _folder["none"]);

    [Fact]
    public void A_folder_to_share_that_is_not_there() => Check(_folder["none"], "--share", _folder["none"]);

    [Fact]
    public void A_serial_file_that_cannot_be_written() => Check("no such file", "--serial", $"file:{_folder["none/file"]}");

    [Fact]
    public void An_option_there_is_not() => Check("unknown option --frobnicate; see jitvmm boot --help", "--frobnicate");

    private static void Check(string expected, params string[] options)
    {
        using var machine = new MachineProcess(options);
        machine.WaitForEnd(s_limit, VmmError);
        string line = machine.Errors;
        Assert.StartsWith("jitvmm: ", line, StringComparison.Ordinal);
        Assert.Contains(expected, line, StringComparison.OrdinalIgnoreCase);
        Assert.True(line.IndexOf('\n', StringComparison.Ordinal) == line.Length - 1, $"more than a line: {line}");
        Assert.Equal("", machine.Console);
    }
}
