using Jitvmm.Linux.Loading;

namespace Jitvmm.Linux;

/// <summary>A program found, read and checked, for which the running one may be given up.</summary>
internal sealed class PreparedExec : IDisposable
{
    /// <summary>The thread that asked; null for the first program.</summary>
    public GuestThread? Caller { get; init; }

    public required ExecutableFile File { get; init; }

    public required ElfImage Image { get; init; }

    public ExecutableFile? InterpreterFile { get; init; }

    public ElfImage? Interpreter { get; init; }

    /// <summary>Path as given to execve: AT_EXECFN.</summary>
    public required byte[] GivenPath { get; init; }

    public required IReadOnlyList<byte[]> Arguments { get; init; }

    public required IReadOnlyList<byte[]> Environment { get; init; }

    /// <summary>The signal mask the program starts with: the caller's.</summary>
    public ulong SignalMask { get; init; }

    public void Dispose()
    {
        File.Dispose();
        InterpreterFile?.Dispose();
    }
}
