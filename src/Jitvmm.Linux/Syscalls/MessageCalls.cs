using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Jitvmm.Linux.Files;

namespace Jitvmm.Linux.Syscalls;

/// <summary>Sending and receiving on sockets: addresses, vectors and control messages are translated both ways.</summary>
internal static unsafe class MessageCalls
{
    private const int MaximumVectors = 1024;
    private const int MaximumMessages = 1024;
    private const int MaximumControl = 20480;
    private const int DoNotWait = 0x40;
    private const int WaitForOne = 0x10000;
    private const int ControlCloseOnExec = 0x40000000;

    public static void Register(SyscallTable table)
    {
        table.Add(44, "sendto", "fbuxpu", &SendTo, SyscallRestart.WithRestartFlag);
        table.Add(45, "recvfrom", "fpuxpp", &ReceiveFrom, SyscallRestart.WithRestartFlag);
        table.Add(46, "sendmsg", "fpx", &SendMessage, SyscallRestart.WithRestartFlag);
        table.Add(47, "recvmsg", "fpx", &ReceiveMessage, SyscallRestart.WithRestartFlag);
        table.Add(307, "sendmmsg", "fpux", &SendMessages, SyscallRestart.WithRestartFlag);
        table.Add(299, "recvmmsg", "fpuxp", &ReceiveMessages, SyscallRestart.WithRestartFlag);
    }

    /// <summary>struct user_msghdr.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct MessageHeader
    {
        public ulong Name;
        public int NameLength;
        private readonly int _padding;
        public ulong Vectors;
        public ulong VectorCount;
        public ulong Control;
        public ulong ControlLength;
        public int Flags;
        private readonly int _padding2;
    }

    // struct mmsghdr: the header, then the bytes moved.
    private const int MultipleStride = 64;
    private const int MultipleLengthOffset = 56;
    private const int NameLengthOffset = 8;
    private const int ControlLengthOffset = 40;
    private const int FlagsOffset = 48;

    private static long SendTo(GuestThread thread, in SyscallArgs args)
    {
        OpenFile? socket = thread.Acquire(args.Int0);
        if (socket == null)
        {
            return -Errno.EBADF;
        }

        HostVector vector;
        vector.Length = Math.Min(args.A2, GuestThread.MaximumTransfer);
        vector.Base = thread.SourcePointer(args.A1, vector.Length);
        MessageHeader header = default;
        header.Name = args.A4;
        header.NameLength = args.A4 == 0 ? 0 : args.Int5;
        header.Vectors = (ulong)&vector;
        header.VectorCount = 1;
        long result = Send(thread, socket, ref header, args.Int3);
        socket.Release();
        return result;
    }

    /// <summary>Sends a message whose vectors and control data are the host's already and whose name is the guest's.</summary>
    [SkipLocalsInit]
    private static long Send(GuestThread thread, OpenFile socket, ref MessageHeader header, int flags)
    {
        if (header.NameLength < 0)
        {
            return -Errno.EINVAL;
        }

        bool hasName = header.Name != 0 && header.NameLength > 0;
        if (hasName && SocketCalls.IsCutOff(thread, socket))
        {
            return -Errno.ENETUNREACH;
        }

        if (!thread.Files.View.Options.ShareAll && SocketCalls.FamilyOf(socket) == SocketAddress.FamilyNetlink && !AsksOnly(in header))
        {
            return -Errno.EPERM;
        }

        SocketAddress address = new(stackalloc byte[SocketAddress.BufferSize]);
        long result = 0;
        if (hasName)
        {
            result = address.Read(thread, header.Name, (uint)header.NameLength);
            result = result < 0 ? result : address.ResolveExisting(thread);
        }

        if (result == 0)
        {
            fixed (byte* name = address.Bytes)
            fixed (MessageHeader* message = &header)
            {
                header.Name = hasName ? (ulong)name : 0;
                header.NameLength = hasName ? address.Length : 0;
                result = HostSyscall.Blocking(thread, 46, (ulong)socket.HostFd, (ulong)message, (uint)flags);
            }
        }

        address.Dispose();
        return result;
    }

