using System.Text;
using Jitvmm.Linux;
using Jitvmm.Runtime.Host;

namespace Jitvmm;

/// <summary>What <c>--stats</c> prints when a guest process ends.</summary>
internal static unsafe class StatisticsReport
{
    private const long SysWrite = 1;
    private const long Interrupted = 4;

    public static void Write(LinuxProcess process) =>
        Print(process, $"jitvmm: process {process.Pid}\n{CompilationReport.Describe(process.Engine.Cache, process.Engine.Compiler)}");

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
