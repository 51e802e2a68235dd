namespace Jitvmm.Linux.Loading;

/// <summary>The first line of a script: <c>#!interpreter [argument]</c> (execve(2), "Interpreter scripts").</summary>
internal static class ScriptLine
{
    /// <summary>How much of a file the kernel looks at.</summary>
    public const int Size = 256;

    /// <summary>Scripts whose interpreter is a script, and so on.</summary>
    public const int MaxDepth = 5;

    /// <summary>Splits the line; false when it names no interpreter or its name is cut off.</summary>
    /// <param name="start">The file's first bytes, at most <see cref="Size"/>.</param>
    /// <param name="interpreter">The interpreter's path.</param>
    /// <param name="argument">All the rest of the line, or null.</param>
    public static bool TryParse(ReadOnlySpan<byte> start, out byte[] interpreter, out byte[]? argument)
    {
        interpreter = [];
        argument = null;
        ReadOnlySpan<byte> line = start[2..];
        int end = line.IndexOf((byte)'\n');
        bool cut = end < 0 && start.Length == Size;
        line = TrimEnd(end < 0 ? line : line[..end]);
        line = line.TrimStart(" \t"u8);
        int zero = line.IndexOf((byte)0);
        line = zero < 0 ? line : line[..zero];
        int space = line.IndexOfAny((byte)' ', (byte)'\t');
        if (line.IsEmpty || (cut && space < 0))
        {
            return false;
        }

        interpreter = (space < 0 ? line : line[..space]).ToArray();
        ReadOnlySpan<byte> rest = space < 0 ? [] : line[space..].TrimStart(" \t"u8);
        argument = rest.IsEmpty ? null : rest.ToArray();
        return true;
    }

    private static ReadOnlySpan<byte> TrimEnd(ReadOnlySpan<byte> line) => line.TrimEnd(" \t"u8);
}
