namespace Jitvmm.Linux.Files;

/// <summary>Guest paths are bytes, not text. A normal one is absolute without dots, doubled or trailing slashes; the root is empty.</summary>
internal static class GuestPath
{
    /// <summary>PATH_MAX, which counts the terminator.</summary>
    public const int MaximumLength = 4095;

    /// <summary>Whether <paramref name="path"/> is <paramref name="ancestor"/> or lies below it; both normal.</summary>
    public static bool IsWithin(ReadOnlySpan<byte> path, ReadOnlySpan<byte> ancestor) =>
        path.StartsWith(ancestor) && (path.Length == ancestor.Length || path[ancestor.Length] == (byte)'/');

    /// <summary>The normal path above; the root's is the root.</summary>
    public static ReadOnlySpan<byte> Parent(ReadOnlySpan<byte> path) => path[..Math.Max(path.LastIndexOf((byte)'/'), 0)];

    /// <summary>The last component of a normal path.</summary>
    public static ReadOnlySpan<byte> Name(ReadOnlySpan<byte> path) => path[(path.LastIndexOf((byte)'/') + 1)..];

    /// <summary>How a normal path is shown: the root is "/".</summary>
    public static ReadOnlySpan<byte> Display(ReadOnlySpan<byte> path) => path.IsEmpty ? "/"u8 : path;

    /// <summary>The first component of <paramref name="path"/> after any slashes; <paramref name="rest"/> starts right behind it.</summary>
    public static ReadOnlySpan<byte> Next(ReadOnlySpan<byte> path, out ReadOnlySpan<byte> rest)
    {
        path = path.TrimStart((byte)'/');
        int end = path.IndexOf((byte)'/');
        rest = end < 0 ? [] : path[end..];
        return end < 0 ? path : path[..end];
    }

    /// <summary>Removes dots and doubled slashes by their text; for paths without symbolic links.</summary>
    public static byte[] Normalize(ReadOnlySpan<byte> path)
    {
        byte[] result = new byte[path.Length + 1];
        int length = 0;
        while (!path.IsEmpty)
        {
            ReadOnlySpan<byte> name = Next(path, out path);
            if (name.IsEmpty || name.SequenceEqual("."u8))
            {
                continue;
            }

            if (name.SequenceEqual(".."u8))
            {
                length = Parent(result.AsSpan(0, length)).Length;
                continue;
            }

            result[length++] = (byte)'/';
            name.CopyTo(result.AsSpan(length));
            length += name.Length;
        }

        return result[..length];
    }
}
