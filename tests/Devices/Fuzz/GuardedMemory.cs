using Jitvmm.Runtime.Memory;

namespace Jitvmm.Tests.Devices.Fuzz;

/// <summary>RAM that a device is given no address in: filled with a pattern that nobody may touch.</summary>
internal sealed class GuardedMemory
{
    private const byte Pattern = 0xa5;

    private readonly PhysicalMemory _memory;
    private readonly ulong _start;
    private readonly ulong _length;

    public GuardedMemory(PhysicalMemory memory, ulong start, ulong end)
    {
        _memory = memory;
        _start = start;
        _length = end - start;
        byte[] fill = new byte[_length];
        Array.Fill(fill, Pattern);
        Assert.True(memory.Write(start, fill));
    }

    public void Check()
    {
        Assert.True(_memory.TryGetSpan(_start, _length, PageAccess.Read, out Span<byte> bytes));
        int touched = bytes.IndexOfAnyExcept(Pattern);
        Assert.True(touched < 0, $"the byte at {_start + (ulong)touched:x} was written; no device was given its address");
    }
}
