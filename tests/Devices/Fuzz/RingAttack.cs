using System.Buffers.Binary;

namespace Jitvmm.Tests.Devices.Fuzz;

/// <summary>
/// A hostile driver of a virtio device: rings and descriptors written straight into memory, right and wrong: chains that loop, cross and never end, tables in tables, lengths
/// and addresses that leave RAM or wrap, indices that run away, queues of every size, registers written at any moment.
/// </summary>
/// <remarks>What lies in RAM at all lies below the end of the window, so that whatever changes above was written wrongly.</remarks>
internal sealed class RingAttack
{
    public const ulong WindowEnd = 0x500000;

    private const int MaximumQueues = 4;
    private const ulong Rings = 0x100000;
    private const ulong RingBytes = 0x10000;
    private const ulong Tables = 0x200000;
    private const ulong Buffers = 0x300000;
    private const ulong BufferBytes = 0x100000;

    // Rings that the attack puts anywhere are here, where no data comes that could be taken for a descriptor.
    private const ulong Strays = 0x480000;
    private const ushort HasNext = 1;
    private const ushort WriteOnly = 2;
    private const ushort IsTable = 4;

    private readonly VirtioDriver _driver;
    private readonly Func<Random, byte[]> _request;
    private readonly int _queues;
    private readonly ushort[] _sizes = new ushort[MaximumQueues];
    private readonly ushort[] _available = new ushort[MaximumQueues];

    /// <param name="driver">Its device is attacked.</param>
    /// <param name="request">What a plausible request begins with.</param>
    public RingAttack(VirtioDriver driver, Func<Random, byte[]> request)
    {
        _driver = driver;
        _request = request;
        _queues = Math.Min((int)driver.Read(0x12, 2), MaximumQueues);
    }

    public void Step(Random random)
    {
        int queue = random.Next(_queues);
        switch (random.Next(20))
        {
            case 0:
                Negotiate(random);
                break;
            case 1:
                int bytes = 1 << random.Next(4);
                _driver.Write(random.Next(0x4000), bytes, FuzzRun.Cut(Confined(random), bytes));
                break;
            case 2:
                _ = _driver.Read(random.Next(0x4000), 1 << random.Next(4));
                break;
            case 3:
                _driver.WriteConfig(random.Next(0x100) & ~3, (uint)Confined(random));
                _ = _driver.ReadConfig(random.Next(0x100) & ~3);
                _driver.WriteConfig(0x10, (uint)_driver.Base);
                _driver.WriteConfig(4, random.Next(16) == 0 ? 2u : 6u);
                break;
            case 4:
                Scribble(random);
                break;
            case 5:
                _driver.Write(0x3000 + 4 * random.Next(8), 2, (ulong)random.Next(8));
                break;
            case 6:
                RunAway(random, queue);
                break;
            default:
                Submit(random, queue);
                break;
        }
    }

    /// <summary>Starts the device, mostly as a driver should.</summary>
    private void Negotiate(Random random)
    {
        _driver.Write(0x14, 1, 0);
        _driver.Write(0x14, 1, 3);
        _driver.Write(8, 4, 0);
        _driver.Write(0xc, 4, random.Next(4) == 0 ? (uint)random.NextInt64() : (uint)_driver.Read(4, 4));
        _driver.Write(8, 4, 1);
        _driver.Write(0xc, 4, random.Next(8) == 0 ? (uint)random.Next(4) : 1u);
        _driver.Write(0x14, 1, 0xb);
        for (int queue = 0; queue < _queues; queue++)
        {
            StartQueue(random, queue);
        }

        _driver.Write(0x14, 1, random.Next(8) == 0 ? (ulong)random.Next(256) : 0xf);
    }

    private void StartQueue(Random random, int queue)
    {
        _available[queue] = 0;
        ulong start = Rings + (ulong)queue * RingBytes;
        Write(start, new byte[RingBytes]);
        _driver.Write(0x16, 2, (ulong)queue);
        ushort size = random.Next(8) == 0 ? (ushort)random.Next(0x10000) : (ushort)(1 << random.Next(9));
        _driver.Write(0x18, 2, size);
        _sizes[queue] = (ushort)Math.Clamp((int)size, 1, 256);
        _driver.Write(0x1a, 2, (ulong)random.Next(5));
        ReadOnlySpan<ulong> offsets = [0, 0x4000, 0x8000];
        for (int part = 0; part < 3; part++)
        {
            _driver.Write(0x20 + 8 * part, 8, random.Next(40) == 0 ? WrongAddress(random) : start + offsets[part]);
        }

        _driver.Write(0x1c, 2, 1);
    }

    /// <summary>Any number, but none whose halves are addresses of guarded RAM.</summary>
    public static ulong Confined(Random random)
    {
        ulong value = FuzzRun.Interesting(random, VirtioDriver.RamSize);
        return Confine((uint)value) | (Confine(value >> 32) << 32);
    }

    /// <summary>Addresses of nothing: beyond RAM, across its end, at the end of everything.</summary>
    private static ulong WrongAddress(Random random) => random.Next(4) switch
    {
        0 => VirtioDriver.RamSize + (ulong)random.NextInt64(1L << random.Next(1, 62)),
        1 => ulong.MaxValue - (ulong)random.Next(0x10000),
        2 => 0xfee00000 + (ulong)random.Next(0x1000),
        _ => VirtioDriver.RamSize,
    };

    private static ulong Confine(ulong half) => half is >= WindowEnd and < VirtioDriver.RamSize ? Strays + (half & 0xffff) : half;

