using Jitvmm.Devices.Channels;
using Jitvmm.Devices.Disks;
using Jitvmm.Devices.Net;
using Jitvmm.Devices.State;
using Jitvmm.Runtime.Memory;
using Jitvmm.Runtime.Paravirt.Xen;

namespace Jitvmm.Devices.Xen;

/// <summary>Domain 0 as a Xen guest knows it: the store with what a toolstack writes there, the console, and the back ends of disks and network cards.</summary>
public sealed class XenHost : IStateful, IDisposable
{
    private const string Guest = StorePath.GuestBase;
    private const string Virtual = "/vm/00000000-0000-0000-0000-000000000001";

    private readonly IXenDomain _domain;
    private readonly StoreRing _ring;
    private readonly List<IStateful> _devices = [];
    private readonly List<IDisposable> _disposable = [];
    private int _disks;

    /// <param name="domain">The guest's.</param>
    /// <param name="pages">Two pages of RAM that the guest does not take for its own.</param>
    /// <param name="memory">Bytes of the guest's RAM.</param>
    /// <param name="processors">How many it has.</param>
    public XenHost(IXenDomain domain, ulong pages, ulong memory, int processors)
    {
        _domain = domain;
        ConsolePage = pages + GuestPages.PageSize;
        _ring = new StoreRing(domain, Store, pages);
        _disposable.Add(_ring);
        _devices.Add(_ring);
        Describe(pages, memory, processors);
    }

    public XenStore Store { get; } = new();

    private ulong ConsolePage { get; }

    /// <summary>Gives the guest its console; without, it finds none.</summary>
    public void AddConsole(ByteChannel input, ByteChannel output)
    {
        var console = new XenConsole(_domain, ConsolePage, input, output);
        _devices.Add(console);
        _disposable.Insert(0, console);
        Store.Write($"{Guest}/console/type", "xenconsoled");
        Store.Write($"{Guest}/console/output", "pty");
        Store.Write($"{Guest}/console/limit", 1 << 20);
        Store.Write($"{Guest}/console/ring-ref", (long)(ConsolePage >> GuestPages.PageShift));
        Store.Write($"{Guest}/console/port", console.Port);
    }

    /// <param name="disk">Its contents, which the caller disposes of afterwards.</param>
    /// <param name="queues">Rings at most.</param>
    /// <param name="isInline">Nothing runs on a thread of its own.</param>
    public void AddDisk(DiskImage disk, int queues, bool isInline) => Add(new XenBlock(disk, _disks++, queues, _domain, Store, isInline));

    /// <param name="network">What the card is plugged into; disposed of with it.</param>
    /// <param name="address">Six bytes.</param>
    public void AddNetwork(INetwork network, ReadOnlySpan<byte> address) => Add(new XenNetwork(network, address, _domain, Store));

    /// <summary>Asks the guest to shut down. False: it has not said that it listens.</summary>
    public bool RequestPowerOff()
    {
        if (Store.Read($"{Guest}/control/feature-poweroff") != "1")
        {
            return false;
        }

        Store.Write($"{Guest}/control/shutdown", "poweroff");
        return true;
    }

    public void Save(StateWriter writer)
    {
        foreach (IStateful device in _devices)
        {
            device.Save(writer);
        }
    }

    public void Restore(StateReader reader)
    {
        foreach (IStateful device in _devices)
        {
            device.Restore(reader);
        }
    }

    public void Dispose()
    {
        foreach (IDisposable device in _disposable)
        {
            device.Dispose();
        }
    }

    private void Add(XenBackend device)
    {
        _devices.Add(device);
        _disposable.Insert(0, device);
    }

    /// <summary>What Xen's toolstack (libxl) writes about a domain, as far as guests read it.</summary>
    private void Describe(ulong page, ulong memory, int processors)
    {
        foreach (string folder in (string[])[Guest, Virtual])
        {
            Store.Write(folder, "");
            Store.SetPermissions(folder, "n0", "r1");
            Store.Write($"{folder}/name", "guest");
        }

        Store.Write($"{Virtual}/uuid", Path.GetFileName(Virtual));
        Store.Write($"{Guest}/vm", Virtual);
        Store.Write($"{Guest}/domid", XenStore.GuestDomain);

        // The target equals the maximum: a guest gives no memory back.
        Store.Write($"{Guest}/memory/static-max", (long)(memory >> 10));
        Store.Write($"{Guest}/memory/target", (long)(memory >> 10));
        for (int i = 0; i < processors; i++)
        {
            Store.Write(FormattableString.Invariant($"{Guest}/cpu/{i}/availability"), "online");
        }

        Store.Write($"{Guest}/store/ring-ref", (long)(page >> GuestPages.PageShift));
        Store.Write($"{Guest}/store/port", _ring.Port);
        Store.Write($"{Guest}/device", "");
        Store.Write($"{Guest}/control/platform-feature-xs_reset_watches", 1);
        foreach (string name in (string[])["control/shutdown", "control/feature-poweroff", "control/feature-reboot", "control/feature-suspend", "control/sysrq", "device/suspend/event-channel", "attr", "data", "drivers", "error", "feature"])
        {
            Store.Write($"{Guest}/{name}", "");
            Store.SetPermissions($"{Guest}/{name}", "n1", "r0");
        }
    }
}
