using System.Collections.Immutable;

namespace Jitvmm.Devices.Xen;

/// <summary>One node of the store, never changed: a change makes new nodes up to the root, so that a transaction keeps what it saw for nothing.</summary>
/// <param name="Value">Its bytes.</param>
/// <param name="Permissions">The owner's first; never empty.</param>
/// <param name="Generation">Another number after each change of the value, the permissions or the names of the children.</param>
/// <param name="Children">By name.</param>
internal sealed record StoreNode(byte[] Value, StorePermission[] Permissions, ulong Generation, ImmutableSortedDictionary<string, StoreNode> Children)
{
    public static ImmutableSortedDictionary<string, StoreNode> NoChildren { get; } = ImmutableSortedDictionary.Create<string, StoreNode>(StringComparer.Ordinal);

    public uint Owner => Permissions[0].Domain;

    public bool MayRead(uint domain) => Of(domain).Reads;

    public bool MayWrite(uint domain) => Of(domain).Writes;

    /// <summary>How many nodes a domain owns here and below.</summary>
    public int CountOwned(uint domain)
    {
        int count = Owner == domain ? 1 : 0;
        foreach (StoreNode child in Children.Values)
        {
            count += child.CountOwned(domain);
        }

        return count;
    }

    private StorePermission Of(uint domain)
    {
        if (domain == XenStore.OwnDomain || domain == Owner)
        {
            return new StorePermission(domain, true, true);
        }

        foreach (StorePermission permission in Permissions.AsSpan(1))
        {
            if (permission.Domain == domain)
            {
                return permission;
            }
        }

        return Permissions[0];
    }
}
