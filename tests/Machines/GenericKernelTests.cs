namespace Jitvmm.Tests.Machines;

/// <summary>Debian's kernel for any PC, with drivers as modules.</summary>
[Trait("Program", "Guest")]
public sealed class GenericKernelTests
{
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(10);

    [GuestKernelTheory("generic")]
    [InlineData("auto")]
    public void It_shares_a_folder_with_the_host_and_has_a_second_console(string tier)
    {
        const string Script = """
            mount -t 9p -o trans=virtio,version=9p2000.L share /mnt || poweroff -f
            echo "from the host: $(cat /mnt/from-host)"
            seq 1 50000 > /mnt/from-guest
            mkdir /mnt/folder
            mv /mnt/from-guest /mnt/folder/numbers
            ln -s folder/numbers /mnt/link
            echo "through the link: $(sha256sum < /mnt/link)"
            rm /mnt/from-host
            echo "seen: $(ls /mnt | tr '\n' ' ')"
            umount /mnt
            echo "this is hvc0" > /dev/hvc0
            sleep 0.2
            poweroff -f

            """;
        using var folder = new ScratchFolder();
        Directory.CreateDirectory(folder["shared"]);
        File.WriteAllText(folder["shared/from-host"], "good day");
        GuestRoot.Write(folder["initrd"], Script, GuestKernel.Generic.ModulesFor("virtio_pci", "9p", "9pnet_virtio", "virtio_console"));
        using MachineProcess machine = MachineProcess.Run(
            s_limit, "--kernel", GuestKernel.Generic.Image, "--initrd", folder["initrd"], "--append", "console=ttyS0", "--tier", tier,
            "--share", folder["shared"], "--console", "--serial", $"file:{folder["serial"]}");
        string serial = File.ReadAllText(folder["serial"]).Replace("\r", "", StringComparison.Ordinal);
        string all = $"{machine.Report}{serial}";
        Assert.True(machine.Console.Contains("this is hvc0\n", StringComparison.Ordinal), all);
        Assert.True(serial.Contains("from the host: good day\n", StringComparison.Ordinal), all);
        Assert.True(serial.Contains("seen: folder link \n", StringComparison.Ordinal), all);
        string numbers = string.Concat(Enumerable.Range(1, 50000).Select(number => $"{number}\n"));
        Assert.Equal(numbers, File.ReadAllText(folder["shared/folder/numbers"]));
        Assert.False(File.Exists(folder["shared/from-host"]), all);
        Assert.Equal("folder/numbers", new FileInfo(folder["shared/link"]).LinkTarget);
    }
}