    /// <summary>
    /// Whether a netlink message only asks (RTM_GET...): it is copied first, so that it is what is sent.
    /// </summary>
    private static bool AsksOnly(in MessageHeader header)
    {
        const int HeaderSize = 16;
        const int MaximumRequest = 1024;
        if (header.VectorCount != 1)
        {
            return false;
        }

        HostVector* vector = (HostVector*)header.Vectors;
        if (vector->Length is < HeaderSize or > MaximumRequest)
        {
            return false;
        }

        byte* copy = t_request == null ? t_request = (byte*)NativeMemory.Alloc(MaximumRequest) : t_request;
        if (!Runtime.Host.HostCalls.TryCopy(copy, (void*)vector->Base, vector->Length))
        {
            return false;
        }

        vector->Base = (ulong)copy;
        for (ulong at = 0; at + HeaderSize <= vector->Length;)
        {
            uint length = *(uint*)(copy + at);
            ushort type = *(ushort*)(copy + at + 4);
            if (length < HeaderSize || (type & 3) != 2 || type < HeaderSize)
            {
                return false;
            }

            at += (length + 3ul) & ~3ul;
        }

        return true;
    }

    [ThreadStatic]
    private static byte* t_request;

    private static long ReceiveFrom(GuestThread thread, in SyscallArgs args)
    {
        OpenFile? socket = thread.Acquire(args.Int0);
        if (socket == null)
        {
            return -Errno.EBADF;
        }

        byte* address = stackalloc byte[SocketAddress.Size];
        int length = SocketAddress.Size;
        long result = HostSyscall.Blocking(
            thread, 45, (ulong)socket.HostFd, thread.TargetPointer(args.A1, args.A2), args.A2, (uint)args.A3, (ulong)address, (ulong)&length);
        byte[]? peer = (socket.Detail as SocketNames)?.Peer;
        socket.Release();
        if (result < 0 || args.A4 == 0)
        {
            return result;
        }

        long error = SocketCalls.WriteAddress(thread, new Span<byte>(address, SocketAddress.Size), length, peer, args.A4, args.A5);
        return error < 0 ? error : result;
    }

    private static long SendMessage(GuestThread thread, in SyscallArgs args)
    {
        OpenFile? socket = thread.Acquire(args.Int0);
        if (socket == null)
        {
            return -Errno.EBADF;
        }

        long result = SendMessage(thread, socket, args.A1, args.Int2);
        socket.Release();
        return result;
    }

    private static long SendMessage(GuestThread thread, OpenFile socket, ulong address, int flags)
    {
        if (!thread.TryRead(address, out MessageHeader header))
        {
            return -Errno.EFAULT;
        }

        if (header.VectorCount > MaximumVectors)
        {
            return -Errno.EMSGSIZE;
        }

        if (header.ControlLength > MaximumControl)
        {
            return -Errno.ENOBUFS;
        }

        HostVector* vectors = stackalloc HostVector[(int)header.VectorCount];
        int error = HostVector.Read(thread, header.Vectors, (int)header.VectorCount, vectors, writesMemory: false);
        if (error < 0)
        {
            return error;
        }

        header.Vectors = (ulong)vectors;
        if (header.ControlLength == 0)
        {
            header.Control = 0;
            return Send(thread, socket, ref header, flags);
        }

        byte* control = stackalloc byte[(int)header.ControlLength];
        if (!thread.TryReadBytes(header.Control, new Span<byte>(control, (int)header.ControlLength)))
        {
            return -Errno.EFAULT;
        }

        ControlMessages messages = new(control, (int)header.ControlLength);
        header.Control = (ulong)control;
        long result = messages.ToHost(thread);
        result = result < 0 ? result : Send(thread, socket, ref header, flags);
        messages.Dispose();
        return result;
    }

    private static long ReceiveMessage(GuestThread thread, in SyscallArgs args)
    {
        OpenFile? socket = thread.Acquire(args.Int0);
        if (socket == null)
        {
            return -Errno.EBADF;
        }

        long result = ReceiveMessage(thread, socket, args.A1, args.Int2);
        socket.Release();
        return result;
    }

