namespace Jitvmm.Tests.Guests;

/// <summary>Python's own test modules: the same verdict as a native run.</summary>
public sealed class PythonOwnPrograms : IProgramTable
{
    private static readonly string[] s_modules =
        ["test_math", "test_float", "test_struct", "test_json", "test_re", "test_zlib", "test_threading", "test_subprocess", "test_signal", "test_mmap"];

    /// <summary>A file of the package libpython3.N-testsuite, for whichever N this machine has.</summary>
    private static readonly string s_suite =
        Directory.GetDirectories("/usr/lib", "python3.*").Select(folder => $"{folder}/test/test_math.py").FirstOrDefault(File.Exists) ?? "/usr/lib/python3.N/test/test_math.py";

    public static IReadOnlyList<GuestProgram> Programs { get; } = new List<GuestProgram>
    ([
        .. s_modules.Select(module => new GuestProgram($"python-{module}", ["/usr/bin/python3", "-m", "test", "--timeout", "1800", module])
        {
            Needs = ["/usr/bin/python3", s_suite],
            ComparedLines = "^(Result|All |[0-9]+ tests? |    test_|FAIL|ERROR)",
            CompareFiles = false,
            Limit = TimeSpan.FromMinutes(35),
        }),
    ]).InTiers(Tiers.Auto);
}
