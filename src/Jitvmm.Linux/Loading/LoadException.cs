namespace Jitvmm.Linux.Loading;

/// <summary>A program that cannot be started, with one line that says why.</summary>
public sealed class LoadException : Exception
{
    /// <summary>Exit code for a program that exists and cannot be executed, as shells use it.</summary>
    public const int NotExecutable = 126;

    /// <summary>Exit code for a program, or its interpreter, that was not found.</summary>
    public const int NotFound = 127;

    public LoadException(string message, int errno)
        : base(message)
    {
        Error = errno;
    }

    /// <summary>What execve returns for it, positive.</summary>
    public int Error { get; }

    /// <summary>126, or 127 when a file was not found.</summary>
    public int ExitCode => Error is Errno.ENOENT or Errno.ENOTDIR ? NotFound : NotExecutable;
}