    private static ulong BufferAddress(Random random) => Buffers + (ulong)random.NextInt64((long)BufferBytes);

    private void Write(ulong address, ReadOnlySpan<byte> bytes) => Assert.True(_driver.Memory.Write(address, bytes));

    /// <summary>Noise in what is not an address: lengths, flags and links of descriptors, and the two rings.</summary>
    private void Scribble(Random random)
    {
        ulong ring = Rings + (ulong)random.Next(MaximumQueues) * RingBytes;
        byte[] noise = new byte[random.Next(1, 9)];
        random.NextBytes(noise);
        ulong at = random.Next(2) == 0 ? 16 * (ulong)random.Next(256) + 16 - (ulong)noise.Length : 0x4000 + (ulong)random.Next(0xc000 - noise.Length);
        Write(ring + at, noise);
    }

    /// <summary>The driver's index jumps, or its ring names descriptors that are not there.</summary>
    private void RunAway(Random random, int queue)
    {
        ulong ring = Rings + (ulong)queue * RingBytes + 0x4000;
        if (random.Next(4) == 0)
        {
            Write(ring + 2, BitConverter.GetBytes((ushort)random.Next(0x10000)));
        }
        else
        {
            Write(ring + 4 + 2 * (ulong)random.Next(_sizes[queue]), BitConverter.GetBytes((ushort)random.Next(0x10000)));
        }

        _driver.Write(0x3000 + 4 * queue, 2, (ulong)queue);
    }

    /// <summary>A chain of descriptors, mostly right, made available.</summary>
    private void Submit(Random random, int queue)
    {
        ushort size = _sizes[queue];
        if (size == 0)
        {
            return;
        }

        ulong ring = Rings + (ulong)queue * RingBytes;
        int head = random.Next(size);
        byte[] request = _request(random);
        bool isWrong = random.Next(12) == 0;
        int readable = request.Length == 0 ? 0 : random.Next(1, 4);
        byte[] chain = Chain(random, request, readable, random.Next(4), isWrong);
        int count = chain.Length / 16;
        if (count > size || random.Next(3) == 0)
        {
            ulong table = random.Next(60) == 0 ? WrongAddress(random) : Tables + (ulong)(random.Next(0x1000) << 4);
            if (table < WindowEnd)
            {
                Link(chain, 0, isWrong ? random.Next(1, 8) : count, random);
                Write(table, chain);
            }

            uint length = isWrong ? (uint)FuzzRun.Interesting(random, VirtioDriver.RamSize) : (uint)chain.Length;
            Write(ring + 16 * (ulong)head, Descriptor(table, length, (ushort)(IsTable | (random.Next(60) == 0 ? HasNext : 0)), (ushort)random.Next(size)));
        }
        else
        {
            Link(chain, head, size, random);
            for (int i = 0; i < count; i++)
            {
                Write(ring + 16 * (ulong)((head + i) % size), chain.AsSpan(16 * i, 16));
            }
        }

        Write(ring + 0x4004 + 2 * (ulong)(_available[queue] & (size - 1)), BitConverter.GetBytes((ushort)head));
        Write(ring + 0x4002, BitConverter.GetBytes(++_available[queue]));
        if (random.Next(4) != 0)
        {
            _driver.Write(0x3000 + 4 * queue, 2, (ulong)queue);
        }

        if (random.Next(4) == 0)
        {
            // A driver that sees its queue broken begins again.
            if ((_driver.Status & 0x40) != 0)
            {
                Negotiate(random);
            }
        }
    }

    /// <summary>Descriptors without their links: the request in pieces, then room for the answer.</summary>
    private byte[] Chain(Random random, byte[] request, int readable, int writable, bool isWrong)
    {
        byte[] chain = new byte[16 * Math.Max(readable + writable, 1)];
        int taken = 0;
        for (int i = 0; i < readable + writable; i++)
        {
            bool writes = i >= readable;
            ulong address = BufferAddress(random);
            uint length = (uint)(random.Next(4) == 0 ? random.Next(0x10000) : 512 * random.Next(3) + random.Next(2));
            if (!writes)
            {
                int part = i == readable - 1 ? request.Length - taken : random.Next(request.Length - taken + 1);
                Write(address, request.AsSpan(taken, part));
                taken += part;
                length = (uint)part;
            }

            if (isWrong && random.Next(3) == 0)
            {
                (address, length) = (WrongAddress(random), (uint)FuzzRun.Interesting(random, VirtioDriver.RamSize));
            }

            Descriptor(address, length, (ushort)(writes && !(isWrong && random.Next(4) == 0) ? WriteOnly : 0), 0).CopyTo(chain, 16 * i);
        }

        return chain;
    }

    /// <summary>Each descriptor leads to the next; now and then to any, which makes loops.</summary>
    private static void Link(Span<byte> chain, int first, int size, Random random)
    {
        for (int i = 0; i < chain.Length / 16; i++)
        {
            Span<byte> descriptor = chain.Slice(16 * i, 16);
            bool isLast = i == chain.Length / 16 - 1;
            if (!isLast || random.Next(60) == 0)
            {
                descriptor[12] |= (byte)HasNext;
            }

            int next = random.Next(60) == 0 ? random.Next(0x10000) : (first + i + 1) % size;
            BinaryPrimitives.WriteUInt16LittleEndian(descriptor[14..], (ushort)next);
        }
    }

    private static byte[] Descriptor(ulong address, uint length, ushort flags, ushort next)
    {
        byte[] bytes = new byte[16];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, address);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(8), length);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(12), flags);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(14), next);
        return bytes;
    }
}
