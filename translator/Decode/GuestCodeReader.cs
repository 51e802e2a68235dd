using Iced.Intel;

namespace Jitvmm.Translator.Decode;

/// <summary>Feeds the decoder guest bytes between two host pointers that the caller has checked.</summary>
internal sealed unsafe class GuestCodeReader : CodeReader
{
    private byte* _next;
    private byte* _end;

    public void Set(byte* start, byte* end)
    {
        _next = start;
        _end = end;
    }

    public override int ReadByte() => _next < _end ? *_next++ : -1;
}
