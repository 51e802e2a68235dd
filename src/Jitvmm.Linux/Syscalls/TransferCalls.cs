using Jitvmm.Linux.Files;

namespace Jitvmm.Linux.Syscalls;

/// <summary>System calls that move bytes through descriptors.</summary>
internal static unsafe class TransferCalls
{
    private const int MaximumVectors = 1024;

    public static void Register(SyscallTable table)
    {
        table.Add(0, "read", "fpu", &Read, SyscallRestart.WithRestartFlag);
        table.Add(1, "write", "fbu", &Write, SyscallRestart.WithRestartFlag);
        table.Add(17, "pread64", "fpud", &ReadAt, SyscallRestart.WithRestartFlag);
        table.Add(18, "pwrite64", "fbud", &WriteAt, SyscallRestart.WithRestartFlag);
        table.Add(19, "readv", "fpu", &ReadVector, SyscallRestart.WithRestartFlag);
        table.Add(20, "writev", "fpu", &WriteVector, SyscallRestart.WithRestartFlag);
        table.Add(295, "preadv", "fpud", &ReadVectorAt, SyscallRestart.WithRestartFlag);
        table.Add(296, "pwritev", "fpud", &WriteVectorAt, SyscallRestart.WithRestartFlag);
        table.Add(327, "preadv2", "fpuddx", &ReadVectorWithFlags, SyscallRestart.WithRestartFlag);
        table.Add(328, "pwritev2", "fpuddx", &WriteVectorWithFlags, SyscallRestart.WithRestartFlag);
        table.Add(8, "lseek", "fdE", &Seek);
        table.Add(40, "sendfile", "ffpu", &SendFile, SyscallRestart.WithRestartFlag);
        table.Add(275, "splice", "fpfpux", &Splice, SyscallRestart.WithRestartFlag);
        table.Add(276, "tee", "ffux", &Tee, SyscallRestart.WithRestartFlag);
        table.Add(278, "vmsplice", "fpux", &SpliceMemory, SyscallRestart.WithRestartFlag);
        table.Add(326, "copy_file_range", "fpfpux", &CopyRange, SyscallRestart.WithRestartFlag);
    }

    private static long Read(GuestThread thread, in SyscallArgs args) =>
        thread.BlockingOn(args.Int0, 0, thread.TargetPointer(args.A1, args.A2), args.A2);

    private static long Write(GuestThread thread, in SyscallArgs args) =>
        thread.BlockingOn(args.Int0, 1, thread.SourcePointer(args.A1, args.A2), args.A2);

    private static long ReadAt(GuestThread thread, in SyscallArgs args) =>
        thread.BlockingOn(args.Int0, 17, thread.TargetPointer(args.A1, args.A2), args.A2, args.A3);

    private static long WriteAt(GuestThread thread, in SyscallArgs args) =>
        thread.BlockingOn(args.Int0, 18, thread.SourcePointer(args.A1, args.A2), args.A2, args.A3);

    private static long ReadVector(GuestThread thread, in SyscallArgs args) => Vector(thread, 19, in args, writesMemory: true);

    private static long WriteVector(GuestThread thread, in SyscallArgs args) => Vector(thread, 20, in args, writesMemory: false);

    private static long ReadVectorAt(GuestThread thread, in SyscallArgs args) => Vector(thread, 295, in args, writesMemory: true);

    private static long WriteVectorAt(GuestThread thread, in SyscallArgs args) => Vector(thread, 296, in args, writesMemory: false);

    private static long ReadVectorWithFlags(GuestThread thread, in SyscallArgs args) => Vector(thread, 327, in args, writesMemory: true);

    private static long WriteVectorWithFlags(GuestThread thread, in SyscallArgs args) => Vector(thread, 328, in args, writesMemory: false);

    private static long Vector(GuestThread thread, long number, in SyscallArgs args, bool writesMemory)
    {
        if (args.A2 > MaximumVectors)
        {
            return -Errno.EINVAL;
        }

        HostVector* vectors = stackalloc HostVector[(int)args.A2];
        int error = HostVector.Read(thread, args.A1, (int)args.A2, vectors, writesMemory);
        return error < 0 ? error : thread.BlockingOn(args.Int0, number, (ulong)vectors, args.A2, args.A3, args.A4, args.A5);
    }

    private static long Seek(GuestThread thread, in SyscallArgs args)
    {
        OpenFile? file = thread.Acquire(args.Int0);
        if (file == null)
        {
            return -Errno.EBADF;
        }

        long result;
        if (file.Detail is SyntheticListing listing)
        {
            result = args.Int2 == 0 && args.A1 == 0 ? Rewind(thread, listing) : args.Int2 == 0 ? listing.Seek((long)args.A1) : -Errno.EINVAL;
        }
        else
        {
            result = HostFile.Seek(file.HostFd, (long)args.A1, args.Int2);
        }

        file.Release();
        return result;
    }

    private static long Rewind(GuestThread thread, SyntheticListing listing)
    {
        listing.Rewind(thread.Files);
        return 0;
    }

    private static long SendFile(GuestThread thread, in SyscallArgs args)
    {
        OpenFile? input = thread.Acquire(args.Int1);
        if (input == null)
        {
            return -Errno.EBADF;
        }

        ulong offset = args.A2 == 0 ? 0 : thread.TargetPointer(args.A2, 8);
        long result = thread.BlockingOn(args.Int0, 40, (ulong)input.HostFd, offset, args.A3);
        input.Release();
        return result;
    }

    private static long Splice(GuestThread thread, in SyscallArgs args) => BetweenTwo(thread, 275, in args);

    private static long CopyRange(GuestThread thread, in SyscallArgs args) => BetweenTwo(thread, 326, in args);

    /// <summary>Calls of the form (fd, offset, fd, offset, length, flags).</summary>
    private static long BetweenTwo(GuestThread thread, long number, in SyscallArgs args)
    {
        OpenFile? output = thread.Acquire(args.Int2);
        if (output == null)
        {
            return -Errno.EBADF;
        }

        ulong from = args.A1 == 0 ? 0 : thread.TargetPointer(args.A1, 8);
        ulong to = args.A3 == 0 ? 0 : thread.TargetPointer(args.A3, 8);
        long result = thread.BlockingOn(args.Int0, number, from, (ulong)output.HostFd, to, args.A4, args.A5);
        output.Release();
        return result;
    }

    private static long Tee(GuestThread thread, in SyscallArgs args)
    {
        OpenFile? output = thread.Acquire(args.Int1);
        if (output == null)
        {
            return -Errno.EBADF;
        }

        long result = thread.BlockingOn(args.Int0, 276, (ulong)output.HostFd, args.A2, args.A3);
        output.Release();
        return result;
    }

    private static long SpliceMemory(GuestThread thread, in SyscallArgs args)
    {
        if (args.A2 > MaximumVectors)
        {
            return -Errno.EINVAL;
        }

        // The kernel reads or writes the memory by the pipe's end: treat it as written.
        HostVector* vectors = stackalloc HostVector[(int)args.A2];
        int error = HostVector.Read(thread, args.A1, (int)args.A2, vectors, writesMemory: true);
        return error < 0 ? error : thread.BlockingOn(args.Int0, 278, (ulong)vectors, args.A2, args.A3);
    }
}
