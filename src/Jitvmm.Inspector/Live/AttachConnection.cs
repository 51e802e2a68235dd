using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Jitvmm.Inspector.Live;

/// <summary>One who asks. Nothing here waits.</summary>
internal sealed class AttachConnection(int socket)
{
    private AttachProtocol.Request _request;
    private int _received;

    public int Socket => socket;

    /// <summary>When it last asked, in milliseconds.</summary>
    public long LastUsed { get; private set; } = Environment.TickCount64;

    /// <summary>It asked for a snapshot and has none yet. What it asks meanwhile is not read.</summary>
    public bool IsWaiting { get; private set; }

    /// <summary>Reads what can be.</summary>
    /// <returns>False when the connection is done for.</returns>
    public bool Attend(short happened) => IsWaiting ? (happened & HostSocket.HungUp) == 0 : Receive();

    /// <summary>Hands over a file with a snapshot; −1 refuses it. Who has left so many answers that no more can be sent has no use for them.</summary>
    /// <returns>False when the connection is done for.</returns>
    public bool Answer(int file, long length)
    {
        AttachProtocol.Answer answer = new()
        {
            Magic = AttachProtocol.Magic,
            Status = file < 0 ? AttachProtocol.Refused : AttachProtocol.Good,
            Length = (ulong)length,
        };
        IsWaiting = false;
        ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes(new ReadOnlySpan<AttachProtocol.Answer>(in answer));
        return HostSocket.Send(socket, bytes, file) == bytes.Length;
    }

    public void Close() => HostSocket.Close(socket);

    private bool Receive()
    {
        Span<byte> bytes = MemoryMarshal.AsBytes(new Span<AttachProtocol.Request>(ref _request));
        long got = HostSocket.Receive(socket, bytes[_received..], out int file);
        if (file >= 0)
        {
            HostSocket.Close(file);
            return false;
        }

        if (got <= 0)
        {
            return got is -HostSocket.TryAgain or -HostSocket.Interrupted;
        }

        LastUsed = Environment.TickCount64;
        _received += (int)got;
        if (_received < Unsafe.SizeOf<AttachProtocol.Request>())
        {
            return true;
        }

        _received = 0;
        IsWaiting = true;
        return _request is { Magic: AttachProtocol.Magic, Kind: AttachProtocol.Snapshot };
    }
}
