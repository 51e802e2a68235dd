using System.Buffers.Binary;
using System.Globalization;
using Jitvmm.Devices.Disks;
using Jitvmm.Devices.Xen;

namespace Jitvmm.Tests.Devices.Xen;

/// <summary>A guest's driver of a Xen disk, of 32 or 64 bits.</summary>
internal sealed class XenDisk : IDisposable
{
    public const byte Read = 0;
    public const byte Write = 1;
    public const byte Barrier = 2;
    public const byte Flush = 3;
    public const byte Discard = 5;
    public const byte Indirect = 6;

    private const string Front = "device/vbd/51712";
    private const string Back = "/local/domain/0/backend/vbd/1/51712";

    private readonly DiskImage _image;
    private ulong _nextId = 0x1234_5678_0000_0000;

    public XenDisk(string path, bool isReadOnly = false, int queues = 1, bool isInline = true)
    {
        _image = new DiskImage(path, isReadOnly);
        Host = new XenHost(Guest, XenGuest.Pages, 64 << 20, 1);
        Host.AddDisk(_image, queues, isInline);
    }

    public XenGuest Guest { get; } = new();

    public XenHost Host { get; }

    public bool IsShort { get; init; }

    public XenRing Ring { get; private set; } = null!;

    public uint Port { get; private set; }

    public string State => Guest.Get($"{Back}/state");

    public void Dispose()
    {
        Host.Dispose();
        _image.Dispose();
        Guest.Dispose();
    }

    /// <summary>What is on the disk: .NET opens no file that another has locked.</summary>
    public unsafe byte[] Content()
    {
        byte[] content = new byte[_image.Length];
        fixed (byte* bytes = content)
        {
            Assert.True(_image.Read(0, [new TransferPiece(bytes, (nuint)content.Length)]));
        }

        return content;
    }

    public string Offered(string name) => Guest.Get($"{Back}/{name}");

    public void Tell(string name, string value) => Assert.Equal("OK", Guest.Write($"{Front}/{name}", value));

    /// <summary>Makes a ring, says where it is, and waits for the host's half.</summary>
    public void Connect(int order = 0)
    {
        Assert.Equal("2", State);
        Ring = new XenRing(Guest, IsShort ? 108 : 112, 1 << order);
        Port = Guest.AllocateUnbound();
        if (order == 0)
        {
            Tell("ring-ref", $"{Ring.References[0]}");
        }
        else
        {
            Tell("ring-page-order", $"{order}");
            for (int i = 0; i < Ring.References.Count; i++)
            {
                Tell(string.Create(CultureInfo.InvariantCulture, $"ring-ref{i}"), $"{Ring.References[i]}");
            }
        }

        Tell("event-channel", $"{Port}");
        Tell("protocol", IsShort ? "x86_32-abi" : "x86_64-abi");
        Tell("state", "3");
        Assert.Equal("4", State);
        Tell("state", "4");
    }

    public void Leave()
    {
        Tell("state", "5");
        Assert.Equal("5", State);
        Tell("state", "6");
        Assert.Equal("6", State);
        Tell("state", "1");
    }

    /// <summary>A request of segments: grant, first and last sector.</summary>
    public byte[] Request(byte operation, ulong sector, params (uint Grant, byte First, byte Last)[] segments)
    {
        byte[] request = new byte[IsShort ? 108 : 112];
        int id = IsShort ? 4 : 8;
        request[0] = operation;
        request[1] = (byte)segments.Length;
        BinaryPrimitives.WriteUInt64LittleEndian(request.AsSpan(id), _nextId++);
        BinaryPrimitives.WriteUInt64LittleEndian(request.AsSpan(id + 8), sector);
        for (int i = 0; i < Math.Min(segments.Length, 11); i++)
        {
            Segment(segments[i]).CopyTo(request, id + 16 + 8 * i);
        }

        return request;
    }

    public byte[] IndirectRequest(byte operation, ulong sector, params (uint Grant, byte First, byte Last)[] segments)
    {
        ulong page = Guest.TakePage();
        for (int i = 0; i < Math.Min(segments.Length, 512); i++)
        {
            Assert.True(Guest.Memory.Write(page + 8 * (ulong)i, Segment(segments[i])));
        }

        byte[] request = Request(Indirect, sector);
        request[1] = operation;
        BinaryPrimitives.WriteUInt16LittleEndian(request.AsSpan(2), (ushort)segments.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(request.AsSpan(IsShort ? 24 : 28), Guest.GrantPage(page, true));
        return request;
    }

    /// <summary>Has a request done; its status.</summary>
    public short Do(byte[] request)
    {
        Ring.Put(request);
        Ring.Push();
        Guest.Notify(Port);
        byte[] answer = Ring.TryTake() ?? throw new InvalidOperationException("no answer");
        Assert.Equal(request.AsSpan(IsShort ? 4 : 8, 8).ToArray(), answer[..8]);
        Assert.Equal(request[0] == Indirect ? request[1] : request[0], answer[8]);
        return BinaryPrimitives.ReadInt16LittleEndian(answer.AsSpan(10));
    }

    private static byte[] Segment((uint Grant, byte First, byte Last) segment) => [.. BitConverter.GetBytes(segment.Grant), segment.First, segment.Last, 0, 0];
}
