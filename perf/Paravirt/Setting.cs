namespace Jitvmm.Perf.Paravirt;

/// <summary>The settings of <c>--hypervisor</c>.</summary>
internal static class Setting
{
    /// <summary>All of them, full virtualization first.</summary>
    public static IReadOnlyList<HypervisorKind> All { get; } = Enum.GetValues<HypervisorKind>();

    /// <summary>The word of the command line.</summary>
    public static string NameOf(HypervisorKind kind) => kind.ToString().ToLowerInvariant();
}
