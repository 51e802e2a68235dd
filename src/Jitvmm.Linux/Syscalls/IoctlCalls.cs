using Jitvmm.Linux.Files;

namespace Jitvmm.Linux.Syscalls;

/// <summary>
/// ioctl: only requests known to be harmless, each with the size of what it reads and writes. Everything else,
/// TIOCSTI and its kind above all, is ENOTTY.
/// </summary>
internal static unsafe class IoctlCalls
{
    private const int TermiosSize = 36;
    private const int Termios2Size = 44;
    private const int WindowSize = 8;
    private const int InterfaceRequestSize = 40;

    public static void Register(SyscallTable table) => table.Add(16, "ioctl", "fxp", &Control, SyscallRestart.WithRestartFlag);

    private enum Argument
    {
        Unknown,
        Value,
        Read,
        Written,
    }

    private static long Control(GuestThread thread, in SyscallArgs args)
    {
        const uint CloseOnExec = 0x5451;
        const uint NoCloseOnExec = 0x5450;
        const uint InterfaceConfiguration = 0x8912;
        const uint PeerTerminal = 0x5441;
        uint request = (uint)args.A1;
        switch (request)
        {
            case CloseOnExec or NoCloseOnExec:
                return thread.Files.Table.SetCloseOnExec(args.Int0, request == CloseOnExec);
            case InterfaceConfiguration:
                return ReadInterfaces(thread, args.Int0, args.A2);
            case PeerTerminal:
                return OpenPeer(thread, args.Int0, args.Int2);
        }

        Argument kind = Classify(request, out int size);
        if (kind == Argument.Unknown || (request >> 8 == 0x89 && IsInterface(request) && !thread.Files.View.Options.HasNetwork))
        {
            return thread.RawOn(args.Int0, 72, 1) < 0 ? -Errno.EBADF : kind == Argument.Unknown ? -Errno.ENOTTY : -Errno.ENODEV;
        }

        ulong argument = kind switch
        {
            Argument.Value => args.A2,
            Argument.Read => thread.SourcePointer(args.A2, (ulong)size),
            _ => thread.TargetPointer(args.A2, (ulong)size),
        };

        // A null pointer stays null, and the kernel refuses it.
        return thread.BlockingOn(args.Int0, 16, request, argument);
    }

    private static bool IsInterface(uint request) => request is >= 0x8910 and <= 0x8970;

    private static Argument Classify(uint request, out int size)
    {
        size = 4;
        switch (request)
        {
            case 0x5401: // TCGETS
                size = TermiosSize;
                return Argument.Written;
            case 0x5402 or 0x5403 or 0x5404: // TCSETS, TCSETSW, TCSETSF
                size = TermiosSize;
                return Argument.Read;
            case 0x802c542a: // TCGETS2
                size = Termios2Size;
                return Argument.Written;
            case 0x402c542b or 0x402c542c or 0x402c542d: // TCSETS2, TCSETSW2, TCSETSF2
                size = Termios2Size;
                return Argument.Read;
            case 0x5413: // TIOCGWINSZ
                size = WindowSize;
                return Argument.Written;
            case 0x5414: // TIOCSWINSZ
                size = WindowSize;
                return Argument.Read;
            case 0x540f or 0x5429 or 0x5411 or 0x541b or 0x5415 or 0x5424 or 0x5419: // TIOCGPGRP, TIOCGSID, TIOCOUTQ, FIONREAD, TIOCMGET, TIOCGETD, TIOCGSOFTCAR
                return Argument.Written;
            case 0x80045430 or 0x80045432 or 0x80045438 or 0x80045439 or 0x80045440: // TIOCGPTN, TIOCGDEV, TIOCGPKT, TIOCGPTLCK, TIOCGEXCL
                return Argument.Written;
            case 0x5410 or 0x5421 or 0x5420 or 0x40045431 or 0x5452: // TIOCSPGRP, FIONBIO, TIOCPKT, TIOCSPTLCK, FIOASYNC
                return Argument.Read;
            case 0x5405 or 0x5406 or 0x5407 or 0x5408: // TCGETA, TCSETA, TCSETAW, TCSETAF
                size = 18;
                return request == 0x5405 ? Argument.Written : Argument.Read;
            case 0x5409 or 0x540a or 0x540b or 0x5425 or 0x5427 or 0x5428: // TCSBRK, TCXONC, TCFLSH, TCSBRKP, TIOCSBRK, TIOCCBRK
                return Argument.Value;
            case 0x540c or 0x540d or 0x540e or 0x5422: // TIOCEXCL, TIOCNXCL, TIOCSCTTY, TIOCNOTTY
                return Argument.Value;
            case 0x5460: // FIOQSIZE
                size = 8;
                return Argument.Written;
            case 0x8904 or 0x8903 or 0x8905: // SIOCGPGRP, FIOGETOWN, SIOCATMARK
                return Argument.Written;
            case 0x8912 or 0x8913 or 0x8915 or 0x8919 or 0x891b or 0x8921 or 0x8927 or 0x8933 or 0x8910: // SIOCGIF...: flags, address, broadcast, netmask, MTU, hardware address, index, name
                size = InterfaceRequestSize;
                return Argument.Written;
            case 0x80086601: // FS_IOC_GETFLAGS
                size = 8;
                return Argument.Written;
            default:
                size = 0;
                return Argument.Unknown;
        }
    }

    /// <summary>SIOCGIFCONF: struct ifconf holds a pointer.</summary>
    private static long ReadInterfaces(GuestThread thread, int fd, ulong address)
    {
        ulong* configuration = stackalloc ulong[2];
        if (!thread.TryReadBytes(address, new Span<byte>(configuration, 16)))
        {
            return -Errno.EFAULT;
        }

        int size = thread.Files.View.Options.HasNetwork ? (int)configuration[0] : 0;
        ulong guest = configuration[1];
        configuration[1] = guest == 0 || size <= 0 ? 0 : thread.TargetPointer(guest, (ulong)size);
        configuration[0] = (uint)Math.Max(size, 0);
        long result = thread.Files.View.Options.HasNetwork ? thread.RawOn(fd, 16, 0x8912, (ulong)configuration) : thread.RawOn(fd, 72, 1);
        return result < 0 ? result : thread.TryWrite(address, (int)configuration[0]) ? 0 : -Errno.EFAULT;
    }

    /// <summary>TIOCGPTPEER: the other end of a pseudo-terminal, without a path.</summary>
    private static long OpenPeer(GuestThread thread, int fd, int flags)
    {
        long peer = thread.RawOn(fd, 16, 0x5441, (ulong)((flags & OpenFlags.Valid) | OpenFlags.CloseOnExec));
        return DescriptorCalls.Install(thread, peer, FileKind.Device, flags);
    }
}
