using System.Runtime.InteropServices;

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
    public static MachineGuestException ForFile(string what, string path, Exception error)
    {
        string reason = error switch
        {
            FileNotFoundException or DirectoryNotFoundException => "no such file",
            UnauthorizedAccessException => Directory.Exists(path) ? "is a folder" : "permission denied",
            _ => Marshal.GetPInvokeErrorMessage(error.HResult),
        };
        return new MachineGuestException($"{what} {path}: {reason}", error);
    }
}
