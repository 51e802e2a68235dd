using System.Buffers.Binary;
using System.Text;
using Jitvmm.Runtime.Memory;
using Jitvmm.Runtime.Paravirt.Xen;

namespace Jitvmm.Tests.Devices.Xen;

/// <summary>A domain without a processor: RAM, grants and ports, and a guest's side of the store, through its page only.</summary>
internal sealed class XenGuest : IXenDomain, IDisposable
{
    public const ulong RamSize = 16 << 20;
    public const ulong Pages = RamSize;
    public const ulong StorePage = Pages;
    public const ulong ConsolePage = Pages + 0x1000;

    private const int RingSize = 1024;

    private readonly Dictionary<uint, Action> _bound = [];
    private readonly Dictionary<uint, Grant> _grants = [];
    private readonly List<byte> _received = [];
    private uint _nextPort = 1;
    private uint _nextGrant = 8;
    private ulong _nextPage = 0x400000;
    private uint _nextRequest = 1;

    public XenGuest()
    {
        Memory.AddRam(0, RamSize);
        Memory.AddRam(Pages, 0x2000);
    }

    public PhysicalMemory Memory { get; } = new();

    public Dictionary<int, ulong> Parameters { get; } = [];

    /// <summary>How often each port was raised.</summary>
    public Dictionary<uint, int> Raised { get; } = [];

    /// <summary>Frames in use by the host.</summary>
    public int GrantsInUse
    {
        get
        {
            lock (_grants)
            {
                return _grants.Values.Sum(grant => grant.Uses);
            }
        }
    }

    /// <summary>Events of watches, as "path token".</summary>
    public List<string> Events { get; } = [];

    public void Dispose() => Memory.Dispose();

    public uint AllocateUnbound()
    {
        lock (_bound)
        {
            Raised[_nextPort] = 0;
            return _nextPort++;
        }
    }

    public IXenPort? Bind(uint port, Action notified)
    {
        lock (_bound)
        {
            return Raised.ContainsKey(port) && _bound.TryAdd(port, notified) ? new End(this, port) : null;
        }
    }

    public bool TryMapGrant(uint reference, bool forWriting, out ulong physical)
    {
        physical = 0;
        lock (_grants)
        {
            if (!_grants.TryGetValue(reference, out Grant? grant) || (forWriting && grant.IsReadOnly))
            {
                return false;
            }

            grant.Uses++;
            physical = grant.Page;
            return true;
        }
    }

    public void EndGrant(uint reference, bool wasWriting)
    {
        lock (_grants)
        {
            Grant grant = _grants[reference];
            Assert.True(grant.Uses > 0 || grant.IsForgotten, $"grant {reference} was given back more often than taken");
            grant.Uses -= grant.Uses > 0 ? 1 : 0;
        }
    }

    public void SetParameter(int index, ulong value) => Parameters[index] = value;

    /// <summary>Sends, as a hypercall does.</summary>
    public void Notify(uint port)
    {
        Action? notified;
        lock (_bound)
        {
            notified = _bound.GetValueOrDefault(port);
        }

        notified?.Invoke();
    }

    /// <summary>A guest that comes back from saved state: the other ends are free to be bound again.</summary>
    public void ForgetEnds()
    {
        _bound.Clear();
        foreach (Grant grant in _grants.Values)
        {
            grant.Uses = 0;
            grant.IsForgotten = true;
        }
    }

    public ulong TakePage()
    {
        _nextPage += 0x1000;
        return _nextPage - 0x1000;
    }

    public uint GrantPage(ulong page, bool isReadOnly = false)
    {
        _grants[_nextGrant] = new Grant(page, isReadOnly);
        return _nextGrant++;
    }

    public uint Read32(ulong address)
    {
        Span<byte> bytes = stackalloc byte[4];
        Assert.True(Memory.Read(address, bytes));
        return BinaryPrimitives.ReadUInt32LittleEndian(bytes);
    }

    public void Write32(ulong address, uint value) => Assert.True(Memory.Write(address, BitConverter.GetBytes(value)));

    public byte[] Read(ulong address, int count)
    {
        byte[] bytes = new byte[count];
        Assert.True(Memory.Read(address, bytes));
        return bytes;
    }

