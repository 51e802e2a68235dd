using System.Text;

namespace Jitvmm.Linux.Files;

/// <summary>/proc: the guest's processes and a few facts about the machine; nothing of the host's processes.</summary>
internal sealed class ProcNode : DirectoryNode
{
    /// <summary>Files whose host text is harmless and right for the guest.</summary>
    private static readonly string[] s_hostFiles =
    [
        "meminfo", "uptime", "loadavg", "stat", "version", "filesystems", "vmstat", "devices", "cgroups", "swaps",
    ];

    private ProcNode()
        : base(1)
    {
    }

    public static ProcNode Root { get; } = new();

    public override SyntheticNode? Lookup(ProcessFiles viewer, ReadOnlySpan<byte> name)
    {
        if (name[0] is >= (byte)'0' and <= (byte)'9')
        {
            return int.TryParse(name, null, out int id) && IsVisible(viewer, id) ? new ProcProcessNode(id, isThread: false) : null;
        }

        string text = Encoding.Latin1.GetString(name);
        ulong inode = InodeOf(name);
        return text switch
        {
            "self" => new LinkNode(inode, static _ => Number(ProcText.ProcessId)),
            "thread-self" => new LinkNode(inode, static _ => Encoding.ASCII.GetBytes($"{ProcText.ProcessId}/task/{ProcText.ThreadId}")),
            "mounts" => new LinkNode(inode, static _ => "self/mounts"u8.ToArray()),
            "cpuinfo" => new TextNode(inode, static _ => ProcessorText.Write()),
            "cmdline" => new TextNode(inode, static _ => "jitvmm\n"u8.ToArray()),
            "sys" => new ProcSysNode(""),
            _ => Array.IndexOf(s_hostFiles, text) >= 0 ? new TextNode(inode, _ => HostFile.ReadTrusted(Encoding.ASCII.GetBytes("/proc/" + text))) : null,
        };
    }

    public override void List(ProcessFiles viewer, SyntheticListing listing)
    {
        foreach (string name in (ReadOnlySpan<string>)["self", "thread-self", "mounts"])
        {
            listing.Add(Encoding.ASCII.GetBytes(name), 10, InodeOf(Encoding.ASCII.GetBytes(name)));
        }

        listing.Add("sys"u8, 4, InodeOf("sys"u8));
        listing.Add("cpuinfo"u8, 8, InodeOf("cpuinfo"u8));
        listing.Add("cmdline"u8, 8, InodeOf("cmdline"u8));
        foreach (string name in s_hostFiles)
        {
            listing.Add(Encoding.ASCII.GetBytes(name), 8, InodeOf(Encoding.ASCII.GetBytes(name)));
        }

        foreach (int id in ProcText.HostProcessIds())
        {
            if (IsVisible(viewer, id))
            {
                listing.AddNumber(id, 4, ProcProcessNode.InodeOf(id, 0));
            }
        }
    }

    internal static byte[] Number(long value) => Encoding.ASCII.GetBytes(value.ToString());

    private static bool IsVisible(ProcessFiles viewer, int id) => id == ProcText.ProcessId || viewer.Facts.IsGuestProcess(id);
}

/// <summary>/proc/sys: read-only, and only what programs ask for.</summary>
internal sealed class ProcSysNode(string path) : DirectoryNode(InodeOf(Encoding.ASCII.GetBytes("sys/" + path)))
{
    private static readonly string[] s_files =
    [
        "kernel/ostype", "kernel/osrelease", "kernel/version", "kernel/hostname", "kernel/domainname", "kernel/pid_max",
        "kernel/threads-max", "kernel/cap_last_cap", "kernel/ngroups_max", "kernel/overflowuid", "kernel/overflowgid",
        "kernel/randomize_va_space", "kernel/shmmax", "kernel/shmall", "kernel/shmmni", "kernel/sem", "kernel/msgmax",
        "kernel/msgmnb", "kernel/msgmni", "kernel/random/boot_id", "kernel/random/uuid", "kernel/random/entropy_avail",
        "kernel/random/poolsize", "vm/overcommit_memory", "vm/overcommit_ratio", "vm/max_map_count", "vm/mmap_min_addr",
        "vm/nr_hugepages", "vm/swappiness", "fs/file-max", "fs/nr_open", "fs/pipe-max-size", "fs/inotify/max_user_watches",
        "fs/inotify/max_user_instances", "fs/inotify/max_queued_events", "fs/protected_symlinks", "fs/protected_hardlinks",
        "net/core/somaxconn", "net/ipv4/ip_local_port_range",
    ];

    public override SyntheticNode? Lookup(ProcessFiles viewer, ReadOnlySpan<byte> name)
    {
        string child = path + Encoding.Latin1.GetString(name);
        foreach (string file in s_files)
        {
            if (file == child)
            {
                return new TextNode(InodeOf(Encoding.ASCII.GetBytes("sys/" + child)), _ => HostFile.ReadTrusted(Encoding.ASCII.GetBytes("/proc/sys/" + child)));
            }

            if (file.StartsWith(child + "/", StringComparison.Ordinal))
            {
                return new ProcSysNode(child + "/");
            }
        }

        return null;
    }

    public override void List(ProcessFiles viewer, SyntheticListing listing)
    {
        string? last = null;
        foreach (string file in s_files)
        {
            if (!file.StartsWith(path, StringComparison.Ordinal))
            {
                continue;
            }

            string rest = file[path.Length..];
            int slash = rest.IndexOf('/', StringComparison.Ordinal);
            string name = slash < 0 ? rest : rest[..slash];
            if (name != last)
            {
                last = name;
                listing.Add(Encoding.ASCII.GetBytes(name), slash < 0 ? (byte)8 : (byte)4, InodeOf(Encoding.ASCII.GetBytes("sys/" + path + name)));
            }
        }
    }
}
