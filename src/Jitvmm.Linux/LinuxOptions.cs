using Jitvmm.Linux.Files;

namespace Jitvmm.Linux;

/// <summary>What the embedder decides for a guest program.</summary>
public sealed class LinuxOptions
{
    /// <summary>Bytes of memory the guest may map writable; 0 = as much as the host gives.</summary>
    public ulong MemoryLimit { get; init; }

    /// <summary>Processes and threads a guest session may have at once: what stops a fork bomb.</summary>
    public int TaskLimit { get; init; } = 4096;

    /// <summary>What of the host the guest sees.</summary>
    public ViewOptions View { get; init; } = new();

    /// <summary>Print each system call.</summary>
    public bool TraceSyscalls { get; init; }

    /// <summary>Print each block of guest code that is translated.</summary>
    public bool TraceBlocks { get; init; }

    /// <summary>Print each return from guest code.</summary>
    public bool TraceExits { get; init; }

    /// <summary>Do not print a report when the guest dies of a fault.</summary>
    public bool Quiet { get; init; }

    /// <summary>How guest code is executed.</summary>
    public Jitvmm.Translator.EngineOptions Engine { get; init; } = new();
}
