using System.Collections.Immutable;

namespace Jitvmm.Devices.Xen;

/// <summary>All nodes of the store at one moment, and the rules of changing them. A copy costs nothing.</summary>
internal sealed class StoreTree
{
    private StoreNode _root;
    private ulong _generation;

    // Nodes the guest owns: its quota.
    private int _guestNodes;

    public StoreTree() => _root = new StoreNode([], [new StorePermission(XenStore.OwnDomain, false, false)], 0, StoreNode.NoChildren);

    /// <param name="root">What a saved state had.</param>
    /// <param name="generation">The newest of its nodes' numbers.</param>
    public StoreTree(StoreNode root, ulong generation)
    {
        _root = root;
        _generation = generation;
        _guestNodes = root.CountOwned(XenStore.GuestDomain);
    }

    private StoreTree(StoreTree other)
    {
        _root = other._root;
        _generation = other._generation;
        _guestNodes = other._guestNodes;
    }

    public StoreNode Root => _root;

    public ulong Generation => _generation;

    public StoreTree Copy() => new(this);

    public StoreNode? Find(string path)
    {
        StoreNode? node = _root;
        foreach (string name in StorePath.Split(path))
        {
            if (!node.Children.TryGetValue(name, out node))
            {
                return null;
            }
        }

        return node;
    }

    /// <summary>Finds a node for reading. One that is not there is reported only to who may read above it.</summary>
    public StoreError TryRead(string path, uint domain, out StoreNode node)
    {
        StoreNode? found = Find(path);
        node = found ?? _root;
        if (found == null)
        {
            return Closest(path).MayRead(domain) ? StoreError.ENOENT : StoreError.EACCES;
        }

        return found.MayRead(domain) ? StoreError.None : StoreError.EACCES;
    }

    /// <summary>Makes a change as a domain. After an error nothing has changed.</summary>
    public StoreError Apply(StoreChange change, uint domain)
    {
        StoreNode? node = Find(change.Path);
        if (node == null)
        {
            return change.Kind switch
            {
                StoreChangeKind.Write or StoreChangeKind.MakeDirectory => Create(change, domain),
                StoreChangeKind.Remove when Find(StorePath.Parent(change.Path)) is { } parent => parent.MayRead(domain) || parent.MayWrite(domain) ? StoreError.None : StoreError.EACCES,
                _ => Closest(change.Path).MayRead(domain) ? StoreError.ENOENT : StoreError.EACCES,
            };
        }

        if (!node.MayWrite(domain))
        {
            return StoreError.EACCES;
        }

        switch (change.Kind)
        {
            case StoreChangeKind.MakeDirectory:
                return StoreError.None;
            case StoreChangeKind.Write:
                _root = Replace(_root, StorePath.Split(change.Path), 0, node with { Value = change.Value, Generation = ++_generation });
                return StoreError.None;
            case StoreChangeKind.Remove:
                return Remove(change.Path, node);
            case StoreChangeKind.SetPermissions:
                return SetPermissions(change, node, domain);
            default:
                return StoreError.EINVAL;
        }
    }

    /// <summary>The node at a path with its children as they were, in place of what is there; null removes it.</summary>
    private StoreNode Replace(StoreNode at, string[] names, int depth, StoreNode? replacement)
    {
        if (depth == names.Length)
        {
            return replacement!;
        }

        string name = names[depth];
        bool isNew = !at.Children.TryGetValue(name, out StoreNode? child);
        ImmutableSortedDictionary<string, StoreNode> children = replacement == null && depth == names.Length - 1
            ? at.Children.Remove(name)
            : at.Children.SetItem(name, depth == names.Length - 1 ? replacement! : Replace(child!, names, depth + 1, replacement));

        // The list of names is part of a node: a new or removed child changes it, a changed child does not.
        return at with { Children = children, Generation = isNew || replacement == null && depth == names.Length - 1 ? ++_generation : at.Generation };
    }

    /// <summary>Makes a node and what is missing above it.</summary>
    private StoreError Create(StoreChange change, uint domain)
    {
        string[] names = StorePath.Split(change.Path);
        StoreNode above = _root;
        int depth = 0;
        while (above.Children.TryGetValue(names[depth], out StoreNode? next))
        {
            above = next;
            depth++;
        }

        if (!above.MayWrite(domain))
        {
            return StoreError.EACCES;
        }

        // A node has the rights of the one above; a guest owns what it makes.
        StorePermission[] permissions = above.Permissions;
        if (domain != XenStore.OwnDomain && above.Owner != domain)
        {
            permissions = [.. permissions];
            permissions[0] = permissions[0] with { Domain = domain };
        }

        int made = names.Length - depth;
        if (permissions[0].Domain == XenStore.GuestDomain)
        {
            if (domain == XenStore.GuestDomain && made > StoreLimits.Nodes - _guestNodes)
            {
                return StoreError.ENOSPC;
            }

            _guestNodes += made;
        }

        var node = new StoreNode(change.Value, permissions, ++_generation, StoreNode.NoChildren);
        for (int i = names.Length - 1; i > depth; i--)
        {
            node = new StoreNode([], permissions, ++_generation, StoreNode.NoChildren.Add(names[i], node));
        }

        _root = Replace(_root, names[..(depth + 1)], 0, node);
        return StoreError.None;
    }

    private StoreError Remove(string path, StoreNode node)
    {
        if (node == _root)
        {
            return StoreError.EINVAL;
        }

        _guestNodes -= node.CountOwned(XenStore.GuestDomain);
        _root = Replace(_root, StorePath.Split(path), 0, null);
        return StoreError.None;
    }

    private StoreError SetPermissions(StoreChange change, StoreNode node, uint domain)
    {
        // Only the owner says who may do what, and it cannot give a node away.
        if (domain != XenStore.OwnDomain && (node.Owner != domain || change.Permissions[0].Domain != domain))
        {
            return StoreError.EPERM;
        }

        StoreNode changed = node with { Permissions = change.Permissions, Generation = ++_generation };
        _guestNodes += (changed.Owner == XenStore.GuestDomain ? 1 : 0) - (node.Owner == XenStore.GuestDomain ? 1 : 0);
        _root = Replace(_root, StorePath.Split(change.Path), 0, changed);
        return StoreError.None;
    }

    private StoreNode Closest(string path)
    {
        StoreNode node = _root;
        foreach (string name in StorePath.Split(path))
        {
            if (!node.Children.TryGetValue(name, out StoreNode? next))
            {
                break;
            }

            node = next;
        }

        return node;
    }
}
