using System.Globalization;
using System.Text;
using Jitvmm.Devices.Platform;
using Jitvmm.Perf.Machines;
using Jitvmm.Tests.Machines;

namespace Jitvmm.Perf.Paravirt;

/// <summary>Debian's cloud kernel in a machine of this process, which is asked what it has counted whenever a part of the guest's work begins or ends.</summary>
internal sealed class WorkGuest : IDisposable
{
    private const int DiskMb = 64;
    private const int Processors = 2;

    /// <summary>What runs, of the programs' parts; disks and networks by virtio and NVMe, which all interfaces' guests have.</summary>
    private const string Script = """
        #!/bin/busybox sh
        /bin/busybox mount -t proc proc /proc
        /bin/busybox mount -t sysfs sys /sys
        /bin/busybox mount -t devtmpfs dev /dev
        for module in $(/bin/busybox cat /modules/order); do /bin/busybox insmod /modules/$module; done
        while [ ! -e /sys/class/net/eth0 ]; do /bin/busybox sleep 0.01; done
        /bin/busybox ifconfig lo 127.0.0.1
        /bin/busybox ifconfig eth0 10.0.2.15 netmask 255.255.255.0
        for word in $(/bin/busybox cat /proc/cmdline); do
            case $word in server_port=*) port=${word#server_port=} ;; esac
        done
        /bin/events
        for part in page-faults fork-exec disk-random-4K network; do /bin/work disk /dev/nvme0n1 net 10.0.2.2 $port only $part; done
        /bin/busybox poweroff -f

        """;

    private readonly string _folder = Directory.CreateTempSubdirectory("jitvmm-perf-").FullName;
    private readonly ByteServer _server = new();

    public WorkGuest()
    {
        Initramfs root = new Initramfs().AddFolder("bin").AddFolder("proc").AddFolder("sys").AddFolder("dev").AddFolder("modules")
            .AddProgram("bin/busybox", File.ReadAllBytes("/bin/busybox"))
            .AddProgram("bin/work", GuestPrograms.Compile("perf/Machines/programs/work.c"))
            .AddProgram("bin/events", GuestPrograms.Compile("perf/Paravirt/programs/events.c"))
            .AddProgram("init", Encoding.ASCII.GetBytes(Script));
        var order = new StringBuilder();
        foreach (string module in GuestKernel.Cloud.ModulesFor("virtio_pci", "virtio_net"))
        {
            root.AddProgram($"modules/{Path.GetFileName(module)}", File.ReadAllBytes(module));
            order.Append(Path.GetFileName(module)).Append('\n');
        }

        File.WriteAllBytes(Initrd, root.AddProgram("modules/order", Encoding.ASCII.GetBytes(order.ToString())).ToArray());
        byte[] content = new byte[DiskMb << 20];
        new Random(1).NextBytes(content);
        File.WriteAllBytes(Disk, content);
    }

    private string Initrd => Path.Combine(_folder, "initrd");

    private string Disk => Path.Combine(_folder, "disk.img");

    /// <summary>Runs it to its end: what each part took, in the order in which they ran.</summary>
    public Dictionary<string, Part> Run(MachineHypervisor hypervisor)
    {
        using var guest = new MachineGuest(new MachineGuestOptions
        {
            Kernel = GuestKernel.Cloud.Image,
            Initrd = Initrd,
            CommandLine = string.Create(CultureInfo.InvariantCulture, $"console=ttyS0 quiet panic=-1 server_port={_server.Port}"),
            Memory = 512 << 20,
            Processors = Processors,
            Hypervisor = hypervisor,
            Disks = [new MachineDisk(Disk, IsReadOnly: true, DiskBus.Nvme)],
            UserNetwork = true,
            NetworkReachesLoopback = true,
            Reboots = false,
        });
        Dictionary<string, Part> parts = [];
        var console = new StringBuilder();
        var reader = new Thread(() => Follow(guest, parts, console));
        reader.Start();
        MachineOutcome outcome = guest.Run();
        reader.Join();
        return outcome.End == MachineEnd.PoweredOff && parts.Count > 0 ? parts : throw new InvalidOperationException($"the guest did not come to its end: {outcome}\n{console}");
    }

    public void Dispose()
    {
        _server.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private static void Follow(MachineGuest guest, Dictionary<string, Part> parts, StringBuilder console)
    {
        byte[] bytes = new byte[256];
        var line = new StringBuilder();
        (Counters Counters, double CpuMs) begin = (Counters.Parse(""), 0);
        for (int count = guest.SerialOutput.Read(bytes); count > 0; count = guest.SerialOutput.Read(bytes))
        {
            foreach (char character in Encoding.ASCII.GetString(bytes, 0, count))
            {
                if (character != '\n')
                {
                    line.Append(character);
                    continue;
                }

                string[] words = line.ToString().Trim().Split(' ');
                console.Append(line).Append('\n');
                line.Clear();
                (Counters Counters, double CpuMs) now = (Counters.Parse(guest.Statistics()), Environment.CpuUsage.TotalTime.TotalMilliseconds);
                if (words is ["begin", _])
                {
                    begin = now;
                }
                else if (words is ["end", var name, var nanoseconds, ..])
                {
                    parts[name] = new Part(long.Parse(nanoseconds, CultureInfo.InvariantCulture) / 1e6, now.CpuMs - begin.CpuMs, now.Counters.Since(begin.Counters));
                }
            }
        }
    }
}
