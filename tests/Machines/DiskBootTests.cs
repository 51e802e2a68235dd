using System.Text;
using Jitvmm.Tests.Guests;

namespace Jitvmm.Tests.Machines;

/// <summary>Debian's cloud kernel with an ext4 file system on a disk: what it writes is there after a reboot, and after a power cut.</summary>
[Trait("Program", "Guest")]
public sealed class DiskBootTests
{
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(10);

    [GuestKernelTheory("cloud", "mke2fs", "e2fsck")]
    [InlineData("--nvme", "nvme0n1")]
    [InlineData("--nvme", "nvme0n1", ",msi")]
    [InlineData("--disk", "vda")]
    [InlineData("--xvd", "xvda")]
    public void Data_outlives_a_reboot(string option, string device, string how = "")
    {
        string script = $"""
            until [ -b /dev/{device} ]; do sleep 0.1; done
            mount -t ext4 /dev/{device} /mnt || poweroff -f
            if [ -e /mnt/numbers ]; then
                echo "after the reboot: $(sha256sum < /mnt/numbers)"
                echo "files: $(ls /mnt/folder | wc -l), last $(cat /mnt/folder/300)"
                umount /mnt
                poweroff -f
            fi
            echo "messages: $(cat /sys/class/nvme/nvme0/device/msi_irqs/* 2> /dev/null | sort -u)"
            seq 1 300000 > /mnt/numbers
            echo "before the reboot: $(sha256sum < /mnt/numbers)"
            mkdir /mnt/folder
            for i in $(seq 1 300); do echo "number $i" > /mnt/folder/$i; done
            rm /mnt/folder/1?
            umount /mnt
            reboot -f

            """;
        using var folder = new ScratchFolder();
        Format(folder);
        GuestRoot.Write(folder["initrd"], script, Modules(option));
        using MachineProcess machine = MachineProcess.Run(s_limit, Options(folder, option, "2", how));
        string digest = Line(machine, "before the reboot: ");
        Assert.Equal(digest, Line(machine, "after the reboot: "));
        Assert.Equal("290, last number 300", Line(machine, "files: "));
        Assert.Equal(option == "--nvme" ? how == ",msi" ? "msi" : "msix" : "", Line(machine, "messages: "));
        Check(folder);
    }

    [GuestKernelTheory("cloud", "mke2fs", "e2fsck")]
    [InlineData("--nvme", "nvme0n1")]
    [InlineData("--disk", "vda")]
    [InlineData("--xvd", "xvda")]
    public void The_journal_recovers_from_a_power_cut(string option, string device)
    {
        const int Promised = 5;
        string script = $"""
            until [ -b /dev/{device} ]; do sleep 0.1; done
            mount -t ext4 /dev/{device} /mnt || poweroff -f
            if [ -e /mnt/{Promised} ]; then
                for i in $(seq 1 {Promised}); do seq $i $((i + 20000)) | cmp - /mnt/$i && echo "intact: $i"; done
                umount /mnt
                poweroff -f
            fi
            i=0
            while true; do
                i=$((i + 1))
                seq $i $((i + 20000)) > /mnt/new
                mv /mnt/new /mnt/$i
                sync
                echo "on the disk: $i"
            done

            """;
        using var folder = new ScratchFolder();
        Format(folder);
        GuestRoot.Write(folder["initrd"], script, Modules(option));
        using (var machine = new MachineProcess(Options(folder, option, "1")))
        {
            machine.WaitFor($"on the disk: {Promised}\n", s_limit);
            machine.Kill();
        }

        using MachineProcess second = MachineProcess.Run(s_limit, Options(folder, option, "1"));
        Assert.True(second.Console.Contains("recovery complete", StringComparison.Ordinal), second.Report);
        for (int i = 1; i <= Promised; i++)
        {
            Assert.True(second.Console.Contains($"intact: {i}\n", StringComparison.Ordinal), second.Report);
        }

        Check(folder);
    }

    /// <summary>Xen's disks are a PVH guest's: others find them only with a device that takes theirs away.</summary>
    private static string[] Options(ScratchFolder folder, string option, string processors, string how = "")
    {
        bool isXen = option == "--xvd";
        if (isXen && !File.Exists(folder["vmlinux"]))
        {
            KernelImage.ExtractElf(GuestKernel.Cloud.Image, folder["vmlinux"]);
        }

        return
        [
            "--kernel", isXen ? folder["vmlinux"] : GuestKernel.Cloud.Image, "--initrd", folder["initrd"], "--append", "console=ttyS0", option, folder["disk"] + how, "--cpus", processors,
            "--hypervisor", isXen ? "xen" : "kvm",
        ];
    }

    /// <summary>NVMe and ext4 are in the kernel itself.</summary>
    private static IReadOnlyList<string> Modules(string option) => option switch
    {
        "--disk" => GuestKernel.Cloud.ModulesFor("virtio_pci", "virtio_blk"),
        "--xvd" => GuestKernel.Cloud.ModulesFor("xen_blkfront"),
        _ => [],
    };

    private static void Format(ScratchFolder folder) => Run("mke2fs", "-q", "-t", "ext4", folder["disk"], "96M");

    private static void Check(ScratchFolder folder) => Run("e2fsck", "-f", "-n", folder["disk"]);

    private static void Run(params string[] command)
    {
        ProgramOutcome outcome = NativeProcess.Run(command, "/", "", s_limit);
        Assert.True(outcome.Status == 0, $"{string.Join(' ', command)}: status {outcome.Status}\n{Encoding.UTF8.GetString(outcome.Output)}{Encoding.UTF8.GetString(outcome.Errors)}");
    }

    /// <summary>The rest of the console's line that starts so.</summary>
    private static string Line(MachineProcess machine, string start)
    {
        string? line = machine.Console.Split('\n').FirstOrDefault(line => line.StartsWith(start, StringComparison.Ordinal));
        Assert.True(line != null, $"no \"{start}\": {machine.Report}");
        return line[start.Length..];
    }
}
