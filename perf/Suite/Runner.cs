using Jitvmm.Perf.Measuring;
using Jitvmm.Perf.Measuring.Results;

namespace Jitvmm.Perf.Suite;

/// <summary>A way to run a program.</summary>
/// <param name="Name">In results.</param>
/// <param name="Prefix">Goes in front of a program's own words.</param>
/// <param name="Environment">Added to this process's.</param>
/// <param name="Rounds">How often a kernel does its work in a process; by the second half it runs as fast as it will.</param>
internal sealed record Runner(string Name, IReadOnlyList<string> Prefix, IReadOnlyDictionary<string, string>? Environment = null, int Rounds = Runner.KernelRounds)
{
    public const int KernelRounds = 12;

    /// <summary>QEMU translates everything before it runs, and takes hundreds of times as long as native code for some SIMD.</summary>
    public const int QemuRounds = 4;

    public const string QemuUserPath = "/usr/bin/qemu-x86_64";

    public const string NativeName = "native";

    public const string JitvmmName = "jitvmm";

    public const string CheckedName = "jitvmm-checked";

    public const string QemuUserName = "qemu-x86_64";

    /// <summary>Whether it is somebody else's: what it cannot run is not Jitvmm's fault.</summary>
    public bool IsPeer => Name is not (NativeName or JitvmmName or CheckedName);

    public static Runner Native { get; } = new(NativeName, []);

    public static Runner Jitvmm(SuiteOptions options) => new(JitvmmName, [SourceTree.Jitvmm, "run", "--stats", .. options.VmmOptions], options.VmmEnvironment);

    public static Runner Checked(SuiteOptions options) => new(CheckedName, [SourceTree.Jitvmm, "run", "--stats", "--checked", .. options.VmmOptions], options.VmmEnvironment);

    /// <summary>None where it is not installed.</summary>
    public static IReadOnlyList<Runner> QemuUser { get; } = File.Exists(QemuUserPath) ? [new(QemuUserName, [QemuUserPath], Rounds: QemuRounds)] : [];

    /// <summary>Notes that a row has no time of this, and why: a failure of the suite, unless a peer cannot do it.</summary>
    /// <param name="row">Which row.</param>
    /// <param name="column">Under what name its times are in the row.</param>
    /// <param name="reason">Why there is none.</param>
    /// <param name="results">Get the failure.</param>
    /// <param name="table">The row's.</param>
    public void Fail(ResultRow row, string column, string reason, ResultFile results, string table)
    {
        if (IsPeer)
        {
            _ = row.NotRun.TryAdd(column, reason);
        }
        else
        {
            results.Failures.Add($"{table}: {row.Name} under {Name}: {reason}");
        }
    }
}
