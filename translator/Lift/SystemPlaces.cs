using Iced.Intel;
using Jitvmm.Runtime.Cpu;

namespace Jitvmm.Translator.Lift;

/// <summary>Byte offsets in <see cref="CpuState"/> of the system registers that lifts read or write inline.</summary>
internal static unsafe class SystemPlaces
{
    private static readonly int s_bases;

    static SystemPlaces()
    {
        CpuState state = default;
        s_bases = OffsetOf(&state, state.System.Bases);
        Cpl = OffsetOf(&state, &state.System.Cpl);
        Cr4 = OffsetOf(&state, &state.System.Cr4);
        FetchEpoch = OffsetOf(&state, &state.System.FetchEpoch);
        Fetches = OffsetOf(&state, &state.System.Fetches);
        GdtBase = OffsetOf(&state, &state.System.GdtBase);
        GdtLimit = OffsetOf(&state, &state.System.GdtLimit);
        IdtBase = OffsetOf(&state, &state.System.IdtBase);
        IdtLimit = OffsetOf(&state, &state.System.IdtLimit);
        InterruptPending = OffsetOf(&state, &state.System.InterruptPending);
        KernelGsBase = OffsetOf(&state, &state.System.KernelGsBase);
        PopfMask = OffsetOf(&state, &state.System.PopfMask);
        SyscallDisabled = OffsetOf(&state, &state.System.SyscallDisabled);
    }

    public static int Cpl { get; }

    public static int Cr4 { get; }

    public static int FetchEpoch { get; }

    public static int Fetches { get; }

    public static int GdtBase { get; }

    public static int GdtLimit { get; }

    public static int IdtBase { get; }

    public static int IdtLimit { get; }

    public static int InterruptPending { get; }

    public static int KernelGsBase { get; }

    public static int PopfMask { get; }

    public static int SyscallDisabled { get; }

    /// <summary>Where the base of a segment register is.</summary>
    public static int SegmentBase(Register segment) => segment switch
    {
        Register.FS => CpuState.FsBaseOffset,
        Register.GS => CpuState.GsBaseOffset,
        _ => s_bases + (8 * (segment - Register.ES)),
    };

    private static int OffsetOf(CpuState* state, void* field) => (int)((byte*)field - (byte*)state);
}
