using Jitvmm.Inspector.Files;
using Jitvmm.Inspector.Live;
using Jitvmm.Inspector.Symbols;

namespace Jitvmm.Inspector.Web;

/// <summary><c>jitvmm inspect</c>: the command line has read the words already, and passes them on.</summary>
internal static class Program
{
    private const int Failure = 125;

    private static int Main(string[] words)
    {
        try
        {
            InspectOptions options = InspectOptions.Parse(words);
            using Inspection inspection = options.Process is { } process
                ? Inspection.Of(AttachClient.Attach(process), options.Symbols, options.Interval)
                : Inspection.Of(CacheFile.Open(options.File!), options.Symbols);
            if (options.Save is { } path)
            {
                File.WriteAllText(path, SavedPage.Make(inspection));
                return 0;
            }

            PageServer.Run(inspection, options.Port);
            return 0;
        }
        catch (CacheFileException error)
        {
            return Fail($"cache file {error.Message}");
        }
        catch (SymbolFileException error)
        {
            return Fail($"symbol file {error.Message}");
        }
        catch (Exception error) when (error is AttachException or ArgumentException or IOException or UnauthorizedAccessException)
        {
            return Fail(error.Message);
        }
    }

    private static int Fail(string message)
    {
        Console.Error.WriteLine($"jitvmm: {message}");
        return Failure;
    }
}
