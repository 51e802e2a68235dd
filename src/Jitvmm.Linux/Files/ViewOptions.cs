namespace Jitvmm.Linux.Files;

/// <summary>A host directory or file shown at another place.</summary>
/// <param name="Source">Host path.</param>
/// <param name="Target">Absolute guest path.</param>
/// <param name="IsReadOnly">Whether the guest may not change what is below.</param>
public sealed record ViewBind(string Source, string Target, bool IsReadOnly);

/// <summary>
/// What of the host a guest sees. The default: the host's files read-only, the current directory read-write,
/// a private /tmp, no network.
/// </summary>
public sealed record ViewOptions
{
    /// <summary>Host paths that are read-write at the same guest path.</summary>
    public IReadOnlyList<string> Writable { get; init; } = [];

    public IReadOnlyList<ViewBind> Binds { get; init; } = [];

    /// <summary>Host directory shown read-write as "/" instead of the host's root; then no current directory is shared.</summary>
    public string? Root { get; init; }

    /// <summary>Host path of the guest's first current directory; null means the VMM's own.</summary>
    public string? WorkingDirectory { get; init; }

    /// <summary>A host file made visible, read-only, at its own path even if something private covers it: the program to run.</summary>
    public string? Program { get; init; }

    /// <summary>Everything of the host, read-write, including /dev, /sys, /tmp and the network. /proc stays the guest's own.</summary>
    public bool ShareAll { get; init; }

    /// <summary>Whether the guest uses the host's network and the host's abstract and foreign local sockets.</summary>
    public bool NetworkHost { get; init; }

    /// <summary>Whether sockets reach beyond the guest's own files.</summary>
    public bool HasNetwork => NetworkHost || ShareAll;
}
