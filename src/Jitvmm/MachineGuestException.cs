using Jitvmm.Inspector.Files;

namespace Jitvmm;

/// <summary>A machine cannot be built as asked; the message is one line for the user. Nothing ran.</summary>
public sealed class MachineGuestException : Exception
{
    public MachineGuestException(string message, Exception? cause = null)
        : base(message, cause)
    {
    }

    /// <summary>For a file that cannot be used, with the reason in words: the runtime's own are left out of the command line program.</summary>
    /// <param name="what">What it is to the machine.</param>
    /// <param name="path">Its name as the user gave it.</param>
    /// <param name="error">What opening, reading or writing it threw.</param>
    public static MachineGuestException ForFile(string what, string path, Exception error) => new($"{what} {path}: {FileErrors.ReasonOf(path, error)}", error);
}
