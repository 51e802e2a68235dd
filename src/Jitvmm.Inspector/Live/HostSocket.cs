using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using Jitvmm.Runtime.Host;

namespace Jitvmm.Inspector.Live;

/// <summary>
/// Unix domain sockets by the host's own calls. .NET's sockets bring threads and locks of their own, which a guest's fork would lose in whatever state they are.
/// Results are values or negated error numbers.
/// </summary>
internal static unsafe class HostSocket
{
    public const int NoEntry = 2;
    public const int Interrupted = 4;
    public const int TryAgain = 11;
    public const int AlreadyThere = 17;
    public const int AddressInUse = 98;
    public const int ConnectionRefused = 111;

    public const short CanRead = 1;
    public const short CanWrite = 4;
    public const short HungUp = 0x18;

    private const long SysPoll = 7;
    private const long SysClose = 3;
    private const long SysWrite = 1;
    private const long SysSocket = 41;
    private const long SysConnect = 42;
    private const long SysSendTo = 44;
    private const long SysSendMessage = 46;
    private const long SysReceiveMessage = 47;
    private const long SysBind = 49;
    private const long SysListen = 50;
    private const long SysGetOption = 55;
    private const long SysChangeMode = 90;
    private const long SysUnlink = 87;
    private const long SysEffectiveUser = 107;
    private const long SysAccept = 288;
    private const long SysEvent = 290;
    private const long SysCreateMemoryFile = 319;
    private const ulong FamilyUnix = 1;
    private const ulong Stream = 1;
    private const ulong NonBlocking = 0x800;
    private const ulong CloseOnExec = 0x80000;
    private const ulong LevelSocket = 1;
    private const ulong PeerCredentials = 17;
    private const ulong NoSignal = 0x4000;
    private const ulong CloseOnExecMessage = 0x40000000;

    /// <summary>SCM_RIGHTS.</summary>
    private const int Rights = 1;

    /// <summary>CMSG_LEN of one descriptor.</summary>
    private const int ControlSize = 20;

    /// <summary>Of <c>sockaddr_un</c>, its closing zero included.</summary>
    private const int LongestPath = 108;

    /// <summary>struct pollfd.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct Watch
    {
        public int Socket;
        public short Wanted;
        public short Happened;
    }

    /// <summary>struct iovec.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Vector
    {
        public byte* At;
        public nuint Length;
    }

    /// <summary>struct msghdr.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Message
    {
        public void* Name;
        public nuint NameLength;
        public Vector* Vectors;
        public nuint VectorCount;
        public Control* Control;
        public nuint ControlLength;
        public nuint Flags;
    }

    /// <summary>struct cmsghdr with one descriptor, and its padding.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Control
    {
        public nuint Length;
        public int Level;
        public int Kind;
        public int File;
        public int Padding;
    }

    public static uint EffectiveUser => (uint)HostCalls.Raw(SysEffectiveUser);

    /// <summary>A socket that does not block.</summary>
    public static int Create() => (int)HostCalls.Raw(SysSocket, FamilyUnix, Stream | NonBlocking | CloseOnExec);

    /// <summary>Something to wake a poll with.</summary>
    public static int CreateEvent() => (int)HostCalls.Raw(SysEvent, 0, NonBlocking | CloseOnExec);

    public static void Raise(int wakeUp)
    {
        ulong one = 1;
        _ = HostCalls.Raw(SysWrite, (ulong)wakeUp, (ulong)&one, sizeof(ulong));
    }

    /// <summary>Binds to a path that only the user may use, and listens.</summary>
    public static int Listen(int socket, string path)
    {
        const ulong UserOnly = 0x180;
        int error = WithAddress(path, SysBind, socket);
        if (error < 0)
        {
            return error;
        }

        byte[] name = [.. Encoding.UTF8.GetBytes(path), 0];
        fixed (byte* at = name)
        {
            error = (int)HostCalls.Raw(SysChangeMode, (ulong)at, UserOnly);
        }

        return error < 0 ? error : (int)HostCalls.Raw(SysListen, (ulong)socket, 8);
    }

    public static int Connect(int socket, string path) => WithAddress(path, SysConnect, socket);

    /// <summary>The next connection, which does not block either.</summary>
    public static int Accept(int socket) => (int)HostCalls.Raw(SysAccept, (ulong)socket, 0, 0, NonBlocking | CloseOnExec);

