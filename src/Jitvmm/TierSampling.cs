using System.Globalization;
using System.Text;
using Jitvmm.Inspector.Recording;
using Jitvmm.Runtime.CodeCache;
using Jitvmm.Translator.Regions;

namespace Jitvmm;

/// <summary>Writes how a guest's instructions were shared between the tiers over time to the file that its options name.</summary>
internal sealed class TierSampling
{
    private readonly string _path;
    private readonly TierSampler _sampler;

    /// <summary>Begins to sample.</summary>
    /// <param name="path">The file.</param>
    /// <param name="cache">The guest's translations.</param>
    /// <param name="compiler">Its tier 1; null when there is none.</param>
    public TierSampling(string path, CodeCache cache, RegionCompiler? compiler)
    {
        // The guest may change the current folder.
        _path = Path.GetFullPath(path);
        _sampler = TierSampler.Attach(cache, compiler);
    }

    /// <summary>Whether options can be met together and the file can be made, as far as that can be told before.</summary>
    /// <returns>What is wrong; null when nothing is.</returns>
    public static string? Check(string path, bool isRecorded) =>
        isRecorded ? "tiers are sampled of a run that is not recorded: not with --save-cache, --perf-map, --jitdump, --inspect and --dump" : CacheSaving.Check(path) is { } reason ? $"{path}: {reason}" : null;

    /// <summary>Writes a line for each sample: milliseconds, and instructions executed in tier 0 and in tier 1 by then.</summary>
    /// <returns>What went wrong; null when nothing did.</returns>
    public string? Save()
    {
        var text = new StringBuilder();
        foreach (TierSample sample in _sampler.Finish())
        {
            _ = text.Append(CultureInfo.InvariantCulture, $"{sample.Milliseconds:F1} {sample.Interpreted} {sample.Compiled}\n");
        }

        try
        {
            File.WriteAllText(_path, text.ToString());
            return null;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            return $"{_path}: {error.Message}";
        }
    }
}
