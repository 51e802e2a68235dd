namespace Jitvmm;

/// <summary>A guest that could not be started; the message is one line that says why.</summary>
public sealed class ProcessGuestException : Exception
{
    /// <summary>Exit code for a failure of the VMM or of what it was asked to use, as env(1) has it.</summary>
    public const int HostFailure = 125;

    internal ProcessGuestException(string message, int exitCode, Exception cause)
        : base(message, cause)
    {
        ExitCode = exitCode;
    }

    /// <summary>What a command should exit with: 125, 126 (cannot be executed) or 127 (not found).</summary>
    public int ExitCode { get; }
}
