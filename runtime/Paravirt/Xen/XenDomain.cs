using Jitvmm.Runtime.Memory;

namespace Jitvmm.Runtime.Paravirt.Xen;

/// <summary>What the processors of a guest share. Its lock is held while memory's gate, the local APIC's lock and the alarms' are taken, never the other way round.</summary>
internal sealed class XenDomain : IXenDomain
{
    /// <summary>The guest, to itself and others.</summary>
    public const ushort Id = 1;

    /// <summary>Back ends.</summary>
    public const ushort BackEndId = 0;

    /// <summary>The guest, to itself (xen/include/public/xen.h, DOMID_SELF).</summary>
    public const ushort Self = 0x7ff0;

    /// <summary>Words of saved state.</summary>
    public const int StateLength = GrantsAt + XenGrantTable.StateLength;

    public const int Parameters = 39;

    private const int CallbackParameter = 0;
    private const int ParametersAt = 2;
    private const int SharedAt = ParametersAt + Parameters;
    private const int ChannelsAt = SharedAt + 1 + XenPage.Words;
    private const int GrantsAt = ChannelsAt + XenEventChannels.StateLength;
    private const ulong Is64BitFlag = 1;
    private const ulong MarksRunstateFlag = 2;

    // HVM_PARAM_CALLBACK_IRQ (hvm/params.h): a type on top, and a global system interrupt, a PCI function's pin, or a vector.
    private const int CallbackTypeShift = 56;
    private const ulong GlobalInterrupt = 0;
    private const ulong PciPin = 1;
    private const ulong VectorType = 2;
    private const ulong LastGlobalInterrupt = 23;
    private const ulong FirstVector = 0x10;

    /// <summary>The last function of bus 0.</summary>
    private const ulong LastPin = 0xffff;

    private const ulong Nowhere = ulong.MaxValue;

    private readonly List<XenCpu> _processors = [];
    private readonly ulong[] _parameters = new ulong[Parameters];
    private readonly XenExtraPages _extra;
    private readonly HypercallPage _page;
    private ulong _pageAddress = Nowhere;
    private volatile int _callbackVector;
    private volatile int _callbackLine;

    public XenDomain(XenFeatures features, HypercallPage page, PhysicalMemory memory)
    {
        Features = features;
        Memory = memory;
        _page = page;
        _extra = new XenExtraPages(memory);
        Shared = new XenSharedInfo(memory);
        Channels = new XenEventChannels(this);
        Grants = new XenGrantTable(this);
    }

    public Lock Gate { get; } = new();

    public XenFeatures Features { get; }

    public PhysicalMemory Memory { get; }

    /// <summary>In order of their indices. All are there before the first runs.</summary>
    public IReadOnlyList<XenCpu> Processors => _processors;

    public XenSharedInfo Shared { get; }

    public XenEventChannels Channels { get; }

    public XenGrantTable Grants { get; }

    /// <summary>The guest wants to see when run states change (VMASST_TYPE_runstate_update_flag).</summary>
    public bool MarksRunstateChanges { get; set; }

    /// <summary>The vector of events, delivered whatever the local APIC thinks; 0 for none. Any thread.</summary>
    public int CallbackVector => _callbackVector;

    /// <summary>The global system interrupt of the first processor's events; 0 for none.</summary>
    public int CallbackLine => _callbackLine;

    /// <summary>Whether a domain's number is the guest's own.</summary>
    public static bool IsOwn(ushort domain) => domain is Self or Id;

    public XenCpu Add(XenCpu processor)
    {
        _processors.Add(processor);
        return processor;
    }

    public uint AllocateUnbound()
    {
        long port = Channels.AllocateUnbound(BackEndId);
        return port > 0 ? (uint)port : 0;
    }

    public IXenPort? Bind(uint port, Action notified) => Channels.Bind(port, notified);

    public bool TryMapGrant(uint reference, bool forWriting, out ulong physical) => Grants.TryMap(reference, BackEndId, forWriting, out physical);

    public void EndGrant(uint reference, bool wasWriting) => Grants.End(reference, wasWriting);

    public void SetParameter(int index, ulong value)
    {
        lock (Gate)
        {
            _parameters[index] = value;
        }
    }

    public ulong GetParameter(uint index)
    {
        lock (Gate)
        {
            return _parameters[index];
        }
    }

    /// <summary>HVM_PARAM_CALLBACK_IRQ: how events interrupt. False: by no way there is.</summary>
    public bool TrySetCallback(ulong value, bool is64Bit)
    {
        lock (Gate)
        {
            LatchWidth(is64Bit);
            _processors[0].LowerLine();
            bool isCallback = TryUseCallback(value);
            foreach (XenCpu processor in _processors)
            {
                processor.RepeatUpcall();
            }

            return isCallback;
        }
    }

