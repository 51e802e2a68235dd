using Iced.Intel;

namespace Jitvmm.Translator.Decode;

/// <summary>Feeds the decoder guest bytes between two host pointers that the caller has checked, and remembers them.</summary>
internal sealed unsafe class GuestCodeReader : CodeReader
{
    private readonly byte[] _read = new byte[(BlockDecoder.MaxInstructions + 1) * BlockDecoder.MaxInstructionBytes];
    private int _count;
    private byte* _next;
    private byte* _end;

    /// <summary>What the decoder has read since <see cref="Set"/>.</summary>
    public ReadOnlySpan<byte> Bytes => _read.AsSpan(0, _count);

    public void Set(byte* start, byte* end)
    {
        _next = start;
        _end = end;
        _count = 0;
    }

    public override int ReadByte()
    {
        if (_next >= _end)
        {
            return -1;
        }

        // Once from memory: another thread may change it.
        byte value = Volatile.Read(ref *_next++);
        if (_count < _read.Length)
        {
            _read[_count++] = value;
        }

        return value;
    }
}
