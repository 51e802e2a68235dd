using System.Runtime.CompilerServices;
using Jitvmm.Linux.Files;

namespace Jitvmm.Linux.Syscalls;

/// <summary>
/// Sockets. Local ones live in the guest's view. Without the host's network the others can be made, as in an
/// empty network name space, but reach nothing; the family is asked of the host each time, so no way of
/// passing a descriptor around forgets it.
/// </summary>
internal static unsafe class SocketCalls
{
    internal const int CloseOnExec = 0x80000;
    private const int NonBlocking = 0x800;
    private const int TypeMask = 0xf;
    private const int TypeRaw = 3;
    private const int LevelSocket = 1;
    private const int OptionDomain = 39;

    public static void Register(SyscallTable table)
    {
        table.Add(41, "socket", "NTd", &Create);
        table.Add(53, "socketpair", "NTdp", &CreatePair);
        table.Add(49, "bind", "fpu", &Bind);
        table.Add(42, "connect", "fpu", &Connect, SyscallRestart.WithRestartFlag);
        table.Add(50, "listen", "fd", &Listen);
        table.Add(43, "accept", "fpp", &Accept, SyscallRestart.WithRestartFlag);
        table.Add(288, "accept4", "fppx", &AcceptWithFlags, SyscallRestart.WithRestartFlag);
        table.Add(51, "getsockname", "fpp", &GetName);
        table.Add(52, "getpeername", "fpp", &GetPeer);
        table.Add(48, "shutdown", "fd", &Shutdown);
        table.Add(54, "setsockopt", "fddpu", &SetOption);
        table.Add(55, "getsockopt", "fddpp", &GetOption);
    }

    /// <summary>Whether the socket's family needs a network the guest does not have.</summary>
    internal static bool IsCutOff(GuestThread thread, OpenFile socket) =>
        !thread.Files.View.Options.HasNetwork && FamilyOf(socket) is not (SocketAddress.FamilyLocal or < 0);

    /// <summary>The socket's family, or a negated errno.</summary>
    internal static int FamilyOf(OpenFile socket)
    {
        int family;
        int length = sizeof(int);
        long error = HostSyscall.Raw(55, (ulong)socket.HostFd, LevelSocket, OptionDomain, (ulong)&family, (ulong)&length);
        return error < 0 ? (int)error : family;
    }

    private static long Create(GuestThread thread, in SyscallArgs args)
    {
        const int RouteProtocol = 0;
        int family = args.Int0;
        ViewOptions options = thread.Files.View.Options;
        int error = family switch
        {
            SocketAddress.FamilyLocal => 0,
            SocketAddress.FamilyInternet or SocketAddress.FamilyInternet6 => (args.Int1 & TypeMask) == TypeRaw && !options.ShareAll ? -Errno.EPERM : 0,
            SocketAddress.FamilyNetlink when options.HasNetwork => args.Int2 == RouteProtocol || options.ShareAll ? 0 : -Errno.EPROTONOSUPPORT,
            _ => options.ShareAll ? 0 : -Errno.EAFNOSUPPORT,
        };
        if (error < 0)
        {
            return error;
        }

        long fd = HostSyscall.Raw(41, args.A0, (ulong)(args.Int1 | CloseOnExec), args.A2);
        return fd < 0 ? fd : Install(thread, (int)fd, args.Int1, new SocketNames());
    }

    private static long Install(GuestThread thread, int hostFd, int flags, SocketNames names)
    {
        OpenFile file = new(hostFd, FileKind.Socket) { MayChangeInode = true, Detail = names };
        return thread.Files.Table.Install(file, (flags & CloseOnExec) != 0);
    }

    private static long CreatePair(GuestThread thread, in SyscallArgs args)
    {
        if (args.Int0 != SocketAddress.FamilyLocal)
        {
            return args.Int0 is SocketAddress.FamilyInternet or SocketAddress.FamilyInternet6 ? -Errno.EOPNOTSUPP : -Errno.EAFNOSUPPORT;
        }

        int* ends = stackalloc int[2];
        long error = HostSyscall.Raw(53, args.A0, (ulong)(args.Int1 | CloseOnExec), args.A2, (ulong)ends);
        return error < 0 ? error : DescriptorCalls.InstallPair(thread, args.A3, ends, FileKind.Socket, args.Int1);
    }