    /// <summary>Writes the page of hypercalls to where the guest wants it. False: that is not RAM.</summary>
    public bool TryPlaceHypercalls(ulong address, bool is64Bit)
    {
        lock (Gate)
        {
            if (address % GuestPages.PageSize != 0 || !Memory.Allows(address, GuestPages.PageSize, PageAccess.Read | PageAccess.Write))
            {
                return false;
            }

            LatchWidth(is64Bit);
            _pageAddress = address;
            _page.Move(Memory, address);
            return Memory.Write(address, _page.Code);
        }
    }

    /// <summary>Shows the guest a page of Xen's at an address. False: there can be no memory.</summary>
    public bool TryPlace(XenPage page, ulong address)
    {
        lock (Gate)
        {
            if (!_extra.TryHave(address))
            {
                return false;
            }

            // What of Xen's was there is nowhere now.
            if (address != page.Address)
            {
                FindPlaced(address)?.Remove();
            }

            page.Place(address);
            if (page == Shared.Page)
            {
                WriteClocks();
            }

            return true;
        }
    }

    /// <summary>Takes away a page of Xen's that the guest sees at an address. False: there is none.</summary>
    public bool TryRemove(ulong address)
    {
        lock (Gate)
        {
            XenPage? page = FindPlaced(address);
            page?.Remove();
            return page != null;
        }
    }

    public void Save(Span<ulong> words)
    {
        lock (Gate)
        {
            words[0] = (Shared.Is64Bit ? Is64BitFlag : 0) | (MarksRunstateChanges ? MarksRunstateFlag : 0);
            words[1] = _pageAddress;
            _parameters.CopyTo(words[ParametersAt..]);
            Shared.Page.Save(words[SharedAt..]);
            Channels.Save(words[ChannelsAt..]);
            Grants.Save(words[GrantsAt..]);
        }
    }

    /// <summary>False: it is no state of a guest of this machine.</summary>
    public bool TryRestore(ReadOnlySpan<ulong> words)
    {
        lock (Gate)
        {
            Shared.Is64Bit = (words[0] & Is64BitFlag) != 0;
            MarksRunstateChanges = (words[0] & MarksRunstateFlag) != 0;
            words.Slice(ParametersAt, Parameters).CopyTo(_parameters);
            _pageAddress = words[1];
            bool hasPage = _pageAddress != Nowhere;
            if (hasPage && !Memory.Allows(_pageAddress, GuestPages.PageSize, PageAccess.Read | PageAccess.Write))
            {
                return false;
            }

            _page.Move(Memory, hasPage ? _pageAddress : null);
            return Shared.Page.TryRestore(words[SharedAt..], _extra)
                && Channels.TryRestore(words[ChannelsAt..])
                && Grants.TryRestore(words[GrantsAt..], _extra)
                && TryUseCallback(_parameters[CallbackParameter]);
        }
    }

    private bool TryUseCallback(ulong value)
    {
        ulong type = value >> CallbackTypeShift;
        ulong number = value & ((1ul << CallbackTypeShift) - 1);
        bool isVector = type == VectorType && number is >= FirstVector and <= byte.MaxValue && (Features & XenFeatures.CallbackVector) != 0;
        bool isWire = (type == GlobalInterrupt && number <= LastGlobalInterrupt) || (type == PciPin && number <= LastPin);
        if (!isVector && !isWire)
        {
            return false;
        }

        _parameters[CallbackParameter] = value;
        _callbackVector = isVector ? (int)number : 0;
        _callbackLine = isVector ? 0 : type == PciPin ? WireOfPin(number) : (int)number;
        return true;
    }

    /// <summary>The device is in bits 11 to 15 of a pin's number, INTA to INTD in 0 and 1; the bus is the only one.</summary>
    private int WireOfPin(ulong number) => (int)_processors[0].Machine.PciInterruptWire((uint)(number >> 11) & 31, (uint)number & 3);

    /// <summary>Xen takes the layout of shared records from the mode in which the guest makes itself known.</summary>
    private void LatchWidth(bool is64Bit)
    {
        if (Shared.Is64Bit != is64Bit)
        {
            Shared.Is64Bit = is64Bit;
            WriteClocks();
        }
    }

    private void WriteClocks()
    {
        Shared.WriteWallClock(_processors[0].Machine);
        foreach (XenCpu processor in _processors)
        {
            processor.WriteClock();
        }
    }

    private XenPage? FindPlaced(ulong address) => Shared.Page.Address == address ? Shared.Page : Grants.FindPlaced(address);
}
