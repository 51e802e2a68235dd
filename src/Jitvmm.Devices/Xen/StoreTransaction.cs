namespace Jitvmm.Devices.Xen;

/// <summary>A guest's transaction: it sees the store as it was at its start with its own changes, and is refused at its end when a path it looked at has changed.</summary>
internal sealed class StoreTransaction(StoreTree start)
{
    private readonly StoreTree _start = start.Copy();
    private readonly HashSet<string> _touched = new(StringComparer.Ordinal);
    private readonly List<StoreChange> _changes = [];

    /// <summary>What it sees.</summary>
    public StoreTree Tree { get; } = start.Copy();

    /// <summary>It cannot end well: it was begun before the machine's state was saved.</summary>
    public bool IsLost { get; init; }

    public IReadOnlyList<StoreChange> Changes => _changes;

    /// <summary>Notes a path that it looks at or changes. False: it has too many.</summary>
    public bool TryTouch(string path) => _touched.Contains(path) || (_touched.Count < StoreLimits.PathsOfTransaction && _touched.Add(path));

    /// <summary>Makes a change here, to be made again in the store itself.</summary>
    public StoreError Apply(StoreChange change, uint domain)
    {
        if (_changes.Count == StoreLimits.PathsOfTransaction || !TryTouch(change.Path))
        {
            return StoreError.ENOSPC;
        }

        StoreError error = Tree.Apply(change, domain);
        if (error == StoreError.None)
        {
            _changes.Add(change);
        }

        return error;
    }

    /// <summary>Whether somebody else changed what it looked at.</summary>
    public bool ConflictsWith(StoreTree now)
    {
        if (IsLost)
        {
            return true;
        }

        foreach (string path in _touched)
        {
            if (_start.Find(path)?.Generation != now.Find(path)?.Generation)
            {
                return true;
            }
        }

        return false;
    }
}
