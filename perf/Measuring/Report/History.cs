using System.Text.Json;
using Jitvmm.Perf.Measuring.Results;

namespace Jitvmm.Perf.Measuring.Report;

/// <summary>Earlier results from a folder, oldest first.</summary>
public static class History
{
    public static IReadOnlyList<ResultFile> Read(string folder)
    {
        List<ResultFile> all = [];
        foreach (string path in Directory.GetFiles(folder, "*.json"))
        {
            try
            {
                all.Add(ResultFile.Read(path));
            }
            catch (Exception error) when (error is InvalidDataException or JsonException)
            {
                // Of another version of this: its numbers were not taken in the same way.
                Console.Error.WriteLine($"left out of the history: {error.Message}");
            }
        }

        return [.. all.OrderBy(static results => results.Taken)];
    }
}
