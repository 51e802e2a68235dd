using System.Text;

namespace Jitvmm.Linux.Files;

/// <summary>/proc/PID and /proc/PID/task/TID. Everything is shown of the process itself, little of other guest processes.</summary>
internal sealed class ProcProcessNode(int id, bool isThread) : DirectoryNode(InodeOf(id, isThread ? 200 : 0))
{
    /// <summary>What is shown of every guest process.</summary>
    private static readonly string[] s_common = ["stat", "statm", "status", "cmdline", "comm"];

    /// <summary>What is shown of the process that looks.</summary>
    private static readonly string[] s_own =
    [
        "maps", "smaps", "environ", "auxv", "mounts", "mountinfo", "limits", "cgroup", "oom_score_adj", "oom_score", "loginuid",
        "personality", "coredump_filter", "uid_map", "gid_map", "setgroups", "wchan", "timerslack_ns",
    ];

    private bool IsOwn => isThread || id == ProcText.ProcessId;

    public static ulong InodeOf(int id, int item) => 0x2_0000_0000 | ((ulong)(uint)id << 8) | (uint)item;

    public override SyntheticNode? Lookup(ProcessFiles viewer, ReadOnlySpan<byte> name)
    {
        string text = Encoding.Latin1.GetString(name);
        int index = Array.IndexOf(s_common, text);
        if (index >= 0)
        {
            return Text(text, 1 + index, 0x124);
        }

        if (!IsOwn)
        {
            return null;
        }

        index = Array.IndexOf(s_own, text);
        if (index >= 0)
        {
            uint permissions = text switch
            {
                "oom_score_adj" or "coredump_filter" or "timerslack_ns" => 0x1a4u,
                "environ" or "auxv" => 0x100u,
                _ => 0x124u,
            };
            return Text(text, 20 + index, permissions);
        }

        return text switch
        {
            "exe" => new LinkNode(InodeOf(id, 60), static viewer => viewer.Facts.ExecutablePath),
            "cwd" => new LinkNode(InodeOf(id, 61), DescribeCurrent, static viewer => viewer.AcquireCurrent()),
            "root" => new LinkNode(InodeOf(id, 62), static _ => "/"u8.ToArray()),
            "fd" => new ProcDescriptorsNode(id, isInformation: false),
            "fdinfo" => new ProcDescriptorsNode(id, isInformation: true),
            "task" when !isThread => new ProcTasksNode(id),
            _ => null,
        };
    }

    public override void List(ProcessFiles viewer, SyntheticListing listing)
    {
        foreach (string name in s_common)
        {
            listing.Add(Encoding.ASCII.GetBytes(name), 8, 1);
        }

        if (!IsOwn)
        {
            return;
        }

        foreach (string name in s_own)
        {
            listing.Add(Encoding.ASCII.GetBytes(name), 8, 2);
        }

        listing.Add("exe"u8, 10, InodeOf(id, 60));
        listing.Add("cwd"u8, 10, InodeOf(id, 61));
        listing.Add("root"u8, 10, InodeOf(id, 62));
        listing.Add("fd"u8, 4, InodeOf(id, 63));
        listing.Add("fdinfo"u8, 4, InodeOf(id, 64));
        if (!isThread)
        {
            listing.Add("task"u8, 4, InodeOf(id, 65));
        }
    }

    private static byte[] DescribeCurrent(ProcessFiles viewer)
    {
        OpenFile current = viewer.AcquireCurrent();
        byte[] path = viewer.View.Describe(current);
        current.Release();
        return path;
    }

    private TextNode Text(string name, int item, uint permissions) => new(InodeOf(id, item), viewer => Contents(viewer, name), permissions);

    private byte[] Contents(ProcessFiles viewer, string name) => name switch
    {
        "stat" => ProcText.Stat(viewer, id, isThread),
        "statm" => ProcText.StatM(viewer, id),
        "status" => ProcText.Status(viewer, id, isThread),
        "cmdline" => viewer.Facts.CommandLineOf(isThread ? ProcText.ProcessId : id),
        "comm" => IsOwn && !isThread ? [.. viewer.Facts.CommandName, (byte)'\n'] : HostFile.ReadTrusted(Encoding.ASCII.GetBytes($"/proc/{id}/comm")),
        "maps" => ProcText.Maps(viewer, detailed: false),
        "smaps" => ProcText.Maps(viewer, detailed: true),
        "environ" => viewer.Facts.InitialEnvironment,
        "auxv" => viewer.Facts.AuxiliaryVector,
        "mounts" => ProcText.Mounts(viewer.View),
        "mountinfo" => ProcText.MountInfo(viewer.View),
        "limits" => ProcText.Limits(viewer.Facts),
        "cgroup" => "0::/\n"u8.ToArray(),
        "loginuid" => "4294967295"u8.ToArray(),
        "personality" => "00000000\n"u8.ToArray(),
        "coredump_filter" => "00000033\n"u8.ToArray(),
        "timerslack_ns" => "50000\n"u8.ToArray(),
        "uid_map" or "gid_map" => "         0          0 4294967295\n"u8.ToArray(),
        "setgroups" => "allow\n"u8.ToArray(),
        _ => "0\n"u8.ToArray(),
    };
}

/// <summary>/proc/self/task.</summary>
internal sealed class ProcTasksNode(int id) : DirectoryNode(ProcProcessNode.InodeOf(id, 65))
{
    public override SyntheticNode? Lookup(ProcessFiles viewer, ReadOnlySpan<byte> name) =>
        int.TryParse(name, null, out int thread) && Array.IndexOf(viewer.Facts.ThreadIds, thread) >= 0 ? new ProcProcessNode(thread, isThread: true) : null;

    public override void List(ProcessFiles viewer, SyntheticListing listing)
    {
        foreach (int thread in viewer.Facts.ThreadIds)
        {
            listing.AddNumber(thread, 4, ProcProcessNode.InodeOf(thread, 200));
        }
    }
}

/// <summary>/proc/self/fd and fdinfo: the guest's own numbers.</summary>
internal sealed class ProcDescriptorsNode(int id, bool isInformation) : DirectoryNode(ProcProcessNode.InodeOf(id, isInformation ? 64 : 63))
{
    public override uint Mode => HostStat.TypeDirectory | 0x140;

    public override SyntheticNode? Lookup(ProcessFiles viewer, ReadOnlySpan<byte> name)
    {
        if (name[0] is < (byte)'0' or > (byte)'9' || !int.TryParse(name, null, out int fd))
        {
            return null;
        }

        OpenFile? file = viewer.Table.Acquire(fd);
        if (file == null)
        {
            return null;
        }

        file.Release();
        ulong inode = 0x3_0000_0000 | ((ulong)(uint)id << 8) + (uint)fd;
        return isInformation
            ? new TextNode(inode, files => ProcText.DescriptorInformation(files, fd))
            : new LinkNode(inode, files => Describe(files, fd), files => files.Table.Acquire(fd));
    }

    public override void List(ProcessFiles viewer, SyntheticListing listing)
    {
        foreach (int fd in viewer.Table.OpenNumbers())
        {
            listing.AddNumber(fd, isInformation ? (byte)8 : (byte)10, 0x3_0000_0000 | ((ulong)(uint)id << 8) + (uint)fd);
        }
    }

    private static byte[] Describe(ProcessFiles viewer, int fd)
    {
        OpenFile? file = viewer.Table.Acquire(fd);
        if (file == null)
        {
            return [];
        }

        byte[] path = viewer.View.Describe(file);
        file.Release();
        return path;
    }
}