    /// <summary>Puts bytes into the store's ring as room comes, ringing each time.</summary>
    public void SendRaw(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            uint produced = Read32(StorePage + 2052);
            uint room = RingSize - (produced - Read32(StorePage + 2048));
            Assert.True(room > 0, "the store takes no more");
            int part = (int)Math.Min(Math.Min(room, (uint)bytes.Length), RingSize - produced % RingSize);
            Assert.True(Memory.Write(StorePage + produced % RingSize, bytes[..part]));
            Write32(StorePage + 2052, produced + (uint)part);
            bytes = bytes[part..];
            Notify((uint)Parameters[IXenDomain.StorePort]);
            Collect();
        }
    }

    /// <summary>Sends a request; the answer's type and payload.</summary>
    public (uint Type, byte[] Payload) Send(uint type, uint transaction, ReadOnlySpan<byte> payload)
    {
        uint request = _nextRequest++;
        byte[] message = new byte[16 + payload.Length];
        BinaryPrimitives.WriteUInt32LittleEndian(message, type);
        BinaryPrimitives.WriteUInt32LittleEndian(message.AsSpan(4), request);
        BinaryPrimitives.WriteUInt32LittleEndian(message.AsSpan(8), transaction);
        BinaryPrimitives.WriteInt32LittleEndian(message.AsSpan(12), payload.Length);
        payload.CopyTo(message.AsSpan(16));
        SendRaw(message);
        while (TryTakeMessage(out uint foundType, out uint foundRequest, out byte[] found))
        {
            if (foundRequest == request)
            {
                CollectEvents();
                return (foundType, found);
            }
        }

        throw new InvalidOperationException($"no answer to request {type}");
    }

    /// <summary>Sends a request of text, zeroes included; the answer as text, without the last zero.</summary>
    public string Ask(uint type, string payload, uint transaction = 0)
    {
        (_, byte[] answer) = Send(type, transaction, Encoding.Latin1.GetBytes(payload));
        string text = Encoding.Latin1.GetString(answer);
        return text.EndsWith('\0') ? text[..^1] : text;
    }

    public string Write(string path, string value, uint transaction = 0) => Ask(11, $"{path}\0{value}", transaction);

    public string Get(string path, uint transaction = 0) => Ask(2, $"{path}\0", transaction);

    /// <summary>Takes what the store sent unasked.</summary>
    public void CollectEvents()
    {
        Collect();
        while (TryTakeMessage(out uint type, out _, out _))
        {
            Assert.Equal(15u, type);
        }
    }

    /// <summary>The payload of the next message.</summary>
    public string TakeAnswer()
    {
        Assert.True(TryTakeMessage(out _, out _, out byte[] payload));
        return Encoding.Latin1.GetString(payload);
    }

    private void Collect()
    {
        while (true)
        {
            uint produced = Read32(StorePage + 2060);
            uint consumed = Read32(StorePage + 2056);
            if (produced == consumed)
            {
                return;
            }

            bool wasFull = produced - consumed == RingSize;
            for (; consumed != produced; consumed++)
            {
                _received.Add(Read(StorePage + 1024 + consumed % RingSize, 1)[0]);
            }

            Write32(StorePage + 2056, consumed);
            if (wasFull)
            {
                Notify((uint)Parameters[IXenDomain.StorePort]);
            }
        }
    }

    /// <summary>Takes the next whole message; an event also goes into <see cref="Events"/>.</summary>
    private bool TryTakeMessage(out uint type, out uint request, out byte[] payload)
    {
        Collect();
        (type, request, payload) = (0, 0, []);
        if (_received.Count < 16)
        {
            return false;
        }

        byte[] bytes = [.. _received];
        int length = BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(12));
        Assert.InRange(length, 0, 4096);
        if (bytes.Length < 16 + length)
        {
            return false;
        }

        type = BinaryPrimitives.ReadUInt32LittleEndian(bytes);
        request = BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(4));
        payload = bytes[16..(16 + length)];
        _received.RemoveRange(0, 16 + length);
        if (type == 15)
        {
            Events.Add(Encoding.Latin1.GetString(payload).TrimEnd('\0').Replace('\0', ' '));
        }

        return true;
    }

    private sealed class Grant(ulong page, bool isReadOnly)
    {
        public ulong Page { get; } = page;

        public bool IsReadOnly { get; } = isReadOnly;

        public int Uses { get; set; }

        /// <summary>Whoever had it does not know that it is given back.</summary>
        public bool IsForgotten { get; set; }
    }

    private sealed class End(XenGuest guest, uint port) : IXenPort
    {
        public void Notify()
        {
            lock (guest._bound)
            {
                guest.Raised[port]++;
            }
        }

        public void Dispose()
        {
            lock (guest._bound)
            {
                guest._bound.Remove(port);
            }
        }
    }
}
