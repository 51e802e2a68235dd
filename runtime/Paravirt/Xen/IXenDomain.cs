using Jitvmm.Runtime.Memory;

namespace Jitvmm.Runtime.Paravirt.Xen;

/// <summary>
/// A guest's domain as the VMM's own back ends see it, which are domain 0 to the guest. Of a machine there is one, <c>XenInterface.Domain</c>, as soon as its first processor is made.
/// Members may be called from any thread; none throws, whatever the guest did.
/// </summary>
public interface IXenDomain
{
    /// <summary>Index of <see cref="SetParameter"/>: the frame of the store's ring (xen/include/public/hvm/params.h).</summary>
    public const int StoreFrame = 1;

    /// <summary>The store's port.</summary>
    public const int StorePort = 2;

    /// <summary>The frame of the console's ring.</summary>
    public const int ConsoleFrame = 17;

    /// <summary>The console's port.</summary>
    public const int ConsolePort = 18;

    PhysicalMemory Memory { get; }

    /// <summary>A port of the guest's, open to domain 0: for the store and the console, before the guest runs.</summary>
    uint AllocateUnbound();

    /// <summary>
    /// Takes the other end of a port that the guest has opened to domain 0. Null: it has not, or the end is taken. Also finds what was bound when the machine's state was saved.
    /// </summary>
    /// <param name="port">The guest's.</param>
    /// <param name="notified">Called when the guest sends: on a thread of any of its processors, with no lock held.</param>
    IXenPort? Bind(uint port, Action notified);

    /// <summary>
    /// Takes a frame that the guest grants domain 0, and marks it in use. False: it is not granted, or no RAM. To be given back with <see cref="EndGrant"/>, and may be taken several times.
    /// </summary>
    bool TryMapGrant(uint reference, bool forWriting, out ulong physical);

    /// <summary>Gives a frame back.</summary>
    void EndGrant(uint reference, bool wasWriting);

    /// <summary>Sets what the guest reads with HVMOP_get_param.</summary>
    void SetParameter(int index, ulong value);
}
