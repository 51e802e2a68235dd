using System.Numerics;
using Jitvmm.Runtime.Memory;
using Jitvmm.Runtime.Paravirt.Xen;

namespace Jitvmm.Devices.Xen;

/// <summary>
/// A ring of requests and answers in pages that a guest grants (xen/include/public/io/ring.h): four free-running indices, then slots that hold a request or its answer. The pages follow each
/// other in the guest's view only, so a slot may lie in two of them. Its owner holds a lock.
/// </summary>
/// <remarks>Requests are copied before they are looked at. The guest's two indices are read once and checked; ours are kept here and never read back.</remarks>
internal sealed unsafe class SharedRing
{
    public const int MaximumPages = 16;

    private const int HeaderLength = 64;
    private const int RequestProducer = 0;
    private const int RequestEvent = 4;
    private const int ResponseProducer = 8;
    private const int ResponseEvent = 12;
    private const int PageSize = (int)GuestPages.PageSize;

    private readonly IXenDomain _domain;
    private readonly uint[] _references;
    private readonly ulong[] _pages;
    private readonly int _slotLength;
    private uint _taken;
    private uint _answered;
    private uint _published;

    private SharedRing(IXenDomain domain, uint[] references, ulong[] pages, int slotLength)
    {
        _domain = domain;
        _references = references;
        _pages = pages;
        _slotLength = slotLength;
        Size = 1 << BitOperations.Log2((uint)((pages.Length * PageSize - HeaderLength) / slotLength));

        // Who had the ring before answered all it took.
        _taken = _answered = _published = Get(ResponseProducer);
    }

    /// <summary>Slots.</summary>
    public int Size { get; }

    /// <summary>The guest broke the rules; the ring is used no more.</summary>
    public bool IsBroken { get; private set; }

    /// <summary>Takes the pages. Null: one of them is not granted.</summary>
    public static SharedRing? Map(IXenDomain domain, uint[] references, int slotLength)
    {
        ulong[] pages = new ulong[references.Length];
        for (int i = 0; i < references.Length; i++)
        {
            if (!domain.TryMapGrant(references[i], true, out pages[i]))
            {
                Release(domain, references.AsSpan(0, i));
                return null;
            }
        }

        return new SharedRing(domain, references, pages, slotLength);
    }

    public void Unmap()
    {
        IsBroken = true;
        Release(_domain, _references);
    }

    /// <summary>Requests there are to take; 0 also when the ring is broken.</summary>
    public int Available
    {
        get
        {
            if (IsBroken)
            {
                return 0;
            }

            uint produced = Get(RequestProducer);
            if (produced - _answered > (uint)Size || produced - _taken > (uint)Size)
            {
                IsBroken = true;
                return 0;
            }

            return (int)(produced - _taken);
        }
    }

    /// <summary>Copies the next of the available requests, or its beginning.</summary>
    public void Take(Span<byte> request)
    {
        Peek(0, request);
        _taken++;
    }

    /// <summary>Copies one of the available requests without taking it.</summary>
    public void Peek(int index, Span<byte> request)
    {
        int at = SlotAt(_taken + (uint)index);
        while (!request.IsEmpty)
        {
            int part = Math.Min(request.Length, PageSize - at % PageSize);
            new ReadOnlySpan<byte>(Host(at), part).CopyTo(request);
            request = request[part..];
            at += part;
        }
    }

    /// <summary>Puts the next answer in; the guest sees it after <see cref="Publish"/>.</summary>
    public void Answer(ReadOnlySpan<byte> response)
    {
        if (IsBroken)
        {
            return;
        }

        int at = SlotAt(_answered++);
        while (!response.IsEmpty)
        {
            int part = Math.Min(response.Length, PageSize - at % PageSize);
            _ = _domain.Memory.Write(Physical(at), response[..part]);
            response = response[part..];
            at += part;
        }
    }

    /// <summary>Shows the guest what was answered; whether it wants to be told.</summary>
    public bool Publish()
    {
        if (IsBroken || _answered == _published)
        {
            return false;
        }

        uint before = _published;
        _published = _answered;
        Set(ResponseProducer, _published);

        // The guest writes its wish and then looks for answers: the opposite order.
        Interlocked.MemoryBarrier();
        return _published - Get(ResponseEvent) < _published - before;
    }

    /// <summary>Asks to be told of the next request. True when one is there already.</summary>
    public bool AskForMore()
    {
        if (IsBroken)
        {
            return false;
        }

        Set(RequestEvent, _taken + 1);
        Interlocked.MemoryBarrier();
        return Available > 0;
    }

    private static void Release(IXenDomain domain, ReadOnlySpan<uint> references)
    {
        foreach (uint reference in references)
        {
            domain.EndGrant(reference, true);
        }
    }

    private int SlotAt(uint index) => HeaderLength + _slotLength * (int)(index & (uint)(Size - 1));

    private ulong Physical(int at) => _pages[at / PageSize] + (ulong)(at % PageSize);

    private byte* Host(int at) => _domain.Memory.HostBase + Physical(at);

    private uint Get(int offset) => Volatile.Read(ref *(uint*)Host(offset));

    private void Set(int offset, uint value)
    {
        Volatile.Write(ref *(uint*)Host(offset), value);
        _domain.Memory.InvalidateCode(Physical(offset), sizeof(uint));
    }
}
