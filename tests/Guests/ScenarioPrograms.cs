using static Jitvmm.Tests.Guests.GuestProgram;

namespace Jitvmm.Tests.Guests;

/// <summary>Our own programs, one per hard corner; each prints a line per claim, all <c>ok</c> natively.</summary>
public sealed class ScenarioPrograms : IProgramTable
{
    public static IReadOnlyList<GuestProgram> Programs { get; } =
    [
        Run("self-modifying", "./self-modifying", "prebuilt/self-modifying") with { Needs = [] },
        Run("faults", "./faults", "prebuilt/faults") with { Needs = [] },
        Run("signals", "./signals", "prebuilt/signals") with { Needs = [] },
        Run("futex", "./futex", "prebuilt/futex") with { Needs = [] },
        Run("system-v", "./system-v", "prebuilt/system-v") with { Needs = [] },
        Run("nans", "./nans", "prebuilt/nans") with { Needs = [] },
        Run("neighbours", "./neighbours", "prebuilt/neighbours") with { Needs = [] },
        Run("code-generator", "./code-generator 30", "prebuilt/code-generator") with { Needs = [] },
    ];
}
