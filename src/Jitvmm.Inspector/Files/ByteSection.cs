using System.Runtime.InteropServices;

namespace Jitvmm.Inspector.Files;

/// <summary>A section of bytes that grows.</summary>
public sealed class ByteSection
{
    private readonly List<byte> _bytes = [];

    public int Length => _bytes.Count;

    internal ReadOnlySpan<byte> Bytes => CollectionsMarshal.AsSpan(_bytes);

    /// <summary>Appends bytes.</summary>
    public void Write(ReadOnlySpan<byte> bytes) => _bytes.AddRange(bytes);

    /// <summary>Makes room for that many bytes.</summary>
    internal void Reserve(int bytes) => _bytes.EnsureCapacity(bytes);

    internal void Clear() => _bytes.Clear();
}
