using System.Globalization;
using System.Text;
using Jitvmm.Linux;
using Jitvmm.Runtime.CodeCache;
using Jitvmm.Runtime.Host;

namespace Jitvmm;

/// <summary>What <c>--stats</c> prints when a guest process ends, wherever the guest's own descriptor 2 leads by then.</summary>
internal static unsafe class StatisticsReport
{
    private const long SysWrite = 1;
    private const long SysFcntl = 72;
    private const ulong DuplicateCloseOnExec = 1030;
    private const ulong FirstPrivateDescriptor = 3;

    /// <summary>Keeps a descriptor for the reports of this process and its forks, before the guest takes 2.</summary>
    /// <returns>The descriptor, or a negated error.</returns>
    public static long KeepErrorStream() => HostCalls.Raw(SysFcntl, 2, DuplicateCloseOnExec, FirstPrivateDescriptor);

    public static void Write(LinuxProcess process, long descriptor)
    {
        CodeCacheStatistics cache = process.Engine.Cache.Statistics;
        byte[] text = Encoding.UTF8.GetBytes(string.Create(
            CultureInfo.InvariantCulture,
            $"""
            jitvmm: process {process.Pid}
              blocks translated        {cache.BlocksTranslated,14:N0}
              instructions translated  {cache.InstructionsTranslated,14:N0}
              blocks invalidated       {cache.BlocksInvalidated,14:N0}
              code cache flushes       {cache.Flushes,14:N0}

            """));
        fixed (byte* bytes = text)
        {
            _ = HostCalls.Raw(SysWrite, (ulong)descriptor, (ulong)bytes, (ulong)text.Length);
        }
    }
}
