using System.Runtime.InteropServices;

namespace Jitvmm.Runtime.Memory;

/// <summary>
/// Whose user translations the sets of a soft TLB hold: one set and one jump cache for each of the latest process-context identifiers
/// (SDM vol. 3A, 4.10.1). Supervisor translations are shared; those that are not global go at each change of context.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct TlbContexts
{
    /// <summary>Linux uses six identifiers a CPU.</summary>
    public const int Count = 8;

    /// <summary>No identifier: the set is to be emptied before use.</summary>
    public const int Unused = -1;

    /// <summary>Words of the set of pages with code in a jump cache.</summary>
    public const int CodePageWords = 32;

    /// <summary>Which is in use.</summary>
    public int Current;

    /// <summary>Which is taken next for an identifier that has none.</summary>
    public int Next;

    /// <summary>1 when some user page with code is global: its jump cache entries are other contexts' business too.</summary>
    public int HasGlobalCode;

    /// <summary>Identifiers.</summary>
    public fixed int Ids[Count];

    /// <summary>What mode and code base each jump cache was filled in, but the current one's.</summary>
    public fixed ulong Keys[Count];

    /// <summary>Linear pages, hashed by their low bits, whose code may be in the current jump caches.</summary>
    public fixed ulong CodePages[CodePageWords];

    /// <summary>What that was when each context was left.</summary>
    public fixed ulong CodePagesOf[Count * CodePageWords];

    /// <summary>
    /// Which fetch translations count: those of one epoch were made by the same privilege in the same context since its latest flush. No two
    /// are ever the same.
    /// </summary>
    public ulong SupervisorEpoch;

    public fixed ulong UserEpochs[Count];

    public ulong LatestEpoch;

    /// <summary>The context of an identifier, or −1.</summary>
    public int Find(int id)
    {
        for (int i = 0; i < Count; i++)
        {
            if (Ids[i] == id)
            {
                return i;
            }
        }

        return -1;
    }
}
