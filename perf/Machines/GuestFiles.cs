using System.Diagnostics;
using System.Text;
using Jitvmm.Tests.Machines;

namespace Jitvmm.Perf.Machines;

/// <summary>What the machines boot from: Debian's cloud kernel with the modules for its virtio devices, busybox, the program, and a disk.</summary>
internal sealed class GuestFiles : IDisposable
{
    private const int DiskMb = 64;

    private const string Script = """
        #!/bin/busybox sh
        echo started
        /bin/busybox mount -t proc proc /proc
        /bin/busybox mount -t sysfs sys /sys
        /bin/busybox mount -t devtmpfs dev /dev
        for module in virtio_ring virtio virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci virtio_blk failover net_failover virtio_net; do
            /bin/busybox insmod /lib/$module.ko
        done
        while [ ! -e /dev/vda -o ! -e /sys/class/net/eth0 ]; do /bin/busybox sleep 0.01; done
        /bin/busybox ifconfig lo 127.0.0.1
        /bin/busybox ifconfig eth0 10.0.2.15 netmask 255.255.255.0
        for word in $(/bin/busybox cat /proc/cmdline); do
            case $word in server_port=*) port=${word#server_port=} ;; esac
        done
        /bin/work disk /dev/vda net 10.0.2.2 $port
        echo done
        /bin/busybox sleep 1
        /bin/busybox poweroff -f

        """;

    /// <summary>In the order they are loaded, and where Debian's package has them.</summary>
    private static readonly string[] s_modules =
    [
        "drivers/virtio/virtio_ring.ko", "drivers/virtio/virtio.ko", "drivers/virtio/virtio_pci_legacy_dev.ko", "drivers/virtio/virtio_pci_modern_dev.ko",
        "drivers/virtio/virtio_pci.ko", "drivers/block/virtio_blk.ko", "net/core/failover.ko", "drivers/net/net_failover.ko", "drivers/net/virtio_net.ko",
    ];

    private readonly string _folder = Directory.CreateTempSubdirectory("jitvmm-perf-").FullName;

    public GuestFiles()
    {
        if (!File.Exists(Kernel))
        {
            throw new InvalidOperationException($"no {Kernel}: tests/run fetches it");
        }

        string program = Path.Combine(_folder, "work");
        Execute(["/usr/bin/gcc", "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-static", "-o", program, Path.Combine(Monitor.Root, "perf/Machines/programs/work.c")], _folder);
        Initramfs root = new Initramfs()
            .AddFolder("bin")
            .AddFolder("lib")
            .AddFolder("proc")
            .AddFolder("sys")
            .AddFolder("dev")
            .AddProgram("bin/busybox", File.ReadAllBytes("/bin/busybox"))
            .AddProgram("bin/work", File.ReadAllBytes(program))
            .AddProgram("init", Encoding.ASCII.GetBytes(Script));
        foreach (string module in s_modules)
        {
            root.AddProgram("lib/" + Path.GetFileName(module), File.ReadAllBytes(Path.Combine(Modules, module)));
        }

        File.WriteAllBytes(Initrd, root.ToArray());
        byte[] content = new byte[DiskMb << 20];
        new Random(1).NextBytes(content);
        File.WriteAllBytes(Disk, content);
    }

    public static string Kernel { get; } = Path.Combine(Monitor.Root, ".cache/kernels/cloud/vmlinuz");

    public string Initrd => Path.Combine(_folder, "initrd");

    public string Disk => Path.Combine(_folder, "disk.img");

    private static string Modules => Path.Combine(Monitor.Root, ".cache/kernels/cloud/modules/kernel");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static void Execute(string[] command, string folder)
    {
        using Process process = Process.Start(new ProcessStartInfo(command[0], command[1..]) { WorkingDirectory = folder })!;
        process.WaitForExit();
        if (process.ExitCode != 0)
        {
            throw new InvalidOperationException($"{string.Join(' ', command)} failed");
        }
    }
}
