using System.Text;

namespace Jitvmm.Tests.Devices.Fuzz;

/// <summary>9P2000.L requests whose fields are mostly right: few fids, few names, so that what one makes another finds; lengths and flags at their edges.</summary>
internal static class NineMessages
{
    private static readonly string[] s_names = ["a", "b", "c", "dir", "pipe", "link", "..", ".", "", "x/y", "n\0l", new('n', 255), new('m', 256), "é"];

    public static byte[] Next(Random random)
    {
        byte type = Type(random);
        byte[] body = Body(random, type);
        if (random.Next(30) == 0)
        {
            body = body[..random.Next(body.Length + 1)];
        }

        // The size field is the message's word for its own length; the queue knows better.
        uint size = random.Next(30) == 0 ? (uint)random.NextInt64() : (uint)(7 + body.Length);
        return [.. U32(size), type, .. U16((ushort)random.Next(4)), .. body];
    }

    private static byte Type(Random random)
    {
        ReadOnlySpan<byte> types = [8, 12, 14, 16, 18, 22, 24, 26, 30, 40, 50, 52, 54, 70, 72, 74, 76, 104, 108, 110, 110, 110, 116, 118, 120, 122];
        return random.Next(400) switch
        {
            // A new session forgets all fids: seldom enough for some to be there.
            0 => 100,
            < 10 => (byte)random.Next(256),
            < 40 => 104,
            _ => types[random.Next(types.Length)],
        };
    }

    private static byte[] Body(Random random, byte type) => type switch
    {
        12 => [.. Fid(random), .. Flags(random)],
        14 => [.. Fid(random), .. Name(random), .. Flags(random), .. U32((uint)random.Next(0x1000)), .. U32(0)],
        16 => [.. Fid(random), .. Name(random), .. Text(Target(random)), .. U32(0)],
        18 => [.. Fid(random), .. Name(random), .. U32((random.Next(2) == 0 ? 0x1000 : (uint)random.Next(16) << 12) | 0x1ff), .. U32(1), .. U32(3), .. U32(0)],
        24 => [.. Fid(random), .. U64(0x7ff)],
        26 => [.. Fid(random), .. U32((uint)random.Next(0x200) & ~6u), .. U32(0x1ff), .. U32(0), .. U32(0), .. U64(Offset(random)), .. Noise(random, 32)],
        40 or 116 => [.. Fid(random), .. U64(Offset(random)), .. U32(Count(random))],
        52 => [.. Fid(random), .. Noise(random, 40)],
        54 => [.. Fid(random), .. Noise(random, 21), .. Name(random)],
        70 => [.. Fid(random), .. Fid(random), .. Name(random)],
        72 => [.. Fid(random), .. Name(random), .. U32((uint)random.Next(0x1000)), .. U32(0)],
        74 => [.. Fid(random), .. Name(random), .. Fid(random), .. Name(random)],
        76 => [.. Fid(random), .. Name(random), .. U32(random.Next(2) == 0 ? 0x200u : 0)],
        100 => [.. U32(random.Next(3) == 0 ? 4096u : Count(random)), .. Text(random.Next(4) == 0 ? "9P2000" : "9P2000.L")],
        104 => [.. Fid(random), .. U32(uint.MaxValue), .. Text("root"), .. Text(""), .. U32(0)],
        110 => Walk(random),
        118 => Write(random),
        _ => [.. Fid(random), .. Noise(random, random.Next(40))],
    };

    private static byte[] Walk(Random random)
    {
        int count = random.Next(4) == 0 ? random.Next(20) : random.Next(3);
        IEnumerable<byte> names = Enumerable.Range(0, count).SelectMany(_ => Name(random));
        return [.. Fid(random), .. Fid(random), .. U16((ushort)(random.Next(30) == 0 ? random.Next(0x10000) : count)), .. names];
    }

    private static byte[] Write(Random random)
    {
        byte[] data = Noise(random, random.Next(200));
        uint count = random.Next(20) == 0 ? (uint)random.NextInt64() : (uint)data.Length;
        return [.. Fid(random), .. U64(Offset(random)), .. U32(count), .. data];
    }

    /// <summary>Where links lead: somewhere in the share, out of it, as far as a path can.</summary>
    private static string Target(Random random) => random.Next(3) switch
    {
        0 => "/etc/passwd",
        1 => s_names[random.Next(s_names.Length)],
        _ => new string('t', random.Next(4080, 4100)),
    };

    /// <summary>A file of at most a few KiB, but for offsets that no file has.</summary>
    private static ulong Offset(Random random) => random.Next(10) switch
    {
        0 => ulong.MaxValue - (ulong)random.Next(16),
        1 => long.MaxValue,
        _ => (ulong)random.Next(4096),
    };

    private static uint Count(Random random) => random.Next(4) switch
    {
        0 => uint.MaxValue,
        1 => (uint)random.Next(64),
        _ => (uint)random.Next(0x100000),
    };

    private static byte[] Fid(Random random) => U32(random.Next(40) == 0 ? (uint)random.NextInt64() : (uint)random.Next(6));

    private static byte[] Name(Random random) => Text(s_names[random.Next(s_names.Length)]);

    // Any access mode with create, exclusive, truncate, append, synchronous, folder, no-follow, path.
    private static byte[] Flags(Random random) => U32((uint)(random.Next(4) == 0 ? random.Next() : random.Next(3) | (random.Next(2) * 0x40) | (random.Next(2) * 0x200)));

    private static byte[] Noise(Random random, int length)
    {
        byte[] bytes = new byte[length];
        random.NextBytes(bytes);
        return bytes;
    }

    private static byte[] Text(string value)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(value);
        return [.. U16((ushort)bytes.Length), .. bytes];
    }

    private static byte[] U16(ushort value) => BitConverter.GetBytes(value);

    private static byte[] U32(uint value) => BitConverter.GetBytes(value);

    private static byte[] U64(ulong value) => BitConverter.GetBytes(value);
}
