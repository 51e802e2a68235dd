namespace Jitvmm.Devices.Xen;

/// <summary>A path that a guest wants to hear of.</summary>
/// <param name="Path">Absolute, or one of the store's own events.</param>
/// <param name="Token">What the guest knows the watch by.</param>
/// <param name="IsRelative">The guest named it relative to its own domain's path, and hears of changes so.</param>
internal sealed record StoreWatch(string Path, string Token, bool IsRelative)
{
    /// <summary>The path of the event that a change of a path is for this watch; null: none.</summary>
    public string? EventFor(string changed, bool isRemoval)
    {
        string? path = StorePath.IsAtOrBelow(changed, Path) ? changed : isRemoval && StorePath.IsAtOrBelow(Path, changed) ? Path : null;
        return path == null ? null : Named(path);
    }

    /// <summary>A path as the guest named it.</summary>
    public string Named(string path) => IsRelative ? path[(StorePath.GuestBase.Length + 1)..] : path;
}
