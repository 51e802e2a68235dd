namespace Jitvmm.Perf.Paravirt;

/// <summary>What is measured now, on standard error: some parts take minutes.</summary>
internal static class Progress
{
    public static void Tell(string part, HypervisorKind kind, int round) => Console.Error.WriteLine($"{part}: round {round + 1}, {Setting.NameOf(kind)}");

    public static void TellCounting(string part, HypervisorKind kind) => Console.Error.WriteLine($"{part}: counting instructions, {Setting.NameOf(kind)}");
}
