using Jitvmm.Runtime.Memory;
using Jitvmm.Translator;

namespace Jitvmm.Linux;

/// <summary>
/// One guest process. There is one per host process: a guest fork is a host fork, so process ids, parents,
/// groups and sessions are the host's own.
/// </summary>
public sealed partial class LinuxProcess
{
    public LinuxProcess(LinuxOptions options)
    {
        Options = options;
        Memory = new AddressSpace();
        Engine = new Engine(Memory, options.Engine);
    }

    /// <summary>The guest's memory.</summary>
    public AddressSpace Memory { get; }

    /// <summary>Executes the guest's code.</summary>
    public Engine Engine { get; }

    public LinuxOptions Options { get; }

    /// <summary>The system calls this process answers.</summary>
    public SyscallTable Syscalls { get; } = new();
}
