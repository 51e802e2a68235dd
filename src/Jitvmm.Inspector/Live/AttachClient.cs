using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Jitvmm.Inspector.Files;
using Microsoft.Win32.SafeHandles;

namespace Jitvmm.Inspector.Live;

/// <summary>Asks a running guest what was recorded of it. One thread at a time.</summary>
public sealed unsafe class AttachClient : IDisposable
{
    private readonly int _processId;
    private readonly int _timeoutMs;
    private int _socket;

    private AttachClient(int processId, int socket, int timeoutMs)
    {
        _processId = processId;
        _socket = socket;
        _timeoutMs = timeoutMs;
    }

    /// <summary>Attaches to the guest in a process.</summary>
    /// <param name="processId">The process.</param>
    /// <param name="timeoutMs">How long the guest may say nothing.</param>
    /// <exception cref="AttachException">There is no guest there that can be inspected.</exception>
    public static AttachClient Attach(int processId, int timeoutMs = 10_000)
    {
        int socket = HostSocket.Create();
        int error = AttachFolder.Check() == null ? HostSocket.Connect(socket, AttachFolder.SocketOf(processId)) : -HostSocket.NoEntry;
        if (error < 0)
        {
            HostSocket.Close(socket);
            IReadOnlyList<int> others = AttachFolder.Processes();
            throw new AttachException(
                $"process {processId} cannot be inspected: it is no guest started with --inspect, or has ended"
                + (others.Count == 0 ? "" : $"; {string.Join(", ", others)} can be"));
        }

        if (HostSocket.PeerUser(socket) != HostSocket.EffectiveUser)
        {
            HostSocket.Close(socket);
            throw new AttachException($"process {processId} cannot be inspected: it is somebody else's");
        }

        return new AttachClient(processId, socket, timeoutMs);
    }

    /// <summary>What was recorded until now, as a cache file's bytes.</summary>
    /// <exception cref="AttachException">The guest has ended, or does not answer.</exception>
    public byte[] TakeSnapshot()
    {
        AttachProtocol.Request request = new() { Magic = AttachProtocol.Magic, Kind = AttachProtocol.Snapshot };
        if (HostSocket.Send(_socket, MemoryMarshal.AsBytes(new ReadOnlySpan<AttachProtocol.Request>(in request))) != Unsafe.SizeOf<AttachProtocol.Request>())
        {
            throw Ended();
        }

        AttachProtocol.Answer answer = default;
        Span<byte> bytes = MemoryMarshal.AsBytes(new Span<AttachProtocol.Answer>(ref answer));
        int received = Receive(bytes, out int handle);
        using SafeFileHandle file = new(handle, ownsHandle: true);
        if (received != bytes.Length || answer.Magic != AttachProtocol.Magic || answer.Status != AttachProtocol.Good || file.IsInvalid || answer.Length > (ulong)Array.MaxLength)
        {
            throw new AttachException($"process {_processId} does not answer as a guest of this version does");
        }

        byte[] snapshot = GC.AllocateUninitializedArray<byte>((int)answer.Length);
        int length = 0;
        while (length < snapshot.Length)
        {
            int got = RandomAccess.Read(file, snapshot.AsSpan(length), length);
            if (got == 0)
            {
                throw new AttachException($"process {_processId} answers with less than it says");
            }

            length += got;
        }

        return snapshot;
    }

    /// <summary>What was recorded until now.</summary>
    /// <exception cref="AttachException">The guest has ended, or does not answer.</exception>
    /// <exception cref="CacheFileException">What it answered is damaged.</exception>
    public CacheFile Read() => CacheFile.Read(TakeSnapshot());

    /// <summary>Lets go of the guest.</summary>
    public void Dispose()
    {
        if (_socket >= 0)
        {
            HostSocket.Close(_socket);
            _socket = -1;
        }
    }

    private int Receive(Span<byte> bytes, out int file)
    {
        Span<HostSocket.Watch> watch = [new HostSocket.Watch { Socket = _socket, Wanted = HostSocket.CanRead }];
        while (true)
        {
            // An answer is smaller than what a socket takes in one piece.
            long got = HostSocket.Receive(_socket, bytes, out file);
            if (got > 0)
            {
                return (int)got;
            }

            if (got is not -HostSocket.TryAgain and not -HostSocket.Interrupted)
            {
                throw Ended();
            }

            if (HostSocket.Poll(null, watch, _timeoutMs) == 0)
            {
                throw new AttachException($"process {_processId} does not answer: is it stopped?");
            }
        }
    }

    private AttachException Ended() => new($"the guest in process {_processId} has ended", hasEnded: true);
}
