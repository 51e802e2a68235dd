using System.Globalization;
using System.Text;
using Jitvmm.Devices.State;

namespace Jitvmm.Devices.Xen;

/// <summary>
/// The store of a Xen host: a tree of small values by which a guest's drivers and the VMM's back ends find each other (docs/misc/xenstore.txt). The guest is domain 1, the VMM domain 0.
/// </summary>
/// <remarks>Any thread. Back ends are told of changes with no lock held, one call at a time. Lock order: a back end's, then the store's.</remarks>
public sealed class XenStore
{
    public const uint OwnDomain = 0;
    public const uint GuestDomain = 1;

    private const int DeliveriesInARow = 64;

    private readonly List<OwnWatch> _ownWatches = [];
    private readonly Queue<OwnWatch> _events = [];
    private readonly Doorbell _delivery;
    private StoreTree _tree = new();
    private bool _isDelivering;

    public XenStore()
    {
        _delivery = new Doorbell(DeliverSome);
        Guest = new StoreSession(this, GuestDomain);
    }

    /// <summary>Held while the tree or the guest's session is used.</summary>
    internal Lock Lock { get; } = new();

    /// <summary>The guest's watches, transactions and what it is still to be sent. Under the lock.</summary>
    internal StoreSession Guest { get; }

    /// <summary>The tree now. Under the lock.</summary>
    internal StoreTree Tree => _tree;

    /// <summary>The text at a path; null where there is nothing.</summary>
    public string? Read(string path)
    {
        lock (Lock)
        {
            return _tree.Find(path) is { } node ? Encoding.Latin1.GetString(node.Value) : null;
        }
    }

    /// <summary>A decimal number at a path; null where there is none.</summary>
    public uint? ReadNumber(string path) =>
        uint.TryParse(Read(path), NumberStyles.None, CultureInfo.InvariantCulture, out uint number) ? number : null;

    public void Write(string path, string text) => Change(new StoreChange(StoreChangeKind.Write, path) { Value = Encoding.Latin1.GetBytes(text) });

    public void Write(string path, long number) => Write(path, number.ToString(CultureInfo.InvariantCulture));

    /// <summary>Says who may do what with a node, as the wire has it: the owner first, as in <c>n0 r1</c>.</summary>
    public void SetPermissions(string path, params string[] permissions)
    {
        StorePermission[] parsed = [.. permissions.Select(text => StorePermission.TryParse(text, out StorePermission permission) ? permission : throw new ArgumentException(text))];
        Change(new StoreChange(StoreChangeKind.SetPermissions, path) { Permissions = parsed });
    }

    public void Remove(string path) => Change(new StoreChange(StoreChangeKind.Remove, path));

    /// <summary>Has something called after each change at or below a path: several changes may make one call.</summary>
    public void Watch(string path, Action changed)
    {
        lock (Lock)
        {
            _ownWatches.Add(new OwnWatch(path, changed));
        }
    }

    /// <summary>Makes changes at once, or none of them. Under the lock; whoever holds it calls <see cref="Deliver"/> afterwards.</summary>
    internal StoreError Commit(IReadOnlyList<StoreChange> changes, uint domain)
    {
        StoreTree before = _tree;
        StoreTree after = before.Copy();
        foreach (StoreChange change in changes)
        {
            StoreError error = after.Apply(change, domain);
            if (error != StoreError.None)
            {
                return error;
            }
        }

        _tree = after;
        foreach (StoreChange change in changes)
        {
            Announce(change, before, after);
        }

        return StoreError.None;
    }

    /// <summary>Tells back ends what changed, with no lock held.</summary>
    internal void Deliver() => _delivery.Ring();

    internal void Save(StateWriter writer)
    {
        writer.Section("xenstore", 1);
        writer.UInt64(_tree.Generation);
        StoreState.Write(writer, _tree.Root);
        Guest.Save(writer);
    }

    internal void Restore(StateReader reader)
    {
        reader.Section("xenstore", 1);
        ulong generation = reader.UInt64();
        _tree = new StoreTree(StoreState.Read(reader), generation);
        Guest.Restore(reader);
    }

    private void Change(StoreChange change)
    {
        lock (Lock)
        {
            StoreError error = Commit([change], OwnDomain);
            if (error != StoreError.None && change.Kind == StoreChangeKind.Write)
            {
                throw new InvalidOperationException($"{change.Path} cannot be written: {error}");
            }
        }

        Deliver();
    }

    private void Announce(StoreChange change, StoreTree before, StoreTree after)
    {
        foreach (OwnWatch watch in _ownWatches)
        {
            bool isRemovalAbove = change.Kind == StoreChangeKind.Remove && StorePath.IsAtOrBelow(watch.Path, change.Path);
            if (!watch.IsQueued && (isRemovalAbove || StorePath.IsAtOrBelow(change.Path, watch.Path)))
            {
                watch.IsQueued = true;
                _events.Enqueue(watch);
            }
        }

        StoreNode? node = after.Find(change.Path) ?? before.Find(change.Path);
        if (node != null && node.MayRead(GuestDomain))
        {
            Guest.Announce(change.Path, change.Kind == StoreChangeKind.Remove);
        }
    }

    private bool DeliverSome()
    {
        for (int i = 0; i < DeliveriesInARow; i++)
        {
            OwnWatch? next;
            lock (Lock)
            {
                // Whoever is at it also does what came meanwhile.
                if (_isDelivering || !_events.TryDequeue(out next))
                {
                    return false;
                }

                next.IsQueued = false;
                _isDelivering = true;
            }

            next.Changed();
            lock (Lock)
            {
                _isDelivering = false;
            }
        }

        return true;
    }

    private sealed class OwnWatch(string path, Action changed)
    {
        public string Path { get; } = path;

        public Action Changed { get; } = changed;

        public bool IsQueued { get; set; }
    }
}
