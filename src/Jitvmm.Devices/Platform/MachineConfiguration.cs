using Jitvmm.Devices.Channels;
using Jitvmm.Devices.Loading;
using Jitvmm.Runtime.Paravirt;
using Jitvmm.Runtime.Paravirt.Xen;

namespace Jitvmm.Devices.Platform;

/// <summary>What a machine is built of.</summary>
public sealed record MachineConfiguration
{
    public const int MaximumProcessors = 64;

    /// <summary>Bytes of RAM: whole MiB, at least 4.</summary>
    public required ulong Memory { get; init; }

    public int Processors { get; init; } = 1;

    /// <summary>What boots, unless there is a <see cref="Bios"/>.</summary>
    public byte[] Kernel { get; init; } = [];

    /// <summary>Firmware that starts at the reset vector; empty for none. It finds no ACPI tables.</summary>
    public byte[] Bios { get; init; } = [];

    public byte[] Initrd { get; init; } = [];

    public string CommandLine { get; init; } = "";

    /// <summary>The first serial port's two directions. They outlive the machine.</summary>
    public ByteChannel SerialInput { get; init; } = new(4096);

    public ByteChannel SerialOutput { get; init; } = new();

    /// <summary>What the guest writes to the debug port.</summary>
    public ByteChannel DebugOutput { get; init; } = new();

    /// <summary>What the real-time clock shows at the start.</summary>
    public DateTime UtcAtStart { get; init; } = DateTime.UtcNow;

    /// <summary>Machine time passes by what the embedder counts.</summary>
    public bool CountedTime { get; init; }

    /// <summary>With counted time, log2 of the nanoseconds one instruction takes.</summary>
    public int InstructionShift { get; init; }

    public bool Hpet { get; init; } = true;

    /// <summary>Disks in slot order.</summary>
    public IReadOnlyList<DiskConfiguration> Disks { get; init; } = [];

    /// <summary>Folders of the host that the guest can mount.</summary>
    public IReadOnlyList<ShareConfiguration> Shares { get; init; } = [];

    /// <summary>A network card behind user-mode address translation.</summary>
    public bool UserNetwork { get; init; }

    /// <summary>That card is a Xen guest's own, not virtio.</summary>
    public bool NetworkIsXen { get; init; }

    /// <summary>The guest reaches the host's loopback addresses through its gateway.</summary>
    public bool NetworkReachesLoopback { get; init; }

    /// <summary>An entropy device.</summary>
    public bool Random { get; init; } = true;

    /// <summary><see cref="Chips.TestDevice"/>, for guests that test the machine.</summary>
    public bool TestDevice { get; init; }

    /// <summary>What the guest is offered if it knows that it is virtualized; null hides that it is. Of this machine alone.</summary>
    public ParavirtualInterface? Hypervisor { get; init; }

    /// <summary>The two directions of the console, which is virtio's, or a Xen guest's own; no console without them.</summary>
    public ByteChannel? ConsoleInput { get; init; }

    public ByteChannel? ConsoleOutput { get; init; }

    /// <exception cref="BootException">A number is out of range.</exception>
    internal void Check()
    {
        const ulong Megabyte = 1 << 20;
        if (Memory % Megabyte != 0 || Memory < 4 * Megabyte)
        {
            throw new BootException("memory must be whole MiB, and at least 4 MiB");
        }

        if (Memory > Firmware.AddressMap.MaximumRam)
        {
            throw new BootException($"memory can be {Firmware.AddressMap.MaximumRam >> 30} GiB at most");
        }

        if (Hypervisor is not XenInterface && (NetworkIsXen || Disks.Any(disk => disk.Bus == DiskBus.Xen)))
        {
            throw new BootException("Xen's disks and network cards need --hypervisor xen");
        }

        if (CountedTime && Processors != 1)
        {
            throw new BootException("a machine whose instructions are counted has one processor");
        }

        if (Processors is < 1 or > MaximumProcessors)
        {
            throw new BootException($"a machine has 1 to {MaximumProcessors} processors, not {Processors}");
        }
    }
}
