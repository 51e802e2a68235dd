using System.Runtime.InteropServices;

namespace Jitvmm.Inspector.Files;

/// <summary>Why a host file cannot be used, in words: the runtime's own are left out of the command line program.</summary>
public static class FileErrors
{
    /// <summary>What to say behind the file's name.</summary>
    /// <param name="path">The file, or folder.</param>
    /// <param name="error">What opening, reading or writing it threw.</param>
    public static string ReasonOf(string path, Exception error)
    {
        ArgumentNullException.ThrowIfNull(error);
        return error switch
        {
            FileNotFoundException or DirectoryNotFoundException => "no such file",
            UnauthorizedAccessException => Directory.Exists(path) ? "is a folder" : "permission denied",
            _ => Marshal.GetPInvokeErrorMessage(error.HResult),
        };
    }
}
