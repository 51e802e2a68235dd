using System.Text;

namespace Jitvmm.Devices.Firmware;

/// <summary>
/// Writes ACPI machine language (ACPI 6.5, chapter 20). Each member returns the bytes of one term, so that nesting in the source is nesting in the table.
/// </summary>
internal static class AmlWriter
{
    private const byte ExtendedPrefix = 0x5b;

    public static byte[] Concat(params byte[][] parts)
    {
        var all = new List<byte>();
        foreach (byte[] part in parts)
        {
            all.AddRange(part);
        }

        return [.. all];
    }

    /// <summary>Scope(\_SB) and the like: a root prefix, or a single segment.</summary>
    public static byte[] Scope(string name, params byte[][] body) => Package(0x10, Concat([PathOf(name), .. body]));

    public static byte[] Device(string name, params byte[][] body) => [ExtendedPrefix, .. Package(0x82, Concat([PathOf(name), .. body]))];

    public static byte[] Name(string name, byte[] value) => [0x08, .. PathOf(name), .. value];

    public static byte[] PackageOf(params byte[][] elements) => Package(0x12, [(byte)elements.Length, .. Concat(elements)]);

    /// <summary>A package of more than 255 elements would need VarPackage; none here has.</summary>
    public static byte[] BufferOf(byte[] content) => Package(0x11, [.. Integer((ulong)content.Length), .. content]);

    public static byte[] Text(string value) => [0x0d, .. Encoding.ASCII.GetBytes(value), 0];

    public static byte[] Integer(ulong value) => value switch
    {
        0 => [0],
        1 => [1],
        <= byte.MaxValue => [0x0a, (byte)value],
        <= ushort.MaxValue => [0x0b, (byte)value, (byte)(value >> 8)],
        <= uint.MaxValue => [0x0c, .. BitConverter.GetBytes((uint)value)],
        _ => [0x0e, .. BitConverter.GetBytes(value)],
    };

    /// <summary>A compressed EISA identifier: three letters and four hexadecimal digits (19.6.36).</summary>
    public static byte[] EisaId(string id)
    {
        int letters = ((id[0] - '@') << 10) | ((id[1] - '@') << 5) | (id[2] - '@');
        int product = Convert.ToInt32(id[3..], 16);
        return [0x0c, (byte)(letters >> 8), (byte)letters, (byte)(product >> 8), (byte)product];
    }

    /// <summary>A term with its package length (20.2.4).</summary>
    private static byte[] Package(byte opcode, byte[] content)
    {
        int length = content.Length + 1;
        if (length < 0x40)
        {
            return [opcode, (byte)length, .. content];
        }

        length++;
        if (length < 0x1000)
        {
            return [opcode, (byte)(0x40 | (length & 15)), (byte)(length >> 4), .. content];
        }

        length++;
        return [opcode, (byte)(0x80 | (length & 15)), (byte)(length >> 4), (byte)(length >> 12), .. content];
    }

    private static byte[] PathOf(string name)
    {
        bool isRoot = name.StartsWith('\\');
        string segment = (isRoot ? name[1..] : name).PadRight(4, '_');
        byte[] bytes = Encoding.ASCII.GetBytes(segment);
        return isRoot ? [(byte)'\\', .. bytes] : bytes;
    }
}
