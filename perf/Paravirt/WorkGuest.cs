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

    /// <summary>The part that runs once for each disk.</summary>
    private const string DiskPart = "disk-random-4K";

    /// <summary>What runs, of the programs' parts; modules that find no device of theirs say so.</summary>
    private const string Script = """
        #!/bin/busybox sh
        /bin/busybox mount -t proc proc /proc
        /bin/busybox mount -t sysfs sys /sys
        /bin/busybox mount -t devtmpfs dev /dev
        for module in $(/bin/busybox cat /modules/order); do /bin/busybox insmod /modules/$module 2>/dev/null; done
        /bin/busybox ifconfig lo 127.0.0.1
        for word in $(/bin/busybox cat /proc/cmdline); do
            case $word in
                server_port=*) port=${word#server_port=} ;;
                disks=*) disks=${word#disks=} ;;
            esac
        done
        /bin/events
        for part in page-faults fork-exec; do /bin/work only $part; done
        for disk in $(echo $disks | /bin/busybox tr , ' '); do
            while [ ! -b /dev/${disk#*:} ]; do /bin/busybox sleep 0.01; done
            echo device ${disk%:*}
            /bin/work disk /dev/${disk#*:} only disk-random-4K
        done
        if [ "$port" ]; then
            while [ ! -e /sys/class/net/eth0 ]; do /bin/busybox sleep 0.01; done
            /bin/busybox ifconfig eth0 10.0.2.15 netmask 255.255.255.0
            /bin/work net 10.0.2.2 $port only network
        fi
        /bin/busybox poweroff -f

        """;

    /// <summary>By the names of their drivers, with where guests have them.</summary>
    private static readonly (string Name, string Device, DiskBus Bus)[] s_disks = [("NVMe", "nvme0n1", DiskBus.Nvme), ("virtio-blk", "vda", DiskBus.Virtio), ("xen-blkfront", "xvda", DiskBus.Xen)];

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
        foreach (string module in GuestKernel.Cloud.ModulesFor("virtio_pci", "virtio_net", "virtio_blk", "xen_blkfront"))
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
    /// <param name="kind">What it finds.</param>
    /// <param name="isCounted">With one processor, whose instructions are counted, and without the network, which has a time of its own.</param>
    public Dictionary<string, Part> Run(HypervisorKind kind, bool isCounted)
    {
        (string Name, string Device, DiskBus Bus)[] disks = [.. s_disks.Where(disk => disk.Bus != DiskBus.Xen || kind == HypervisorKind.Xen)];
        string server = isCounted ? "" : string.Create(CultureInfo.InvariantCulture, $" server_port={_server.Port}");
        using var guest = new MachineGuest(new MachineGuestOptions
        {
            Kernel = GuestKernel.Cloud.Image,
            Initrd = Initrd,
            CommandLine = $"console=ttyS0 quiet panic=-1 disks={string.Join(',', disks.Select(static disk => $"{disk.Name}:{disk.Device}"))}{server}",
            Memory = 512 << 20,
            Processors = isCounted ? 1 : Processors,
            InstructionShift = isCounted ? 0 : null,
            Hypervisor = new MachineHypervisor(kind),
            Disks = [.. disks.Select(disk => new MachineDisk(Disk, IsReadOnly: true, disk.Bus))],
            UserNetwork = !isCounted,
            NetworkReachesLoopback = !isCounted,
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
        string device = "";
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
                else if (words is ["device", var driver])
                {
                    device = driver;
                }
                else if (words is ["end", var part, var nanoseconds, ..])
                {
                    string name = part == DiskPart ? $"disk, {device}" : part;
                    parts[name] = new Part(long.Parse(nanoseconds, CultureInfo.InvariantCulture) / 1e6, now.CpuMs - begin.CpuMs, now.Counters.Since(begin.Counters));
                }
            }
        }
    }
}
