using System.Globalization;
using System.Runtime.Intrinsics.X86;
using System.Text;
using Iced.Intel;

namespace Jitvmm.Tests.Differential;

/// <summary>Decides whether two outcomes of a program are the same architecturally, leaving out what the manuals leave undefined.</summary>
public sealed unsafe class Comparator
{
    private const ulong StatusFlags = 0x8d5;
    internal const ulong ComparedFlags = StatusFlags | 0x400 | (1 << 14) | (1 << 18) | (1 << 21);
    private const uint PrecisionException = 0x20;

    /// <summary>What RyuJIT's own arithmetic may leave behind: with AVX-512 also DE.</summary>
    private const uint CompilersFlags = PrecisionException | 0x02;
    private const ulong PageFault = 14;
    private const int Rcx = 1;
    private const int Rsi = 6;
    private const int Rdi = 7;

    /// <summary>State components of XSAVE that guests have.</summary>
    private const ulong GuestComponents = 7;

    /// <summary>Bytes of CMPXCHG16B's operand.</summary>
    private const ulong SimdException = 19;

    private readonly TestProgram _program;
    private readonly Dictionary<ulong, UndefinedState> _undefinedAt;
    private readonly Dictionary<ulong, ulong> _deadAt;
    private readonly Instruction _last;

    public Comparator(TestProgram program)
    {
        _program = program;
        _undefinedAt = UndefinedState.Track(program.Instructions);
        _deadAt = FlagLiveness.DeadBefore(program.Instructions);
        _last = program.Instructions[^1];
    }

    /// <summary>Null when they agree, else the first few differences.</summary>
    public string? Compare(CaseInput* input, CaseOutput* expected, CaseOutput* actual)
    {
        if (Agree(input, expected, actual))
        {
            return null;
        }

        return new Difference(_program, this).Describe(input, expected, actual);
    }

    /// <summary>What to group a disagreement under.</summary>
    public string Cause(CaseInput* input, CaseOutput* expected, CaseOutput* actual) => new Difference(_program, this).Cause(input, expected, actual);

    internal UndefinedState UndefinedAfter(CaseInput* input, CaseOutput* expected)
    {
        ulong at = expected->Signal != 0 && expected->Trap is not (1 or 3 or 4) ? expected->State.Rip : _program.TerminatorAddress(0);
        UndefinedState state = _undefinedAt.TryGetValue(at, out UndefinedState known) ? known : default;
        if (expected->Signal != 0 && _program.Instructions.Count > 1)
        {
            return state with { Flags = state.Flags | _deadAt.GetValueOrDefault(at) };
        }

        return _program.Instructions.Count == 1 && expected->Signal == 0 ? state.ForCase(_last, input) : state;
    }

    private bool Agree(CaseInput* input, CaseOutput* expected, CaseOutput* actual)
    {
        if (actual->Trap == PageFault && (TestLayout.IsOracles(actual->FaultAddress) || actual->FaultAddress - TestLayout.CodeBase < TestLayout.CodeSize))
        {
            // Natively something else is mapped there: not comparable.
            return true;
        }

        IntelTolerance tolerance = IntelTolerance.For(_program, expected, actual);
        if (tolerance.Everything || SavesMoreState(input))
        {
            return true;
        }

        if (!SameOutcome(expected, actual))
        {
            return false;
        }

        UndefinedState undefined = UndefinedAfter(input, expected);
        MachineState* left = &expected->State;
        MachineState* right = &actual->State;
        ulong difference = (left->Flags ^ right->Flags) & ComparedFlags & ~undefined.Flags & ~tolerance.Flags;
        for (int i = 0; i < 16; i++)
        {
            ulong compared = tolerance.UpperHalves && i is Rcx or Rsi or Rdi ? uint.MaxValue : ulong.MaxValue;
            difference |= (left->Gpr[i] ^ right->Gpr[i]) & compared;
        }

        difference |= left->FsBase ^ right->FsBase;
        difference |= left->GsBase ^ right->GsBase;
        return difference == 0 && SameVectors(left, right, tolerance.Mxcsr ? uint.MaxValue : IgnoredMxcsr(expected), tolerance.Vectors)
            && (tolerance.X87 || SameX87(left, right, undefined))
            && (tolerance.Memory || SameMemory(input, expected, actual));
    }

    /// <summary>Whether XSAVE or its like is asked for components that the host has and a guest has not.</summary>
    private bool SavesMoreState(CaseInput* input) =>
        Avx512F.IsSupported && _last.IsSaveRestoreInstruction && ((uint)input->State.Gpr[0] & ~GuestComponents) != 0;

    internal bool SameOutcome(CaseOutput* expected, CaseOutput* actual)
    {
        if (expected->Signal == 0 || actual->Signal == 0)
        {
            return expected->Signal == actual->Signal && expected->ExitIndex == actual->ExitIndex;
        }

        if (expected->Trap != actual->Trap || expected->State.Rip != actual->State.Rip)
        {
            return false;
        }

        // Whether the page was present (bit 0) is the host kernel's bookkeeping; write (bit 1) and fetch (bit 4) are the guest's doing.
        ulong errors = (expected->Error ^ actual->Error) & 0x12;
        long distance = Math.Abs((long)(expected->FaultAddress - actual->FaultAddress));
        bool isThere = distance == 0 || (distance < TestLayout.PageSize && IntelTolerance.For(_program, expected, actual).FaultNearby);
        return expected->Trap != PageFault || (errors == 0 && isThere);
    }

