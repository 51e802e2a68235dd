namespace Jitvmm.Devices.Xen;

internal enum StoreChangeKind
{
    Write,
    MakeDirectory,
    Remove,
    SetPermissions,
}

/// <summary>A change to one path, kept by a transaction to be made again when it ends.</summary>
internal sealed record StoreChange(StoreChangeKind Kind, string Path)
{
    public byte[] Value { get; init; } = [];

    public StorePermission[] Permissions { get; init; } = [];
}
