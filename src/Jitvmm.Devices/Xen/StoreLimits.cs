namespace Jitvmm.Devices.Xen;

/// <summary>What a guest may have in the store: the defaults of Xen's own daemon, and what keeps the VMM's memory bounded.</summary>
internal static class StoreLimits
{
    public const int Payload = 4096;
    public const int AbsolutePath = 3072;
    public const int RelativePath = 2048;
    public const int Value = 2048;
    public const int Nodes = 1000;
    public const int Permissions = 5;
    public const int Watches = 128;

    /// <summary>With the longest path before it, a watch's token still fits into an event.</summary>
    public const int Token = Payload - AbsolutePath - 2;
    public const int Transactions = 10;

    /// <summary>Paths that one transaction looks at, and changes it makes.</summary>
    public const int PathsOfTransaction = 256;

    /// <summary>Bytes of answers and events that the guest has not taken; more, and it is served no longer.</summary>
    public const int Outstanding = 1 << 20;
}
