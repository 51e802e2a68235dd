using Jitvmm.Devices.Platform;

namespace Jitvmm;

/// <param name="Path">A raw image or a block device of the host, locked while the machine has it.</param>
/// <param name="IsReadOnly">The guest cannot write it, and several machines may have it.</param>
/// <param name="Bus">What it is attached to; <see cref="DiskBus.Xen"/> with <see cref="MachineHypervisor.Xen"/>.</param>
public sealed record MachineDisk(string Path, bool IsReadOnly = false, DiskBus Bus = DiskBus.Virtio);

/// <param name="Path">A folder of the host.</param>
/// <param name="Tag">What the guest mounts: <c>mount -t 9p -o trans=virtio TAG /mnt</c>.</param>
/// <param name="IsReadOnly">The guest cannot change it.</param>
public sealed record MachineShare(string Path, string Tag, bool IsReadOnly = false);

/// <summary>What a machine guest is made of.</summary>
public sealed record MachineGuestOptions
{
    public const ulong DefaultMemory = 512ul << 20;

    /// <summary>Host path of a bzImage, an ELF kernel with PVH note or a multiboot kernel; null for the built-in demonstration.</summary>
    public string? Kernel { get; init; }

    /// <summary>Host path of a BIOS image that starts at the reset vector, in place of a kernel.</summary>
    public string? Bios { get; init; }

    /// <summary>Host path of the initial RAM disk, or of a multiboot module.</summary>
    public string? Initrd { get; init; }

    /// <summary>The kernel's command line.</summary>
    public string CommandLine { get; init; } = "";

    /// <summary>Bytes of RAM: whole MiB.</summary>
    public ulong Memory { get; init; } = DefaultMemory;

    /// <summary>Processors, each a thread of the host.</summary>
    public int Processors { get; init; } = 1;

    public IReadOnlyList<MachineDisk> Disks { get; init; } = [];

    public IReadOnlyList<MachineShare> Shares { get; init; } = [];

    /// <summary>A network card behind user-mode address translation (libslirp).</summary>
    public bool UserNetwork { get; init; }

    /// <summary>That card is for a Xen guest's own driver, with <see cref="MachineHypervisor.Xen"/>, instead of virtio.</summary>
    public bool NetworkIsXen { get; init; }

    /// <summary>The guest reaches the host's loopback addresses through its gateway, 10.0.2.2.</summary>
    public bool NetworkReachesLoopback { get; init; }

    /// <summary>A console (hvc0) beside the serial port: virtio's, or a Xen guest's own.</summary>
    public bool Console { get; init; }

    /// <summary>The hypervisor that guests which know they are virtualized find, with its features. A guest sees no sign of one under <see cref="MachineHypervisor.None"/>.</summary>
    public MachineHypervisor Hypervisor { get; init; } = MachineHypervisor.Kvm;

    /// <summary>The devices that kvm-unit-tests expect, as QEMU's pc-testdev and fw_cfg give them.</summary>
    public bool TestDevice { get; init; }

    /// <summary>A guest's reset starts it anew; otherwise it ends the run.</summary>
    public bool Reboots { get; init; } = true;

    /// <summary>Bytes of translations after which all are made anew.</summary>
    public long CodeCacheSize { get; init; } = ProcessGuestOptions.DefaultCodeCacheSize;

    /// <summary>
    /// A host file that receives what became of the guest's translations, when the run ends (decision 0500): of a machine that was reset, those since. Null: nothing is recorded.
    /// </summary>
    public string? SaveCache { get; init; }

    /// <summary>List compiled code in <c>/tmp/perf-PID.map</c> when the run ends, where Linux' perf looks for it.</summary>
    public bool PerfMap { get; init; }

    /// <summary>
    /// A host folder that gets <c>jit-PID.dump</c>, in which Linux' <c>perf inject --jit</c> finds compiled code of a run that <c>perf record -k mono</c> watched. Null: none.
    /// </summary>
    public string? JitDump { get; init; }

    /// <summary><see cref="MachineGuest.DumpCode"/> has these when the run ends: compiled code in its different forms. Null: none.</summary>
    public IReadOnlyList<CodeDumpRequest>? Dumps { get; init; }

    /// <summary>
    /// A host file that receives how the instructions of the machine were shared between the tiers over time, when the run ends: a line for each sample, with milliseconds
    /// and the instructions executed in tier 0 and in tier 1 by then. Null: nothing is sampled. Not of a run that is recorded.
    /// </summary>
    public string? TierSamples { get; init; }

    /// <summary><see cref="MachineGuest.Statistics"/> will be asked for: it then has the size of host code, too.</summary>
    public bool Statistics { get; init; }

    /// <summary>The machine can be attached to while it runs, by the user it runs as (decision 0502): what <see cref="SaveCache"/> would save is recorded. One machine of a process.</summary>
    public bool Inspect { get; init; }

    public ExecutionTier Tier { get; init; }

    /// <summary>
    /// For repeatable runs: one instruction takes 2 to this power nanoseconds of machine time, and nothing else takes any; a halted processor's waits pass at once.
    /// One processor, interpreted. Null: the host's clock.
    /// </summary>
    public int? InstructionShift { get; init; }
}