    private static long ReceiveMessage(GuestThread thread, OpenFile socket, ulong address, int flags)
    {
        if (!thread.TryRead(address, out MessageHeader guest))
        {
            return -Errno.EFAULT;
        }

        if (guest.VectorCount > MaximumVectors)
        {
            return -Errno.EMSGSIZE;
        }

        if (guest.NameLength < 0)
        {
            return -Errno.EINVAL;
        }

        HostVector* vectors = stackalloc HostVector[(int)guest.VectorCount];
        int error = HostVector.Read(thread, guest.Vectors, (int)guest.VectorCount, vectors, writesMemory: true);
        if (error < 0)
        {
            return error;
        }

        byte* name = stackalloc byte[SocketAddress.Size];
        int room = (int)Math.Min(guest.ControlLength, MaximumControl);
        byte* control = stackalloc byte[room];
        MessageHeader header = guest;
        header.Name = guest.Name == 0 ? 0 : (ulong)name;
        header.NameLength = guest.Name == 0 ? 0 : SocketAddress.Size;
        header.Vectors = (ulong)vectors;
        header.Control = room == 0 ? 0 : (ulong)control;
        header.ControlLength = (ulong)room;
        long result = HostSyscall.Blocking(thread, 47, (ulong)socket.HostFd, (ulong)&header, (uint)(flags | ControlCloseOnExec));
        if (result < 0)
        {
            return result;
        }

        ControlMessages messages = new(control, (int)header.ControlLength);
        bool isCut = messages.ToGuest(thread, (flags & ControlCloseOnExec) != 0);
        const int ControlTruncated = 0x8;
        int received = (header.Flags & ~ControlCloseOnExec) | (flags & ControlCloseOnExec) | (isCut ? ControlTruncated : 0);
        return WriteBack(thread, address, in guest, in header, received, (socket.Detail as SocketNames)?.Peer, control, name) ? result : -Errno.EFAULT;
    }

    private static bool WriteBack(
        GuestThread thread, ulong address, in MessageHeader guest, in MessageHeader header, int flags, byte[]? peer, byte* control, byte* name)
    {
        bool isWritten = thread.TryWriteBytes(guest.Control, new ReadOnlySpan<byte>(control, (int)header.ControlLength))
            && thread.TryWrite(address + ControlLengthOffset, header.ControlLength)
            && thread.TryWrite(address + FlagsOffset, flags);
        if (guest.Name == 0 || !isWritten)
        {
            return isWritten;
        }

        Span<byte> bytes = new(name, SocketAddress.Size);
        int length = SocketAddress.ToGuest(thread.Files.View, bytes, header.NameLength, peer);
        return thread.TryWriteBytes(guest.Name, bytes[..Math.Min(length, Math.Min(guest.NameLength, SocketAddress.Size))])
            && thread.TryWrite(address + NameLengthOffset, length);
    }

    private static long SendMessages(GuestThread thread, in SyscallArgs args)
    {
        OpenFile? socket = thread.Acquire(args.Int0);
        if (socket == null)
        {
            return -Errno.EBADF;
        }

        uint count = Math.Min((uint)args.A2, MaximumMessages);
        long result = 0;
        uint done = 0;
        for (; done < count; done++)
        {
            ulong address = args.A1 + done * MultipleStride;
            result = SendMessage(thread, socket, address, args.Int3);
            if (result >= 0 && !thread.TryWrite(address + MultipleLengthOffset, (uint)result))
            {
                result = -Errno.EFAULT;
            }

            if (result < 0)
            {
                break;
            }
        }

        socket.Release();
        return done > 0 ? done : result;
    }

    private static long ReceiveMessages(GuestThread thread, in SyscallArgs args)
    {
        long deadline = long.MaxValue;
        if (args.A4 != 0)
        {
            long* time = stackalloc long[2];
            if (!thread.TryReadBytes(args.A4, new Span<byte>(time, 16)))
            {
                return -Errno.EFAULT;
            }

            deadline = Environment.TickCount64 + Math.Min(time[0], int.MaxValue) * 1000 + time[1] / 1_000_000;
        }

        OpenFile? socket = thread.Acquire(args.Int0);
        if (socket == null)
        {
            return -Errno.EBADF;
        }

        // As the kernel does, the time is looked at only after each message.
        uint count = Math.Min((uint)args.A2, MaximumMessages);
        int flags = args.Int3 & ~WaitForOne;
        long result = 0;
        uint done = 0;
        while (done < count && (done == 0 || Environment.TickCount64 < deadline))
        {
            ulong address = args.A1 + done * MultipleStride;
            result = ReceiveMessage(thread, socket, address, flags);
            if (result >= 0 && !thread.TryWrite(address + MultipleLengthOffset, (uint)result))
            {
                result = -Errno.EFAULT;
            }

            if (result < 0)
            {
                break;
            }

            done++;
            flags |= (args.Int3 & WaitForOne) != 0 ? DoNotWait : 0;
        }

        socket.Release();
        return done > 0 ? done : result;
    }
}
