namespace Jitvmm.Inspector.Files;

/// <summary>Writes a file under a temporary name and then gives it its own, so that nobody sees half of it.</summary>
internal static class WholeFile
{
    /// <summary>Writes it. A file that is there is replaced.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">It must not be.</exception>
    public static void Write(string path, Action<Stream> write)
    {
        string temporary = $"{path}.{Environment.ProcessId}.tmp";
        try
        {
            using (var stream = new FileStream(temporary, FileMode.Create, FileAccess.Write, FileShare.None))
            {
                write(stream);
            }

            File.Move(temporary, path, overwrite: true);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }

    /// <summary>As <see cref="Write"/>, with the reason in words.</summary>
    public static void WriteExported(string path, Action<Stream> write)
    {
        if (!Directory.Exists(Path.GetDirectoryName(Path.GetFullPath(path))))
        {
            throw new IOException($"{path}: its folder does not exist");
        }

        try
        {
            Write(path, write);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new IOException($"{path}: {FileErrors.ReasonOf(path, error)}", error);
        }
    }
}
