using System.Buffers;
using System.Buffers.Text;
using Jitvmm.Linux.Files;
using Jitvmm.Linux.Loading;
using Jitvmm.Linux.Mappings;
using Jitvmm.Runtime.Host;
using Jitvmm.Runtime.Memory;

namespace Jitvmm.Linux;

/// <content>What /proc shows of the process.</content>
public sealed unsafe partial class LinuxProcess : IProcessFacts
{
    private const int CommandNameSize = 16;
    private const int PathColumn = 73;
    private const long SysReadProcess = 310;

    /// <summary>Longest arguments or environment exec takes.</summary>
    private const ulong MaxStrings = 16 << 20;

    /// <summary>The guest's resource limits.</summary>
    public ResourceLimits Limits { get; } = new();

    public byte[] ExecutablePath => Program?.Path ?? [];

    public byte[] CommandName { get; private set; } = [];

    public byte[] InitialEnvironment => Program == null ? [] : ReadMemory(Pid, Program.Environment);

    public byte[] AuxiliaryVector => Program?.AuxiliaryVector ?? [];

    public ulong MappedBytes => Map.TotalBytes;

    public (ulong Blocked, ulong Ignored, ulong Caught) SignalSets
    {
        get
        {
            (ulong ignored, ulong caught) = Dispositions.Masks();
            return (_mainThread?.SignalMask ?? 0, ignored, caught);
        }
    }

    (ulong Soft, ulong Hard) IProcessFacts.ResourceLimit(int resource) =>
        (uint)resource < ResourceLimits.Count ? (Limits[resource].Soft, Limits[resource].Hard) : (ulong.MaxValue, ulong.MaxValue);

    public bool IsGuestProcess(int processId) => Session.Contains(processId);

    public byte[] CommandLineOf(int processId)
    {
        GuestRange arguments = processId == Pid ? Program?.Arguments ?? default : Session.ArgumentsOf(processId);
        byte[] text = ReadMemory(processId, arguments);
        if (text.Length == 0 || text[^1] == 0)
        {
            return text;
        }

        // The closing zero is overwritten: setproctitle(3), whose text goes on over the environment.
        text = ReadMemory(processId, arguments with { Length = AddressSpace.PageSize });
        int end = text.AsSpan().IndexOf((byte)0);
        return end < 0 ? text : text[..(end + 1)];
    }

    public void WriteMaps(IBufferWriter<byte> output, bool detailed)
    {
        foreach (Vma area in Map.Snapshot())
        {
            WriteArea(output, area);
            if (detailed)
            {
                WriteDetails(output, area);
            }
        }
    }

    /// <summary>PR_SET_NAME: also the host process's name, so that the host's tools show the guest's.</summary>
    internal void SetCommandName(ReadOnlySpan<byte> name)
    {
        name = name[..Math.Min(name.Length, CommandNameSize - 1)];
        CommandName = name.ToArray();
        byte* buffer = stackalloc byte[CommandNameSize];
        new Span<byte>(buffer, CommandNameSize).Clear();
        name.CopyTo(new Span<byte>(buffer, CommandNameSize));
        _ = HostCalls.Raw(157, 15, (ulong)buffer);
    }

    /// <summary>What is in guest memory of a process of the session now; empty when the host does not let it be read.</summary>
    private byte[] ReadMemory(int processId, GuestRange range)
    {
        if (range.Length is 0 or > MaxStrings || !AddressSpace.InWindow(range.Start, range.Length))
        {
            return [];
        }

        byte[] bytes = new byte[range.Length];
        fixed (byte* to = bytes)
        {
            // SAFETY: every process of the session is a fork of one, so its window is where this one's is.
            ulong* local = stackalloc ulong[2] { (ulong)to, range.Length };
            ulong* remote = stackalloc ulong[2] { (ulong)Memory.HostBase + range.Start, range.Length };
            long count = HostCalls.Raw(SysReadProcess, (ulong)processId, (ulong)local, 1, (ulong)remote, 1);
            return count < 0 ? [] : bytes[..(int)count];
        }
    }

    /// <summary>proc_pid_maps(5): address perms offset dev inode path.</summary>
    private static void WriteArea(IBufferWriter<byte> output, Vma area)
    {
        int pathLength = area.File?.Path.Length ?? 0;
        Span<byte> line = output.GetSpan(PathColumn + pathLength + 64);
        int at = AppendHex(line, 0, area.Start, 8);
        line[at++] = (byte)'-';
        at = AppendHex(line, at, area.End, 8);
        line[at++] = (byte)' ';
        line[at++] = (byte)((area.Access & PageAccess.Read) != 0 ? 'r' : '-');
        line[at++] = (byte)((area.Access & PageAccess.Write) != 0 ? 'w' : '-');
        line[at++] = (byte)((area.Access & PageAccess.Execute) != 0 ? 'x' : '-');
        line[at++] = (byte)(area.IsShared ? 's' : 'p');
        line[at++] = (byte)' ';
        at = AppendHex(line, at, area.File is { Inode: not 0 } ? area.Offset : 0, 8);
        line[at++] = (byte)' ';
        ulong device = area.File?.Device ?? 0;
        at = AppendHex(line, at, device >> 8 & 0xfff, 2);
        line[at++] = (byte)':';
        at = AppendHex(line, at, (device & 0xff) | (device >> 12 & 0xfff00), 2);
        line[at++] = (byte)' ';
        Utf8Formatter.TryFormat(area.File?.Inode ?? 0, line[at..], out int digits);
        at += digits;
        line[at++] = (byte)' ';
        if (pathLength > 0)
        {
            while (at < PathColumn)
            {
                line[at++] = (byte)' ';
            }

            foreach (char c in area.File!.Path)
            {
                line[at++] = (byte)c;
            }
        }

        line[at++] = (byte)'\n';
        output.Advance(at);
    }

    private static void WriteDetails(IBufferWriter<byte> output, Vma area)
    {
        WriteField(output, "Size:           "u8, area.Length >> 10);
        WriteField(output, "KernelPageSize: "u8, 4);
        WriteField(output, "MMUPageSize:    "u8, 4);
        WriteField(output, "Rss:            "u8, 0);
        WriteField(output, "Pss:            "u8, 0);
    }

    private static void WriteField(IBufferWriter<byte> output, ReadOnlySpan<byte> name, ulong value)
    {
        Span<byte> line = output.GetSpan(name.Length + 32);
        name.CopyTo(line);
        Utf8Formatter.TryFormat(value, line[name.Length..], out int digits);
        " kB\n"u8.CopyTo(line[(name.Length + digits)..]);
        output.Advance(name.Length + digits + 4);
    }

    private static int AppendHex(Span<byte> line, int at, ulong value, int minimum)
    {
        Utf8Formatter.TryFormat(value, line[at..], out int digits, new StandardFormat('x', (byte)minimum));
        return at + digits;
    }
}
