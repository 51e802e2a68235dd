using System.Globalization;
using System.Runtime.InteropServices;

namespace Jitvmm.Perf.Measuring.Results;

/// <summary>What the measurements were taken on.</summary>
/// <param name="Processor">Its name, as the kernel has it.</param>
/// <param name="Processors">That may be used.</param>
/// <param name="System">Kernel.</param>
/// <param name="Runtime">.NET.</param>
/// <param name="Load">The load average when measuring began: above a tenth or two, others disturbed it.</param>
public sealed record HostFacts(string Processor, int Processors, string System, string Runtime, double Load)
{
    public static HostFacts Read()
    {
        string? model = File.ReadLines("/proc/cpuinfo").FirstOrDefault(static line => line.StartsWith("model name", StringComparison.Ordinal));
        string load = File.ReadAllText("/proc/loadavg").Split(' ')[0];
        return new HostFacts(
            model == null ? "unknown" : model[(model.IndexOf(':') + 1)..].Trim(),
            Environment.ProcessorCount,
            RuntimeInformation.OSDescription,
            RuntimeInformation.FrameworkDescription,
            double.Parse(load, CultureInfo.InvariantCulture));
    }
}