    [SkipLocalsInit]
    private static long Bind(GuestThread thread, in SyscallArgs args)
    {
        OpenFile? socket = thread.Acquire(args.Int0);
        if (socket == null)
        {
            return -Errno.EBADF;
        }

        SocketAddress address = new(stackalloc byte[SocketAddress.BufferSize]);
        long error = address.Read(thread, args.A1, (uint)args.A2);
        if (error == 0)
        {
            error = IsCutOff(thread, socket) ? -Errno.EADDRNOTAVAIL : address.ResolveNew(thread);
        }

        if (error == 0)
        {
            fixed (byte* bytes = address.Bytes)
            {
                error = HostSyscall.Raw(49, (ulong)socket.HostFd, (ulong)bytes, (ulong)address.Length);
            }
        }

        if (error == 0 && socket.Detail is SocketNames names)
        {
            names.Local = address.Path;
        }

        address.Dispose();
        socket.Release();
        return error;
    }

    [SkipLocalsInit]
    private static long Connect(GuestThread thread, in SyscallArgs args)
    {
        OpenFile? socket = thread.Acquire(args.Int0);
        if (socket == null)
        {
            return -Errno.EBADF;
        }

        SocketAddress address = new(stackalloc byte[SocketAddress.BufferSize]);
        long error = address.Read(thread, args.A1, (uint)args.A2);
        if (error == 0)
        {
            error = IsCutOff(thread, socket) ? -Errno.ENETUNREACH : address.ResolveExisting(thread);
        }

        if (error == 0)
        {
            fixed (byte* bytes = address.Bytes)
            {
                error = HostSyscall.Blocking(thread, 42, (ulong)socket.HostFd, (ulong)bytes, (ulong)address.Length);
            }
        }

        if (error == 0 && socket.Detail is SocketNames names)
        {
            names.Peer = address.Path;
        }

        address.Dispose();
        socket.Release();
        return error;
    }

    private static long Listen(GuestThread thread, in SyscallArgs args)
    {
        OpenFile? socket = thread.Acquire(args.Int0);
        if (socket == null)
        {
            return -Errno.EBADF;
        }

        // Listening without a name would take a port of the host's.
        long error = IsCutOff(thread, socket) ? -Errno.EADDRNOTAVAIL : HostSyscall.Raw(50, (ulong)socket.HostFd, args.A1);
        socket.Release();
        return error;
    }

    private static long Accept(GuestThread thread, in SyscallArgs args) => Accept(thread, in args, 0);

    private static long AcceptWithFlags(GuestThread thread, in SyscallArgs args) =>
        (args.Int3 & ~(CloseOnExec | NonBlocking)) != 0 ? -Errno.EINVAL : Accept(thread, in args, args.Int3);

    private static long Accept(GuestThread thread, in SyscallArgs args, int flags)
    {
        OpenFile? socket = thread.Acquire(args.Int0);
        if (socket == null)
        {
            return -Errno.EBADF;
        }

        byte* address = stackalloc byte[SocketAddress.Size];
        int length = SocketAddress.Size;
        long fd = HostSyscall.Blocking(thread, 288, (ulong)socket.HostFd, (ulong)address, (ulong)&length, (ulong)(flags | CloseOnExec));
        byte[]? local = (socket.Detail as SocketNames)?.Local;
        socket.Release();
        if (fd < 0)
        {
            return fd;
        }

        long error = args.A1 == 0 ? 0 : WriteAddress(thread, new Span<byte>(address, SocketAddress.Size), length, null, args.A1, args.A2);
        if (error < 0)
        {
            HostFile.Close((int)fd);
            return error;
        }

        return Install(thread, (int)fd, flags, new SocketNames { Local = local });
    }

