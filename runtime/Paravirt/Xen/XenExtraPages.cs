using Jitvmm.Runtime.Memory;

namespace Jitvmm.Runtime.Paravirt.Xen;

/// <summary>
/// Memory at addresses where the machine has none: kernels place what Xen gives them where nothing else can be. A page that was added stays, so there are not many.
/// </summary>
internal sealed class XenExtraPages(PhysicalMemory memory)
{
    private const int Limit = 128;

    private int _count;

    /// <summary>Whether a page of RAM is at an address, now if not before. False: it is no page's, a device's, or one too many.</summary>
    public bool TryHave(ulong address)
    {
        if ((address & (GuestPages.PageSize - 1)) != 0)
        {
            return false;
        }

        if (memory.Allows(address, GuestPages.PageSize, PageAccess.Read | PageAccess.Write))
        {
            return true;
        }

        if (_count == Limit || !memory.TryAddPage(address))
        {
            return false;
        }

        _count++;
        return true;
    }
}
