using System.Runtime.CompilerServices;

namespace Jitvmm.Runtime.Paravirt.Xen;

/// <summary>
/// A structure in guest memory, field by field in their order: each is aligned to its length, except that 32-bit code aligns 8 bytes to 4 (System V ABI, i386). A field that cannot be
/// had is 0, and <see cref="IsFaulty"/> is set from then on.
/// </summary>
internal unsafe ref struct XenRecord(in XenCall call, ulong address)
{
    private readonly XenCall _call = call;
    private ulong _offset;

    public bool IsFaulty { get; private set; }

    /// <summary>Goes on behind the end of an inner structure of words and shorter fields.</summary>
    public void EndInner() => _offset = AlignedTo((ulong)_call.WordLength);

    public ushort Read16() => (ushort)Read(sizeof(ushort));

    public uint Read32() => (uint)Read(sizeof(uint));

    public ulong Read64() => Read(sizeof(ulong));

    /// <summary>An unsigned long, a frame's number or an address.</summary>
    public ulong ReadWord() => Read(_call.WordLength);

    public void Write16(int value) => Write(sizeof(ushort), (ushort)value);

    public void Write32(uint value) => Write(sizeof(uint), value);

    public void Write64(ulong value) => Write(sizeof(ulong), value);

    public void WriteWord(ulong value) => Write(_call.WordLength, value);

    private ulong Read(int length)
    {
        ulong value = 0;
        IsFaulty |= !_call.TryRead(Advance(length), new Span<byte>(&value, length));
        return IsFaulty ? 0 : value;
    }

    private void Write(int length, ulong value) => IsFaulty |= !_call.TryWrite(Advance(length), new ReadOnlySpan<byte>(Unsafe.AsPointer(ref value), length));

    private ulong Advance(int length)
    {
        ulong alignment = (ulong)Math.Min(length, _call.WordLength);
        ulong at = AlignedTo(alignment);
        _offset = at + (uint)length;
        return address + at;
    }

    private readonly ulong AlignedTo(ulong alignment) => (_offset + alignment - 1) & ~(alignment - 1);
}