    /// <summary>The effective user at the other end; null when the host does not say.</summary>
    public static uint? PeerUser(int socket)
    {
        uint* credentials = stackalloc uint[3];
        int length = 3 * sizeof(uint);
        return HostCalls.Raw(SysGetOption, (ulong)socket, LevelSocket, PeerCredentials, (ulong)credentials, (ulong)&length) == 0 ? credentials[1] : null;
    }

    /// <summary>Sends bytes together with an open file; −1 for none.</summary>
    public static long Send(int socket, ReadOnlySpan<byte> bytes, int file)
    {
        fixed (byte* at = bytes)
        {
            Vector vector = new() { At = at, Length = (nuint)bytes.Length };
            Control control = new() { Length = ControlSize, Level = (int)LevelSocket, Kind = Rights, File = file };
            Message message = new() { Vectors = &vector, VectorCount = 1, Control = file < 0 ? null : &control, ControlLength = file < 0 ? 0 : (nuint)sizeof(Control) };
            return HostCalls.Raw(SysSendMessage, (ulong)socket, (ulong)&message, NoSignal);
        }
    }

    /// <summary>Receives bytes, and an open file if one came with them; −1 if none did. 0 bytes when the other end is closed.</summary>
    public static long Receive(int socket, Span<byte> bytes, out int file)
    {
        fixed (byte* at = bytes)
        {
            Vector vector = new() { At = at, Length = (nuint)bytes.Length };
            Control control = default;
            Message message = new() { Vectors = &vector, VectorCount = 1, Control = &control, ControlLength = (nuint)sizeof(Control) };
            long got = HostCalls.Raw(SysReceiveMessage, (ulong)socket, (ulong)&message, CloseOnExecMessage);
            file = got > 0 && message.ControlLength >= ControlSize && control is { Level: (int)LevelSocket, Kind: Rights } ? control.File : -1;
            return got;
        }
    }

    /// <summary>A file that has no name and is only in memory.</summary>
    public static int CreateFile()
    {
        fixed (byte* name = "jitvmm snapshot\0"u8)
        {
            return (int)HostCalls.Raw(SysCreateMemoryFile, (ulong)name, 1);
        }
    }

    public static long Send(int socket, ReadOnlySpan<byte> bytes)
    {
        fixed (byte* at = bytes)
        {
            return HostCalls.Raw(SysSendTo, (ulong)socket, (ulong)at, (ulong)bytes.Length, NoSignal);
        }
    }

    /// <summary>Waits until something happens to one of the sockets.</summary>
    /// <param name="thread">The calling thread's record, when guests may fork meanwhile; otherwise null.</param>
    /// <param name="watches">What to wait for, and what happened.</param>
    /// <param name="timeoutMs">Milliseconds at most; −1 for ever.</param>
    public static int Poll(HostThread* thread, Span<Watch> watches, int timeoutMs)
    {
        fixed (Watch* at = watches)
        {
            return (int)(thread == null
                ? HostCalls.Raw(SysPoll, (ulong)at, (ulong)watches.Length, (ulong)timeoutMs)
                : HostCalls.Blocking(thread, SysPoll, (ulong)at, (ulong)watches.Length, (ulong)timeoutMs));
        }
    }

    public static void Close(int socket) => _ = HostCalls.Raw(SysClose, (ulong)socket);

    public static void Unlink(string path)
    {
        byte[] name = [.. Encoding.UTF8.GetBytes(path), 0];
        fixed (byte* at = name)
        {
            _ = HostCalls.Raw(SysUnlink, (ulong)at);
        }
    }

    private static int WithAddress(string path, long call, int socket)
    {
        const int NameTooLong = 36;
        byte* address = stackalloc byte[sizeof(ushort) + LongestPath];
        Span<byte> bytes = new(address, sizeof(ushort) + LongestPath);
        bytes.Clear();
        BinaryPrimitives.WriteUInt16LittleEndian(bytes, (ushort)FamilyUnix);
        return Encoding.UTF8.GetByteCount(path) < LongestPath && Encoding.UTF8.GetBytes(path, bytes[sizeof(ushort)..]) is var length
            ? (int)HostCalls.Raw(call, (ulong)socket, (ulong)address, (ulong)(sizeof(ushort) + length + 1))
            : -NameTooLong;
    }
}
