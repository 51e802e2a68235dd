namespace Jitvmm.Devices.Channels;

/// <summary>
/// A bounded queue of bytes between a device and the host: a serial line's or console's one direction. Neither side can overrun the other.
/// </summary>
/// <remarks>
/// The device side never blocks (<see cref="TryWrite"/>, <see cref="TryRead"/>); the host side may (<see cref="Write"/>, <see cref="Read"/>).
/// The events are raised with no lock held.
/// </remarks>
public sealed class ByteChannel(int capacity = 64 * 1024)
{
    private readonly object _gate = new();
    private readonly byte[] _ring = new byte[capacity];
    private int _first;
    private int _count;
    private bool _closed;

    /// <summary>Bytes came into an empty channel.</summary>
    public Action? BytesArrived { get; set; }

    /// <summary>A full channel has room again.</summary>
    public Action? RoomArrived { get; set; }

    public int Count
    {
        get
        {
            lock (_gate)
            {
                return _count;
            }
        }
    }

    public bool IsFull => Count == capacity;

    /// <summary>Puts in what fits and returns how much that was.</summary>
    public int TryWrite(ReadOnlySpan<byte> bytes)
    {
        int written;
        bool arrived;
        lock (_gate)
        {
            written = _closed ? 0 : Math.Min(bytes.Length, capacity - _count);
            arrived = written > 0 && _count == 0;
            for (int i = 0; i < written; i++)
            {
                _ring[(_first + _count + i) % capacity] = bytes[i];
            }

            _count += written;
            if (arrived)
            {
                Monitor.PulseAll(_gate);
            }
        }

        if (arrived)
        {
            BytesArrived?.Invoke();
        }

        return written;
    }

    /// <summary>Takes what there is, at most the buffer's length.</summary>
    public int TryRead(Span<byte> buffer)
    {
        int read;
        bool hasRoom;
        lock (_gate)
        {
            read = Math.Min(buffer.Length, _count);
            hasRoom = read > 0 && _count == capacity;
            for (int i = 0; i < read; i++)
            {
                buffer[i] = _ring[(_first + i) % capacity];
            }

            _first = (_first + read) % capacity;
            _count -= read;
            if (hasRoom)
            {
                Monitor.PulseAll(_gate);
            }
        }

        if (hasRoom)
        {
            RoomArrived?.Invoke();
        }

        return read;
    }

    /// <summary>Puts all bytes in, waiting for room. False when the channel was closed meanwhile.</summary>
    public bool Write(ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            int written = TryWrite(bytes);
            bytes = bytes[written..];
            if (bytes.Length > 0 && !WaitFor(false))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Waits until a byte can be put in, or the channel is closed.</summary>
    public void WaitForRoom() => _ = WaitFor(false);

    /// <summary>Waits for bytes and takes them; 0 when the channel was closed and is empty.</summary>
    public int Read(Span<byte> buffer)
    {
        while (true)
        {
            int read = TryRead(buffer);
            if (read > 0 || !WaitFor(true))
            {
                return read;
            }
        }
    }

    /// <summary>Ends the channel: writes put nothing more in, readers get what is left.</summary>
    public void Close()
    {
        lock (_gate)
        {
            _closed = true;
            Monitor.PulseAll(_gate);
        }
    }

    private bool WaitFor(bool bytes)
    {
        lock (_gate)
        {
            while (bytes ? _count == 0 : _count == capacity)
            {
                if (_closed)
                {
                    return false;
                }

                _ = Monitor.Wait(_gate);
            }

            return bytes || !_closed;
        }
    }
}
