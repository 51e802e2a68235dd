using System.Globalization;
using System.Text;
using Jitvmm.Linux;
using Jitvmm.Runtime.CodeCache;
using Jitvmm.Runtime.Host;
using Jitvmm.Translator.Regions;

namespace Jitvmm;

/// <summary>What <c>--stats</c> prints when a guest process ends.</summary>
internal static unsafe class StatisticsReport
{
    private const long SysWrite = 1;
    private const long Interrupted = 4;

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

    public static void Write(LinuxProcess process)
    {
        CodeCacheStatistics cache = process.Engine.Cache.Statistics;
        RegionStatistics regions = process.Engine.Compiler?.Statistics ?? new RegionStatistics();
        Print(process, string.Create(
            CultureInfo.InvariantCulture,
            $"""
            jitvmm: process {process.Pid}
              blocks translated        {cache.BlocksTranslated,14:N0}
              instructions translated  {cache.InstructionsTranslated,14:N0}
              executed by tier 0       {ExecutedByTier0(process.Engine.Cache),14:N0}
              blocks invalidated       {cache.BlocksInvalidated,14:N0}
              code cache flushes       {cache.Flushes,14:N0}
              records, bytes           {process.Engine.Cache.UsedBytes,14:N0}
              compiled code, bytes     {process.Engine.Cache.RegionBytes,14:N0}
              regions compiled         {regions.RegionsCompiled,14:N0}
              regions invalidated      {regions.RegionsInvalidated,14:N0}
              instructions compiled    {regions.InstructionsCompiled,14:N0}
              compile time, ms         {regions.CompileTime.TotalMilliseconds,14:N0}

            """));
    }

    /// <summary>Writes to where the VMM's own reports go, if there is such a place.</summary>
    public static void Print(LinuxProcess process, string line)
    {
        byte[] text = Encoding.UTF8.GetBytes(line);
        fixed (byte* bytes = text)
        {
            for (long written = 0; written < text.Length;)
            {
                long count = HostCalls.Raw(SysWrite, (ulong)process.ReportFd, (ulong)(bytes + written), (ulong)(text.Length - written));
                if (count is <= 0 and not -Interrupted)
                {
                    return;
                }

                written += Math.Max(count, 0);
            }
        }
    }
}
