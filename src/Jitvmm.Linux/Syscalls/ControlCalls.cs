using Jitvmm.Linux.Files;

namespace Jitvmm.Linux.Syscalls;

/// <summary>fcntl, flock and the calls that push data to the disk.</summary>
internal static unsafe class ControlCalls
{
    private const int LockSize = 32;

    public static void Register(SyscallTable table)
    {
        table.Add(72, "fcntl", "fKx", &Control, SyscallRestart.WithRestartFlag);
        table.Add(73, "flock", "fx", &Lock, SyscallRestart.WithRestartFlag);
        table.Add(74, "fsync", "f", &Synchronize);
        table.Add(75, "fdatasync", "f", &SynchronizeData);
        table.Add(277, "sync_file_range", "fddx", &SynchronizeRange);
        table.Add(306, "syncfs", "f", &SynchronizeFileSystem);
        table.Add(162, "sync", "", &SynchronizeAll);
        table.Add(221, "fadvise64", "fddd", &Advise);
        table.Add(187, "readahead", "fdu", &ReadAhead);
    }

    private static long Control(GuestThread thread, in SyscallArgs args)
    {
        const int DuplicateCommand = 0;
        const int GetDescriptorFlags = 1;
        const int SetDescriptorFlags = 2;
        const int DuplicateCloseOnExec = 1030;
        FileTable table = thread.Files.Table;
        switch (args.Int1)
        {
            case DuplicateCommand or DuplicateCloseOnExec:
                return args.A2 >= (ulong)table.Limit
                    ? table.GetCloseOnExec(args.Int0) < 0 ? -Errno.EBADF : -Errno.EINVAL
                    : table.Duplicate(args.Int0, args.Int2, args.Int1 == DuplicateCloseOnExec);
            case GetDescriptorFlags:
                return table.GetCloseOnExec(args.Int0);
            case SetDescriptorFlags:
                return table.SetCloseOnExec(args.Int0, (args.A2 & 1) != 0);
        }

        OpenFile? file = thread.Acquire(args.Int0);
        if (file == null)
        {
            return -Errno.EBADF;
        }

        long result = Control(thread, file, args.Int1, args.A2);
        file.Release();
        return result;
    }

    private static long Control(GuestThread thread, OpenFile file, int command, ulong argument)
    {
        const int GetFlags = 3;
        const int SetFlags = 4;
        const int GetLock = 5;
        const int SetLock = 6;
        const int SetLockWait = 7;
        const int SetOwner = 8;
        const int GetOwner = 9;
        const int SetSignal = 10;
        const int GetSignal = 11;
        const int SetOwnerExtended = 15;
        const int GetOwnerExtended = 16;
        const int GetOpenLock = 36;
        const int SetOpenLock = 37;
        const int SetOpenLockWait = 38;
        const int SetPipeSize = 1031;
        const int GetPipeSize = 1032;
        const int AddSeals = 1033;
        const int GetSeals = 1034;
        const int GetHint = 1035;
        const int SetFileHint = 1038;
        ulong fd = (ulong)file.HostFd;
        switch (command)
        {
            case GetFlags:
                return HostSyscall.Raw(72, fd, GetFlags);
            case SetFlags or SetPipeSize or GetPipeSize or AddSeals or GetSeals or GetOwner or GetSignal:
                return HostSyscall.Raw(72, fd, (ulong)command, argument);
            case GetLock or GetOpenLock:
                return HostSyscall.Raw(72, fd, (ulong)command, thread.TargetPointer(argument, LockSize));
            case SetLock or SetOpenLock:
                return HostSyscall.Raw(72, fd, (ulong)command, thread.SourcePointer(argument, LockSize));
            case SetLockWait or SetOpenLockWait:
                return HostSyscall.Blocking(thread, 72, fd, (ulong)command, thread.SourcePointer(argument, LockSize));
            case SetOwner:
                return IsOwnTarget(thread, (int)argument) ? HostSyscall.Raw(72, fd, SetOwner, argument) : -Errno.ESRCH;
            case SetSignal:
                return argument <= 64 ? HostSyscall.Raw(72, fd, SetSignal, argument) : -Errno.EINVAL;
            case SetOwnerExtended:
                return SetOwnerOf(thread, file, argument);
            case GetOwnerExtended:
                return HostSyscall.Raw(72, fd, GetOwnerExtended, thread.TargetPointer(argument, 8));
            case >= GetHint and <= SetFileHint:
                return HostSyscall.Raw(72, fd, (ulong)command, thread.TargetPointer(argument, 8));
            default:
                // Leases and directory notifications would send signals for what host processes do.
                return -Errno.EINVAL;
        }
    }

    /// <summary>Whether SIGIO may go there: the kernel would send it to any process of the host's user.</summary>
    private static bool IsOwnTarget(GuestThread thread, int target)
    {
        if (target == 0 || target == ProcText.ProcessId || thread.Files.Facts.IsGuestProcess(target))
        {
            return true;
        }

        return target < 0 && -(long)target == HostSyscall.Raw(121, 0);
    }

    private static long SetOwnerOf(GuestThread thread, OpenFile file, ulong address)
    {
        const int OwnerThread = 0;
        const int OwnerGroup = 2;
        if (!thread.TryRead(address, out ulong owner))
        {
            return -Errno.EFAULT;
        }

        int type = (int)owner;
        int id = (int)(owner >> 32);
        bool isOwn = type switch
        {
            OwnerThread => id == 0 || Array.IndexOf(thread.Files.Facts.ThreadIds, id) >= 0,
            OwnerGroup => id > 0 && IsOwnTarget(thread, -id),
            _ => id >= 0 && IsOwnTarget(thread, id),
        };
        return isOwn ? HostSyscall.Raw(72, (ulong)file.HostFd, 15, (ulong)&owner) : -Errno.ESRCH;
    }

    private static long Lock(GuestThread thread, in SyscallArgs args) => thread.BlockingOn(args.Int0, 73, args.A1);

    private static long Synchronize(GuestThread thread, in SyscallArgs args) => thread.BlockingOn(args.Int0, 74);

    private static long SynchronizeData(GuestThread thread, in SyscallArgs args) => thread.BlockingOn(args.Int0, 75);

    private static long SynchronizeRange(GuestThread thread, in SyscallArgs args) => thread.BlockingOn(args.Int0, 277, args.A1, args.A2, args.A3);

    private static long SynchronizeFileSystem(GuestThread thread, in SyscallArgs args) => thread.BlockingOn(args.Int0, 306);

    private static long SynchronizeAll(GuestThread thread, in SyscallArgs args) => HostSyscall.Blocking(thread, 162);

    private static long Advise(GuestThread thread, in SyscallArgs args) => thread.RawOn(args.Int0, 221, args.A1, args.A2, args.A3);

    private static long ReadAhead(GuestThread thread, in SyscallArgs args) => thread.BlockingOn(args.Int0, 187, args.A1, args.A2);
}
