using System.Globalization;
using Jitvmm.Runtime.CodeCache;
using Jitvmm.Translator.Regions;

namespace Jitvmm;

/// <summary>What <c>--stats</c> says of translation, of process guests and of machines.</summary>
internal static class CompilationReport
{
    /// <summary>Counters of both tiers, as lines of text.</summary>
    /// <param name="cache">The guest's translations.</param>
    /// <param name="compiler">Its tier 1; null when there is none.</param>
    public static string Describe(CodeCache cache, RegionCompiler? compiler)
    {
        CodeCacheStatistics blocks = cache.Statistics;
        RegionStatistics regions = compiler?.Statistics ?? new RegionStatistics();
        return string.Create(
            CultureInfo.InvariantCulture,
            $"""
              blocks translated        {blocks.BlocksTranslated,14:N0}
              instructions translated  {blocks.InstructionsTranslated,14:N0}
              bytes translated         {blocks.BytesTranslated,14:N0}
              executed by tier 0       {ExecutedByTier0(cache),14:N0}
              blocks invalidated       {blocks.BlocksInvalidated,14:N0}
              code cache flushes       {blocks.Flushes,14:N0}
              records, bytes           {cache.UsedBytes,14:N0}
              compiled code, bytes     {cache.RegionBytes,14:N0}
              offered to tier 1        {regions.BlocksOffered,14:N0}
              longest compile queue    {regions.LongestQueue,14:N0}
              regions compiled         {regions.RegionsCompiled,14:N0}
              regions invalidated      {regions.RegionsInvalidated,14:N0}
              of these, for NaNs       {regions.RegionsOfNans,14:N0}
              deoptimisations          {regions.Deoptimisations,14:N0}
              compiles put off         {regions.CompilesPutOff,14:N0}
              instructions compiled    {regions.InstructionsCompiled,14:N0}
              compile time, ms         {regions.CompileTime.TotalMilliseconds,14:N0}
              compile time, us         {regions.CompileTime.TotalMicroseconds,14:N0}
              of that in passes, us    {regions.PassTime.TotalMicroseconds,14:N0}
              in emission, us          {regions.EmitTime.TotalMicroseconds,14:N0}
              in ryujit, us            {regions.JitTime.TotalMicroseconds,14:N0}
              host bytes measured      {regions.HostBytesMeasured,14:N0}
              of guest bytes           {regions.GuestBytesMeasured,14:N0}

            """) + Ratios(regions);
    }

    /// <summary>What is made of the counters; with a point in each number, for they do not add up over processes.</summary>
    private static string Ratios(RegionStatistics regions)
    {
        string time = regions.InstructionsCompiled == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $"  us per instruction       {regions.CompileTime.TotalMicroseconds / regions.InstructionsCompiled,14:F1}\n");
        string size = regions.GuestBytesMeasured == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $"  host bytes per guest's   {(double)regions.HostBytesMeasured / regions.GuestBytesMeasured,14:F1}\n");
        return time + size;
    }

    /// <summary>Instructions, as far as blocks still there counted them.</summary>
    private static long ExecutedByTier0(CodeCache cache)
    {
        long executed = 0;
        lock (cache.Gate)
        {
            foreach (TranslationBlock block in cache.Blocks)
            {
                executed += (long)block.Executions * block.InstructionCount;
            }
        }

        return executed;
    }
}
