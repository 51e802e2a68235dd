using Jitvmm.Runtime.Memory;

namespace Jitvmm.Devices.Virtio;

/// <summary>One buffer of a descriptor chain: RAM, checked.</summary>
internal unsafe readonly struct VirtBuffer(ulong address, uint length, byte* host)
{
    public readonly ulong Address = address;
    public readonly uint Length = length;
    public readonly byte* Host = host;
}

/// <summary>
/// A descriptor chain taken from a queue: what the device may read, then what it may write (Virtual I/O Device 1.2, 2.7). Reused from one request to the next.
/// </summary>
/// <remarks>Every buffer is RAM. The guest may change the bytes at any time: read a value once, check it, use the copy.</remarks>
internal sealed unsafe class VirtChain(PhysicalMemory memory)
{
    /// <summary>Buffers of one chain, a bound on what a request costs.</summary>
    public const int MaximumBuffers = 1024;

    /// <summary>Bytes of one chain (2.7.5.2), another bound.</summary>
    private const ulong MaximumLength = 1ul << 32;

    private readonly VirtBuffer[] _buffers = new VirtBuffer[MaximumBuffers];
    private int _readable;
    private int _count;

    /// <summary>The index that names the chain to the guest.</summary>
    public ushort Head { get; private set; }

    /// <summary>Buffers the device reads.</summary>
    public ReadOnlySpan<VirtBuffer> Readable => _buffers.AsSpan(0, _readable);

    /// <summary>Buffers the device writes.</summary>
    public ReadOnlySpan<VirtBuffer> Writable => _buffers.AsSpan(_readable, _count - _readable);

    public ulong ReadableLength { get; private set; }

    public ulong WritableLength { get; private set; }

    internal void Begin(ushort head)
    {
        Head = head;
        _readable = _count = 0;
        ReadableLength = WritableLength = 0;
    }

    /// <summary>Adds a buffer. False when it is not RAM, comes out of order, or is too much.</summary>
    internal bool TryAdd(ulong address, uint length, bool isWritable)
    {
        bool isTooMuch = _count == MaximumBuffers || ReadableLength + WritableLength + length > MaximumLength;
        if (isTooMuch || (!isWritable && _count != _readable))
        {
            return false;
        }

        if (!memory.Allows(address, length, isWritable ? PageAccess.Write : PageAccess.Read))
        {
            return false;
        }

        _buffers[_count++] = new VirtBuffer(address, length, memory.HostBase + address);
        if (isWritable)
        {
            WritableLength += length;
        }
        else
        {
            _readable = _count;
            ReadableLength += length;
        }

        return true;
    }

    /// <summary>Copies out of the readable part; how many bytes there were.</summary>
    public int Read(ulong offset, Span<byte> target)
    {
        int done = 0;
        foreach (ref readonly VirtBuffer buffer in Readable)
        {
            if (offset >= buffer.Length)
            {
                offset -= buffer.Length;
                continue;
            }

            int count = (int)Math.Min(buffer.Length - offset, (ulong)(target.Length - done));
            new ReadOnlySpan<byte>(buffer.Host + offset, count).CopyTo(target[done..]);
            done += count;
            offset = 0;
            if (done == target.Length)
            {
                break;
            }
        }

        return done;
    }

    /// <summary>Copies into the writable part; how many bytes fit.</summary>
    public int Write(ulong offset, ReadOnlySpan<byte> source)
    {
        int done = 0;
        foreach (ref readonly VirtBuffer buffer in Writable)
        {
            if (offset >= buffer.Length)
            {
                offset -= buffer.Length;
                continue;
            }

            int count = (int)Math.Min(buffer.Length - offset, (ulong)(source.Length - done));
            source.Slice(done, count).CopyTo(new Span<byte>(buffer.Host + offset, count));
            memory.InvalidateCode(buffer.Address + offset, (ulong)count);
            done += count;
            offset = 0;
            if (done == source.Length)
            {
                break;
            }
        }

        return done;
    }

    /// <summary>Throws translations of what the device wrote away.</summary>
    public void InvalidateWritable()
    {
        foreach (ref readonly VirtBuffer buffer in Writable)
        {
            memory.InvalidateCode(buffer.Address, buffer.Length);
        }
    }
}
