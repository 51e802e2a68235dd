namespace Jitvmm.Linux.Files;

/// <summary>
/// The names a local socket has for the guest, where the host knows it by a path through a descriptor of the
/// VMM's. Shared by duplicates of the descriptor.
/// </summary>
internal sealed class SocketNames
{
    /// <summary>The path the guest bound it to, without terminator.</summary>
    public byte[]? Local { get; set; }

    /// <summary>The path the guest connected it to.</summary>
    public byte[]? Peer { get; set; }
}
