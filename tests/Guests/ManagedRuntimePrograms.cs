using static Jitvmm.Tests.Guests.GuestProgram;

namespace Jitvmm.Tests.Guests;

/// <summary>Runtimes whose own JITs write code, take faults on purpose and stop threads with signals.</summary>
public sealed class ManagedRuntimePrograms : IProgramTable
{
    public static IReadOnlyList<GuestProgram> Programs { get; } = new GuestProgram[]
    {
        Run("node-version", "node --version") with { Limit = TimeSpan.FromMinutes(4) },
        Run("node-hello", "node -e 'console.log(\"hello\", 6 * 7); process.exitCode = 4'") with { Limit = TimeSpan.FromMinutes(5) },
        Run("node-program", "node program.js", "program.js") with { Limit = TimeSpan.FromMinutes(5) },
        Run("node-jitless", "node --jitless program.js", "program.js") with { Limit = TimeSpan.FromMinutes(5) },
        Run("java-version", "java -XX:-UsePerfData -version") with { Limit = TimeSpan.FromMinutes(5) },
        Run("java-program", "java -XX:-UsePerfData -cp . Program", "Program.java") with { Prepare = "javac Program.java", Needs = ["java", "javac"], Limit = TimeSpan.FromMinutes(5) },
        Run("java-interpreted", "java -XX:-UsePerfData -Xint -cp . Program", "Program.java") with { Prepare = "javac Program.java", Needs = ["java", "javac"], Limit = TimeSpan.FromMinutes(5) },
    }.InTiers(Tiers.NotCompiled);
}