    /// <summary>Gives the guest an address the host wrote, as much as fits, and its full length.</summary>
    internal static long WriteAddress(GuestThread thread, Span<byte> bytes, int length, byte[]? known, ulong target, ulong lengthTarget)
    {
        if (!thread.TryRead(lengthTarget, out int room))
        {
            return -Errno.EFAULT;
        }

        if (room < 0)
        {
            return -Errno.EINVAL;
        }

        length = SocketAddress.ToGuest(thread.Files.View, bytes, length, known);
        int copied = Math.Min(Math.Min(length, room), bytes.Length);
        return thread.TryWriteBytes(target, bytes[..copied]) && thread.TryWrite(lengthTarget, length) ? 0 : -Errno.EFAULT;
    }

    private static long GetName(GuestThread thread, in SyscallArgs args) => GetName(thread, 51, in args);

    private static long GetPeer(GuestThread thread, in SyscallArgs args) => GetName(thread, 52, in args);

    private static long GetName(GuestThread thread, long number, in SyscallArgs args)
    {
        OpenFile? socket = thread.Acquire(args.Int0);
        if (socket == null)
        {
            return -Errno.EBADF;
        }

        byte* address = stackalloc byte[SocketAddress.Size];
        int length = SocketAddress.Size;
        long error = HostSyscall.Raw(number, (ulong)socket.HostFd, (ulong)address, (ulong)&length);
        SocketNames? names = socket.Detail as SocketNames;
        socket.Release();
        byte[]? known = number == 51 ? names?.Local : names?.Peer;
        return error < 0 ? error : WriteAddress(thread, new Span<byte>(address, SocketAddress.Size), length, known, args.A1, args.A2);
    }

    private static long Shutdown(GuestThread thread, in SyscallArgs args) => thread.RawOn(args.Int0, 48, args.A1);

    private static long SetOption(GuestThread thread, in SyscallArgs args)
    {
        const int MaximumOption = 65536;
        if (args.Int4 is < 0 or > MaximumOption)
        {
            return -Errno.EINVAL;
        }

        return SocketOptions.MaySet(thread.Files.View.Options, args.Int1, args.Int2)
            ? thread.RawOn(args.Int0, 54, args.A1, args.A2, thread.SourcePointer(args.A3, (ulong)args.Int4), args.A4)
            : thread.RawOn(args.Int0, 72, 1) < 0 ? -Errno.EBADF : -Errno.ENOPROTOOPT;
    }

    private static long GetOption(GuestThread thread, in SyscallArgs args)
    {
        const int PeerProcess = 77;
        if (!thread.TryRead(args.A4, out int length))
        {
            return -Errno.EFAULT;
        }

        if (length < 0)
        {
            return -Errno.EINVAL;
        }

        if (!SocketOptions.MayGet(args.Int1, args.Int2))
        {
            return thread.RawOn(args.Int0, 72, 1) < 0 ? -Errno.EBADF : -Errno.ENOPROTOOPT;
        }

        if (args.Int1 == LevelSocket && args.Int2 == PeerProcess)
        {
            return GetPeerProcess(thread, args.Int0, args.A3, args.A4);
        }

        long error = thread.RawOn(args.Int0, 55, args.A1, args.A2, thread.TargetPointer(args.A3, (ulong)length), (ulong)&length);
        return error < 0 ? error : thread.TryWrite(args.A4, length) ? 0 : -Errno.EFAULT;
    }

    /// <summary>SO_PEERPIDFD gives a new descriptor.</summary>
    private static long GetPeerProcess(GuestThread thread, int fd, ulong target, ulong lengthTarget)
    {
        int pidfd;
        int length = sizeof(int);
        long error = thread.RawOn(fd, 55, LevelSocket, 77, (ulong)&pidfd, (ulong)&length);
        if (error < 0)
        {
            return error;
        }

        long guest = DescriptorCalls.Install(thread, pidfd, FileKind.Anonymous, OpenFlags.CloseOnExec);
        return guest < 0 ? guest : thread.TryWrite(target, (int)guest) && thread.TryWrite(lengthTarget, length) ? 0 : -Errno.EFAULT;
    }
}