    /// <summary>Whether a difference may come from flags that compiling in the engine alone set: in MXCSR, or where the code stored it.</summary>
    internal bool MayBeCompilersFlags(CaseOutput* expected, CaseOutput* actual) =>
        ((actual->State.Mxcsr & ~expected->State.Mxcsr & CompilersFlags) != 0 && ((expected->State.Mxcsr ^ actual->State.Mxcsr) & 0xffff & ~CompilersFlags) == 0)
        || _program.Instructions.Exists(instruction => instruction.Mnemonic is Mnemonic.Stmxcsr or Mnemonic.Vstmxcsr || instruction.IsSaveRestoreInstruction);

    /// <summary>
    /// MXCSR flags of an unmasked exception the engine does not know. Beside overflow or underflow, PE tells whether the result with an
    /// unbounded exponent, which nobody sees, would be inexact (SDM vol. 1, 4.9.1.4). A dot product, several operations in one, stops at the first that raises.
    /// </summary>
    private uint IgnoredMxcsr(CaseOutput* expected)
    {
        const uint OverflowUnderflow = 0x18;
        const uint Flags = 0x3f;
        if (expected->Signal == 0 || expected->Trap != SimdException)
        {
            return 0;
        }

        uint mxcsr = expected->State.Mxcsr;
        Instruction raising = _program.Instructions.Find(instruction => instruction.IP == expected->State.Rip);
        return raising.Mnemonic is Mnemonic.Dpps or Mnemonic.Dppd or Mnemonic.Vdpps or Mnemonic.Vdppd ? Flags
            : (mxcsr & ~(mxcsr >> 7) & OverflowUnderflow) != 0 ? PrecisionException : 0;
    }

    internal static bool SameVectors(MachineState* left, MachineState* right, uint ignoredMxcsr, uint ignored = 0)
    {
        ulong difference = (left->Mxcsr ^ right->Mxcsr) & 0xffff & ~ignoredMxcsr;
        for (int i = 0; i < 16; i++)
        {
            if ((ignored >> i & 1) != 0)
            {
                continue;
            }

            ulong* low = (ulong*)MachineState.Xmm(left, i);
            ulong* high = (ulong*)MachineState.YmmHigh(left, i);
            ulong* otherLow = (ulong*)MachineState.Xmm(right, i);
            ulong* otherHigh = (ulong*)MachineState.YmmHigh(right, i);
            difference |= (low[0] ^ otherLow[0]) | (low[1] ^ otherLow[1]);
            difference |= (high[0] ^ otherHigh[0]) | (high[1] ^ otherHigh[1]);
        }

        return difference == 0;
    }

    internal static bool SameX87(MachineState* left, MachineState* right, UndefinedState undefined)
    {
        if (((left->StatusWord ^ right->StatusWord) & ~undefined.StatusWord) != 0 || left->ControlWord != right->ControlWord || left->ValidMask != right->ValidMask)
        {
            return false;
        }

        for (int i = 0; i < 8; i++)
        {
            if (!SameSt(left, right, i, undefined))
            {
                return false;
            }
        }

        return true;
    }

    internal static bool SameSt(MachineState* left, MachineState* right, int index, UndefinedState undefined)
    {
        ulong* a = (ulong*)MachineState.St(left, index);
        ulong* b = (ulong*)MachineState.St(right, index);
        if (a[0] == b[0] && (ushort)a[1] == (ushort)b[1])
        {
            return true;
        }

        // Adjacent values of one binade are one ulp apart; so is the step across its edge.
        return undefined.IsApproximate && (Int128.Abs(Ordinal(a) - Ordinal(b)) <= 1);
    }

    private static Int128 Ordinal(ulong* value)
    {
        Int128 magnitude = ((Int128)((ushort)value[1] & 0x7fff) << 63) + (Int128)(value[0] & long.MaxValue);
        return (value[1] & 0x8000) != 0 ? -magnitude : magnitude;
    }

    internal bool SameMemory(CaseInput* input, CaseOutput* expected, CaseOutput* actual)
    {
        if (expected->LineCount != actual->LineCount)
        {
            return SameLines(input, expected, actual);
        }

        int kept = (int)Math.Min(expected->LineCount, TestLayout.MaxLines);
        bool same = true;
        for (int i = 0; i < kept && same; i++)
        {
            same = expected->LineOffset[i] == actual->LineOffset[i]
                && new ReadOnlySpan<byte>(expected->Line + TestLayout.LineSize * i, TestLayout.LineSize).SequenceEqual(new ReadOnlySpan<byte>(actual->Line + TestLayout.LineSize * i, TestLayout.LineSize));
        }

        return same || SameLines(input, expected, actual);
    }

    /// <summary>Slow comparison for instructions whose stored image has undefined parts.</summary>
    private bool SameLines(CaseInput* input, CaseOutput* expected, CaseOutput* actual)
    {
        return StoredImage.For(_last) is { } image && image.Same(_program, input, expected, actual);
    }

    internal static string Flags(ulong flags)
    {
        var text = new StringBuilder();
        foreach ((int bit, string name) in s_flagNames)
        {
            if ((flags >> bit & 1) != 0)
            {
                text.Append(text.Length > 0 ? " " : "").Append(name);
            }
        }

        return text.Length == 0 ? "-" : text.ToString();
    }

    private static readonly (int Bit, string Name)[] s_flagNames =
        [(0, "CF"), (2, "PF"), (4, "AF"), (6, "ZF"), (7, "SF"), (10, "DF"), (11, "OF"), (14, "NT"), (18, "AC"), (21, "ID")];

    internal static string Hex(ulong value) => value.ToString("x", CultureInfo.InvariantCulture);

    internal static string HexBytes(byte* bytes, int count)
    {
        var text = new StringBuilder();
        for (int i = count - 1; i >= 0; i--)
        {
            text.Append(bytes[i].ToString("x2", CultureInfo.InvariantCulture));
        }

        return text.ToString();
    }
}
