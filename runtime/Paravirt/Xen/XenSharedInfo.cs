using System.Runtime.CompilerServices;
using Jitvmm.Runtime.Memory;

namespace Jitvmm.Runtime.Paravirt.Xen;

/// <summary>
/// The shared information page and each processor's part of it (xen/include/public/xen.h, arch-x86/xen.h): which events are pending, which are masked, and the clocks. Layouts for
/// 32-bit and 64-bit guests differ in their longs. Under the domain's lock, except where it says otherwise.
/// </summary>
internal sealed unsafe class XenSharedInfo
{
    /// <summary>Bytes of a <c>vcpu_info</c>.</summary>
    public const int ProcessorLength = 64;

    /// <summary>Processors whose <c>vcpu_info</c> is in the page until they place it elsewhere.</summary>
    private const int ProcessorsInPage = 32;

    /// <summary>With a page's room for those that are not.</summary>
    private const int MaximumProcessors = ProcessorsInPage + ((int)GuestPages.PageSize / ProcessorLength);

    private const int PendingOffset = 0x800;
    private const int ClockOffset = 32;
    private const int BitsInWord = 32;
    private const long NanosecondsPerSecond = 1_000_000_000;
    private const ulong InPage = ulong.MaxValue;

    private readonly PhysicalMemory _memory;
    private readonly ulong[] _places = new ulong[MaximumProcessors];
    private readonly XenPage _beyond;

    public XenSharedInfo(PhysicalMemory memory)
    {
        _memory = memory;
        Page = new XenPage(memory);
        _beyond = new XenPage(memory);
        _places.AsSpan().Fill(InPage);
    }

    public XenPage Page { get; }

    /// <summary>Whether longs have 64 bits.</summary>
    public bool Is64Bit { get; set; } = true;

    /// <summary>Ports that there are (event_channel.h: the 2-level ABI): a bit of a long for each bit of a long.</summary>
    public uint Ports => (uint)(LongBits * LongBits);

    private int LongBits => Is64Bit ? 64 : 32;

    private byte* Pending => Page.Bytes + PendingOffset;

    private byte* Masks => Pending + (Ports / 8);

    /// <summary>Where a processor's <c>vcpu_info</c> was placed; null when it was not.</summary>
    public ulong? PlaceOf(int processor) => _places[processor] is InPage ? null : _places[processor];

    /// <summary>Whether a processor's events wait for it to look. Any thread.</summary>
    public bool IsUpcallPending(int processor) => Volatile.Read(ref *InfoOf(processor)) != 0;

    /// <summary>Notes an event. True: its processor has to be told.</summary>
    public bool Raise(uint port, int processor)
    {
        bool tells = !TestAndSet(Pending, port) && !IsSet(Masks, port) && Select(port, processor);
        Page.Written();
        return tells;
    }

    /// <summary>Lets an event through. True: it waited, and its processor has to be told.</summary>
    public bool Unmask(uint port, int processor)
    {
        bool tells = TestAndClear(Masks, port) && IsSet(Pending, port) && Select(port, processor);
        Page.Written();
        return tells;
    }

    public bool IsPending(uint port) => IsSet(Pending, port);

    public void ClearPending(uint port)
    {
        _ = TestAndClear(Pending, port);
        Page.Written();
    }

    /// <summary>
    /// Moves a processor's <c>vcpu_info</c>, once, to 64 bytes of RAM within a page. Everything looks pending there, so that nothing is lost on the way.
    /// </summary>
    public void Place(int processor, ulong address)
    {
        byte* before = InfoOf(processor);
        byte* bytes = _memory.HostBase + address;
        Buffer.MemoryCopy(before, bytes, ProcessorLength, ProcessorLength);
        Volatile.Write(ref _places[processor], address);
        bytes[0] = 1;
        if (Is64Bit)
        {
            *(ulong*)(bytes + sizeof(ulong)) = ulong.MaxValue;
        }
        else
        {
            *(uint*)(bytes + sizeof(uint)) = uint.MaxValue;
        }

        Written(processor);
    }

    /// <summary>What <see cref="PlaceOf"/> was, in a machine whose memory is what it was. False: it is not in RAM.</summary>
    public bool TryRestorePlace(int processor, ulong? address)
    {
        _places[processor] = address ?? InPage;
        return address is not { } place || IsPlace(place);
    }

    /// <summary>Whether a <c>vcpu_info</c> can be at an address.</summary>
    public bool IsPlace(ulong address) =>
        address % sizeof(ulong) == 0 && GuestPages.BytesInPage(address) >= ProcessorLength && _memory.Allows(address, ProcessorLength, PageAccess.Read | PageAccess.Write);

    /// <summary>Fills in a processor's clock.</summary>
    public void WriteClock(int processor, IParavirtualHost host, ulong timeStampOffset, bool isStable)
    {
        byte* clock = InfoOf(processor) + ClockOffset;
        SharedRecord.BeginChange((uint*)clock);
        PvClock.Fill(clock, host, timeStampOffset, isStable);
        SharedRecord.EndChange((uint*)clock);
        Written(processor);
    }

    /// <summary>Fills in what time it was when machine time was 0: version, seconds, nanoseconds, and of a 64-bit guest the seconds' high half.</summary>
    public void WriteWallClock(IParavirtualHost host)
    {
        uint* clock = (uint*)(Masks + (Ports / 8));
        ulong seconds = (ulong)(host.UtcAtStart / NanosecondsPerSecond);
        SharedRecord.BeginChange(clock);
        clock[1] = (uint)seconds;
        clock[2] = (uint)(host.UtcAtStart % NanosecondsPerSecond);
        if (Is64Bit)
        {
            clock[3] = (uint)(seconds >> 32);
        }

        SharedRecord.EndChange(clock);
        Page.Written();
    }

    private byte* InfoOf(int processor)
    {
        ulong place = Volatile.Read(ref _places[processor]);
        if (place != InPage)
        {
            return _memory.HostBase + place;
        }

        return processor < ProcessorsInPage ? Page.Bytes + (processor * ProcessorLength) : _beyond.Bytes + ((processor - ProcessorsInPage) * ProcessorLength);
    }

    /// <summary>Marks the long of a port, and the processor's events. True: they were not.</summary>
    private bool Select(uint port, int processor)
    {
        byte* info = InfoOf(processor);
        bool isFirst = !TestAndSet(info + (LongBits / 8), port / (uint)LongBits) && Interlocked.Exchange(ref *info, (byte)1) == 0;
        Written(processor);
        return isFirst;
    }

    private void Written(int processor)
    {
        ulong place = _places[processor];
        if (place != InPage)
        {
            _memory.InvalidateCode(place, ProcessorLength);
        }
        else
        {
            Page.Written();
        }
    }

    private static bool IsSet(byte* bits, uint index) => (Volatile.Read(ref Word(bits, index)) & Bit(index)) != 0;

    private static bool TestAndSet(byte* bits, uint index) => (Interlocked.Or(ref Word(bits, index), Bit(index)) & Bit(index)) != 0;

    private static bool TestAndClear(byte* bits, uint index) => (Interlocked.And(ref Word(bits, index), ~Bit(index)) & Bit(index)) != 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ref uint Word(byte* bits, uint index) => ref ((uint*)bits)[index / BitsInWord];

    private static uint Bit(uint index) => 1u << (int)(index % BitsInWord);
}
