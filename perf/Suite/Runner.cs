using Jitvmm.Perf.Measuring;

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

    public static Runner Native { get; } = new(NativeName, []);

    public static Runner Jitvmm(SuiteOptions options) => new(JitvmmName, [SourceTree.Jitvmm, "run", "--stats", .. options.VmmOptions], options.VmmEnvironment);

    public static Runner Checked(SuiteOptions options) => new(CheckedName, [SourceTree.Jitvmm, "run", "--stats", "--checked", .. options.VmmOptions], options.VmmEnvironment);

    /// <summary>None where it is not installed.</summary>
    public static IReadOnlyList<Runner> QemuUser { get; } = File.Exists(QemuUserPath) ? [new(QemuUserName, [QemuUserPath], Rounds: QemuRounds)] : [];
}
