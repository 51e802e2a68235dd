namespace Jitvmm.Tests.Devices.Xen;

/// <summary>A guest's half of a ring: granted pages that are apart in memory, four indices, slots.</summary>
internal sealed class XenRing
{
    private readonly XenGuest _guest;
    private readonly int _slotLength;
    private uint _requests;
    private uint _responses;

    public XenRing(XenGuest guest, int slotLength, int pages = 1)
    {
        _guest = guest;
        _slotLength = slotLength;
        for (int i = 0; i < pages; i++)
        {
            _ = guest.TakePage();
            Pages.Add(guest.TakePage());
            References.Add(guest.GrantPage(Pages[i]));
        }

        Set(4, 1);
        Set(12, 1);
        for (Size = 1; 2 * Size * slotLength <= pages * 4096 - 64; Size *= 2)
        {
        }
    }

    public List<ulong> Pages { get; } = [];

    public List<uint> References { get; } = [];

    public int Size { get; }

    public uint ResponseProducer => Get(8);

    public uint RequestEvent => Get(4);

    public uint Get(int offset) => _guest.Read32(Pages[0] + (ulong)offset);

    public void Set(int offset, uint value) => _guest.Write32(Pages[0] + (ulong)offset, value);

    /// <summary>Puts a request in; the host sees it after <see cref="Push"/>.</summary>
    public void Put(ReadOnlySpan<byte> request)
    {
        int at = 64 + _slotLength * (int)(_requests++ % (uint)Size);
        foreach (byte part in request)
        {
            Assert.True(_guest.Memory.Write(Pages[at / 4096] + (ulong)(at % 4096), [part]));
            at++;
        }
    }

    public void Push() => Set(0, _requests);

    /// <summary>Takes the next answer; null: there is none.</summary>
    public byte[]? TryTake()
    {
        Set(12, _responses + 1);
        if (Get(8) == _responses)
        {
            return null;
        }

        int at = 64 + _slotLength * (int)(_responses++ % (uint)Size);
        byte[] answer = new byte[_slotLength];
        for (int i = 0; i < answer.Length; i++, at++)
        {
            answer[i] = _guest.Read(Pages[at / 4096] + (ulong)(at % 4096), 1)[0];
        }

        Set(12, _responses + 1);
        return answer;
    }
}
