using System.Runtime.CompilerServices;
using Jitvmm.Linux.Files;

namespace Jitvmm.Linux.Syscalls;

/// <summary>System calls that make and close descriptors of named files, and duplicate any.</summary>
internal static unsafe class OpenCalls
{
    private const uint CloseRangeUnshare = 2;
    private const uint CloseRangeCloseOnExec = 4;

    public static void Register(SyscallTable table)
    {
        table.Add(2, "open", "sOo", &Open, SyscallRestart.WithRestartFlag);
        table.Add(257, "openat", "fsOo", &OpenAt, SyscallRestart.WithRestartFlag);
        table.Add(437, "openat2", "fspu", &OpenAt2, SyscallRestart.WithRestartFlag);
        table.Add(85, "creat", "so", &Create, SyscallRestart.WithRestartFlag);
        table.Add(3, "close", "f", &Close);
        table.Add(436, "close_range", "uux", &CloseRange);
        table.Add(32, "dup", "f", &Duplicate);
        table.Add(33, "dup2", "ff", &DuplicateTo);
        table.Add(292, "dup3", "ffO", &DuplicateWithFlags);
    }

    private static long Open(GuestThread thread, in SyscallArgs args) => Open(thread, OpenFlags.AtFdCwd, args.A0, args.Int1, (uint)args.A2);

    private static long OpenAt(GuestThread thread, in SyscallArgs args) => Open(thread, args.Int0, args.A1, args.Int2, (uint)args.A3);

    private static long Create(GuestThread thread, in SyscallArgs args) =>
        Open(thread, OpenFlags.AtFdCwd, args.A0, OpenFlags.WriteOnly | OpenFlags.Create | OpenFlags.Truncate, (uint)args.A1);

    private static long OpenAt2(GuestThread thread, in SyscallArgs args)
    {
        // The view is walked by its own rules; of RESOLVE_ only what they already ensure can be promised.
        const ulong Supported = OpenFlags.ResolveNoMagicLinks | OpenFlags.ResolveNoXdev;
        if (args.A3 < (ulong)sizeof(OpenHow))
        {
            return -Errno.EINVAL;
        }

        if (!thread.TryRead(args.A2, out OpenHow how))
        {
            return -Errno.EFAULT;
        }

        if (args.A3 > (ulong)sizeof(OpenHow))
        {
            return -Errno.E2BIG;
        }

        bool makes = (how.Flags & (OpenFlags.Create | OpenFlags.TemporaryFileBit)) != 0;
        if ((how.Flags & ~(ulong)OpenFlags.Valid) != 0 || (how.Mode & ~0xffful) != 0 || (how.Mode != 0 && !makes))
        {
            return -Errno.EINVAL;
        }

        return (how.Resolve & ~Supported) != 0 ? -Errno.ENOSYS : Open(thread, args.Int0, args.A1, (int)how.Flags, (uint)how.Mode);
    }

    [SkipLocalsInit]
    private static long Open(GuestThread thread, int directory, ulong pathAddress, int flags, uint mode)
    {
        Span<byte> buffer = stackalloc byte[GuestThread.PathMax];
        int length = thread.TryReadString(pathAddress, buffer);
        if (length < 0)
        {
            return length;
        }

        ReadOnlySpan<byte> path = buffer[..length];
        OpenFile? start = thread.AcquireStart(directory, path, out int error);
        if (error < 0)
        {
            return error;
        }

        error = thread.Files.Open(start, path, flags, mode, thread, out OpenFile? file);
        start?.Release();
        if (error < 0)
        {
            return error;
        }

        if (file!.Kind == FileKind.Device)
        {
            thread.Files.Terminals.AddMaster(file.HostFd);
        }

        return thread.Files.Table.Install(file, (flags & OpenFlags.CloseOnExec) != 0);
    }

    private static long Close(GuestThread thread, in SyscallArgs args) => thread.Files.Table.Close(args.Int0);

    private static long CloseRange(GuestThread thread, in SyscallArgs args)
    {
        uint first = (uint)args.A0;
        uint last = (uint)args.A1;
        uint flags = (uint)args.A2;
        if (first > last || (flags & ~(CloseRangeUnshare | CloseRangeCloseOnExec)) != 0)
        {
            return -Errno.EINVAL;
        }

        if ((flags & CloseRangeCloseOnExec) != 0)
        {
            thread.Files.Table.MarkRangeCloseOnExec(first, last);
        }
        else
        {
            thread.Files.Table.CloseRange(first, last);
        }

        return 0;
    }

    private static long Duplicate(GuestThread thread, in SyscallArgs args) => thread.Files.Table.Duplicate(args.Int0, 0, closeOnExec: false);

    private static long DuplicateTo(GuestThread thread, in SyscallArgs args)
    {
        if (args.Int0 != args.Int1)
        {
            return thread.Files.Table.DuplicateTo(args.Int0, args.Int1, closeOnExec: false);
        }

        int error = thread.Files.Table.GetCloseOnExec(args.Int0);
        return error < 0 ? error : args.Int0;
    }

    private static long DuplicateWithFlags(GuestThread thread, in SyscallArgs args) =>
        args.Int0 == args.Int1 || (args.Int2 & ~OpenFlags.CloseOnExec) != 0
            ? -Errno.EINVAL
            : thread.Files.Table.DuplicateTo(args.Int0, args.Int1, args.Int2 != 0);
}
