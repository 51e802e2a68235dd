using System.Buffers;
using System.Text;

namespace Jitvmm.Linux.Files;

/// <summary>The texts of /proc, in the kernel's formats (Documentation/filesystems/proc.rst).</summary>
internal static unsafe class ProcText
{
    private static readonly string[] s_limitNames =
    [
        "Max cpu time|seconds", "Max file size|bytes", "Max data size|bytes", "Max stack size|bytes", "Max core file size|bytes",
        "Max resident set|bytes", "Max processes|processes", "Max open files|files", "Max locked memory|bytes",
        "Max address space|bytes", "Max file locks|locks", "Max pending signals|signals", "Max msgqueue size|bytes",
        "Max nice priority|", "Max realtime priority|", "Max realtime timeout|us",
    ];

    public static int ProcessId => (int)HostSyscall.Raw(39);

    public static int ThreadId => (int)HostSyscall.Raw(186);

    /// <summary>Every process of the host; the caller shows only the guest's.</summary>
    public static List<int> HostProcessIds()
    {
        List<int> ids = [];
        foreach (string path in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(path.AsSpan()), out int id))
            {
                ids.Add(id);
            }
        }

        ids.Sort();
        return ids;
    }

    /// <summary>The host's line with the VMM's name, sizes and addresses replaced.</summary>
    public static byte[] Stat(ProcessFiles viewer, int id, bool isThread)
    {
        string host = HostText(isThread ? $"/proc/self/task/{id}/stat" : $"/proc/{id}/stat");
        int close = host.LastIndexOf(')');
        int open = host.IndexOf('(', StringComparison.Ordinal);
        if (open < 0 || close < open)
        {
            return [];
        }

        bool isOwn = isThread || id == ProcessId;
        string name = isOwn && !isThread ? Encoding.Latin1.GetString(viewer.Facts.CommandName) : host[(open + 1)..close];
        string[] fields = host[(close + 2)..].TrimEnd('\n').Split(' ');

        // Numbered from field 3 (state) of proc(5): 20 threads, 23 virtual size, 26-30 and 45-51 addresses, 35 wait channel.
        Set(fields, 20, isOwn ? (ulong)viewer.Facts.ThreadIds.Length : 1);
        Set(fields, 23, isOwn ? viewer.Facts.MappedBytes : 0);
        foreach (int field in (ReadOnlySpan<int>)[26, 27, 28, 29, 30, 35, 45, 46, 47, 48, 49, 50, 51])
        {
            Set(fields, field, 0);
        }

        return Encoding.Latin1.GetBytes($"{id} ({name}) {string.Join(' ', fields)}\n");
    }

    public static byte[] StatM(ProcessFiles viewer, int id)
    {
        string[] fields = HostText($"/proc/{id}/statm").TrimEnd('\n').Split(' ');
        if (fields.Length < 7)
        {
            return [];
        }

        ulong pages = id == ProcessId ? viewer.Facts.MappedBytes >> 12 : 0;
        return Encoding.ASCII.GetBytes($"{pages} {fields[1]} {fields[2]} 0 0 {pages} 0\n");
    }

    /// <summary>The host's lines, those about memory, threads and signals replaced by the guest's.</summary>
    public static byte[] Status(ProcessFiles viewer, int id, bool isThread)
    {
        StringBuilder text = new();
        IProcessFacts facts = viewer.Facts;
        bool isOwn = isThread || id == ProcessId;
        (ulong blocked, ulong ignored, ulong caught) = isOwn ? facts.SignalSets : default;
        foreach (string line in HostText(isThread ? $"/proc/self/task/{id}/status" : $"/proc/{id}/status").Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            int colon = line.IndexOf(':', StringComparison.Ordinal);
            string? replaced = line[..Math.Max(colon, 0)] switch
            {
                "Name" when isOwn && !isThread => Encoding.Latin1.GetString(facts.CommandName),
                "FDSize" when isOwn => "256",
                "VmPeak" or "VmSize" or "VmData" when isOwn => $"{facts.MappedBytes >> 10,8} kB",
                "Threads" => isOwn ? facts.ThreadIds.Length.ToString() : "1",
                "SigBlk" => $"{blocked:x16}",
                "SigIgn" => $"{ignored:x16}",
                "SigCgt" => $"{caught:x16}",
                "VmExe" or "VmLib" or "VmPTE" or "VmStk" => $"{0,8} kB",
                _ => null,
            };
            text.Append(replaced == null ? line : $"{line[..colon]}:\t{replaced}").Append('\n');
        }

        return Encoding.Latin1.GetBytes(text.ToString());
    }

    public static byte[] Maps(ProcessFiles viewer, bool detailed)
    {
        ArrayBufferWriter<byte> output = new(4096);
        viewer.Facts.WriteMaps(output, detailed);
        return output.WrittenSpan.ToArray();
    }

    public static byte[] Mounts(FileSystemView view)
    {
        StringBuilder text = new();
        for (int i = view.Mounts.Length - 1; i >= 0; i--)
        {
            ViewMount mount = view.Mounts[i];
            text.Append(TypeOf(mount)).Append(' ').Append(Escaped(mount)).Append(' ').Append(TypeOf(mount)).Append(OptionsOf(mount)).Append(" 0 0\n");
        }

        return Encoding.Latin1.GetBytes(text.ToString());
    }

    public static byte[] MountInfo(FileSystemView view)
    {
        StringBuilder text = new();
        for (int i = view.Mounts.Length - 1, id = 20; i >= 0; i--, id++)
        {
            ViewMount mount = view.Mounts[i];
            int parent = id == 20 ? 1 : 20;
            text.Append($"{id} {parent} 0:{id} / {Escaped(mount)}{OptionsOf(mount)} - {TypeOf(mount)} {TypeOf(mount)}{OptionsOf(mount)}\n");
        }

        return Encoding.Latin1.GetBytes(text.ToString());
    }

    public static byte[] Limits(IProcessFacts facts)
    {
        StringBuilder text = new("Limit                     Soft Limit           Hard Limit           Units     \n");
        for (int resource = 0; resource < s_limitNames.Length; resource++)
        {
            string[] parts = s_limitNames[resource].Split('|');
            (ulong soft, ulong hard) = facts.ResourceLimit(resource);
            text.Append($"{parts[0],-25} {Amount(soft),-20} {Amount(hard),-20} {parts[1],-10}\n");
        }

        return Encoding.ASCII.GetBytes(text.ToString());
    }

    public static byte[] DescriptorInformation(ProcessFiles viewer, int fd)
    {
        OpenFile? file = viewer.Table.Acquire(fd);
        if (file == null)
        {
            return [];
        }

        byte[] text = HostFile.ReadTrusted(Encoding.ASCII.GetBytes($"/proc/self/fdinfo/{file.HostFd}"));
        file.Release();

        // Only position and flags: an epoll's further lines name host descriptors.
        string kept = string.Join('\n', Encoding.ASCII.GetString(text).Split('\n').Take(2));
        return Encoding.ASCII.GetBytes(kept + "\nmnt_id:\t20\n");
    }

    private static void Set(string[] fields, int number, ulong value)
    {
        if (number - 3 < fields.Length)
        {
            fields[number - 3] = value.ToString();
        }
    }

    private static string HostText(string path) => Encoding.Latin1.GetString(HostFile.ReadTrusted(Encoding.ASCII.GetBytes(path)));

    private static string Amount(ulong value) => value == ulong.MaxValue ? "unlimited" : value.ToString();

    private static string OptionsOf(ViewMount mount) => mount.IsWritable ? " rw,relatime" : " ro,relatime";

    private static string TypeOf(ViewMount mount) => mount.Tree switch
    {
        null => mount.GuestPath.Length == 0 ? "ext4" : "tmpfs",
        ProcNode => "proc",
        DevNode => "devtmpfs",
        _ => "sysfs",
    };

    private static string Escaped(ViewMount mount) =>
        Encoding.Latin1.GetString(GuestPath.Display(mount.GuestPath)).Replace("\\", "\\134", StringComparison.Ordinal)
            .Replace(" ", "\\040", StringComparison.Ordinal).Replace("\t", "\\011", StringComparison.Ordinal).Replace("\n", "\\012", StringComparison.Ordinal);
}
