using Iced.Intel;

namespace Jitvmm.Tests.Differential;

/// <summary>Whether and why a form is left out of the comparison.</summary>
public readonly record struct Form(Code Code, string? Excluded)
{
    public bool IsCompared => Excluded is null;

    /// <summary>Whether running it natively in the oracle is harmless: it enters no kernel and loads no selector.</summary>
    public bool MayRunOnHost => IsCompared || (Excluded is not (FormCatalog.EntersKernel or FormCatalog.LoadsSelectors or FormCatalog.FarBranch or FormCatalog.FarReturn or FormCatalog.TraceTrap
        or FormCatalog.SixteenBitBranch or FormCatalog.OldUd0));
}

/// <summary>Parts of the instruction set, for tests that name them.</summary>
public enum FormFamily
{
    Integer,
    X87,
    Sse,
    Avx,
    State,
}

/// <summary>Every instruction form of 64-bit mode that the virtual CPU advertises, as Iced's tables know them.</summary>
public static class FormCatalog
{
    private static readonly HashSet<CpuidFeature> s_features =
    [
        CpuidFeature.INTEL8086, CpuidFeature.INTEL186, CpuidFeature.INTEL286, CpuidFeature.INTEL386, CpuidFeature.INTEL486, CpuidFeature.X64,
        CpuidFeature.CMOV, CpuidFeature.CX8, CpuidFeature.CMPXCHG16B, CpuidFeature.CPUID, CpuidFeature.SYSCALL, CpuidFeature.TSC, CpuidFeature.RDTSCP,
        CpuidFeature.MULTIBYTENOP, CpuidFeature.PAUSE, CpuidFeature.CLFSH, CpuidFeature.CLFLUSHOPT, CpuidFeature.CLWB, CpuidFeature.PREFETCHW,
        CpuidFeature.FPU, CpuidFeature.FPU287, CpuidFeature.FPU387, CpuidFeature.FXSR, CpuidFeature.MMX,
        CpuidFeature.SSE, CpuidFeature.SSE2, CpuidFeature.SSE3, CpuidFeature.SSSE3, CpuidFeature.SSE4_1, CpuidFeature.SSE4_2,
        CpuidFeature.AVX, CpuidFeature.AVX2, CpuidFeature.FMA, CpuidFeature.F16C, CpuidFeature.AES, CpuidFeature.PCLMULQDQ, CpuidFeature.SHA,
        CpuidFeature.VAES, CpuidFeature.VPCLMULQDQ,
        CpuidFeature.BMI1, CpuidFeature.BMI2, CpuidFeature.LZCNT, CpuidFeature.POPCNT, CpuidFeature.MOVBE, CpuidFeature.ADX,
        CpuidFeature.RDRAND, CpuidFeature.RDSEED, CpuidFeature.RDPID, CpuidFeature.FSGSBASE,
        CpuidFeature.XSAVE, CpuidFeature.XSAVEC, CpuidFeature.XSAVEOPT, CpuidFeature.CET_IBT, CpuidFeature.MSR,
    ];

    public const string EntersKernel = "enters or leaves the kernel";
    public const string LoadsSelectors = "loads segment selectors";
    public const string FarBranch = "far branch: loads segment selectors";
    public const string FarReturn = "far return: loads segment selectors";
    public const string TraceTrap = "the kernel answers it with a trace trap";
    public const string SixteenBitBranch = "16-bit near branch: Intel ignores the prefix, AMD cuts RIP";
    public const string OldUd0 = "UD0 without the ModRM byte that CPUs read today";

    /// <summary>The part of the instruction set a form belongs to.</summary>
    public static FormFamily FamilyOf(Code code)
    {
        if (code == Code.Wait)
        {
            return FormFamily.X87;
        }

        OpCodeInfo op = code.ToOpCode();
        foreach (CpuidFeature feature in code.CpuidFeatures())
        {
            switch (feature)
            {
                case CpuidFeature.FPU or CpuidFeature.FPU287 or CpuidFeature.FPU387 or CpuidFeature.MMX:
                    return FormFamily.X87;
                case CpuidFeature.FXSR or CpuidFeature.XSAVE or CpuidFeature.XSAVEC or CpuidFeature.XSAVEOPT:
                    return FormFamily.State;
                case CpuidFeature.AVX or CpuidFeature.AVX2 or CpuidFeature.FMA or CpuidFeature.F16C or CpuidFeature.VAES or CpuidFeature.VPCLMULQDQ:
                    return FormFamily.Avx;
                case CpuidFeature.SSE or CpuidFeature.SSE2 or CpuidFeature.SSE3 or CpuidFeature.SSSE3 or CpuidFeature.SSE4_1 or CpuidFeature.SSE4_2
                    or CpuidFeature.AES or CpuidFeature.PCLMULQDQ or CpuidFeature.SHA when HasVectorOperand(op):
                    return FormFamily.Sse;
            }
        }

        return FormFamily.Integer;
    }

    private static bool HasVectorOperand(OpCodeInfo op)
    {
        for (int i = 0; i < op.OpCount; i++)
        {
            if (op.GetOpKind(i).ToString() is { } kind && (kind.Contains("xmm", StringComparison.Ordinal) || kind.StartsWith("mm", StringComparison.Ordinal)))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Every form in scope, excluded ones with their reason.</summary>
    public static IReadOnlyList<Form> All { get; } = Enumerate();

    private static List<Form> Enumerate()
    {
        var forms = new List<Form>();
        foreach (Code code in Enum.GetValues<Code>())
        {
            OpCodeInfo op = code.ToOpCode();
            if (IsInScope(op))
            {
                forms.Add(new Form(code, WhyExcluded(code, op)));
            }
        }

        return forms;
    }

    private static bool IsInScope(OpCodeInfo op)
    {
        if (!op.IsInstruction || !op.Mode64 || op.Encoding is not (EncodingKind.Legacy or EncodingKind.VEX) || op.DecoderOption != DecoderOptions.None)
        {
            return false;
        }

        if (op.Fwait)
        {
            // Assembler aliases for two instructions: FWAIT + FNSTCW and the like.
            return false;
        }

        foreach (CpuidFeature feature in op.Code.CpuidFeatures())
        {
            if (!s_features.Contains(feature) && op.Code is not (Code.Rdsspd_r32 or Code.Rdsspq_r64))
            {
                return false;
            }
        }

        return true;
    }

    private static bool IsSixteenBitBranch(OpCodeInfo op) =>
        op.Op0Kind is OpCodeOperandKind.br16_1 or OpCodeOperandKind.br16_2 || op.Code is Code.Retnw or Code.Retnw_imm16 or Code.Jmp_rm16 or Code.Call_rm16;

    private static string? WhyExcluded(Code code, OpCodeInfo op)
    {
        if (IsSixteenBitBranch(op))
        {
            return SixteenBitBranch;
        }

        switch (code.Mnemonic())
        {
            case Mnemonic.Rdtsc or Mnemonic.Rdtscp:
                return "reads the clock";
            case Mnemonic.Rdrand or Mnemonic.Rdseed:
                return "random by definition";
            case Mnemonic.Cpuid or Mnemonic.Rdpid or Mnemonic.Xgetbv:
                return "describes the virtual CPU, not the host";
            case Mnemonic.Syscall or Mnemonic.Sysret or Mnemonic.Sysretq or Mnemonic.Sysenter or Mnemonic.Sysexit:
                return EntersKernel;
            case Mnemonic.Retf or Mnemonic.Iret or Mnemonic.Iretd or Mnemonic.Iretq:
                return FarReturn;
            case Mnemonic.Lss or Mnemonic.Lfs or Mnemonic.Lgs:
                return LoadsSelectors;
            case Mnemonic.Sgdt or Mnemonic.Sidt or Mnemonic.Sldt or Mnemonic.Str or Mnemonic.Smsw:
                return "UMIP: the host kernel emulates it";
            case Mnemonic.Lar or Mnemonic.Lsl or Mnemonic.Verr or Mnemonic.Verw:
                return "reads the host kernel's descriptor tables";
            case Mnemonic.Reservednop when code.ToString().EndsWith("0F0D", StringComparison.Ordinal):
                return "a NOP on Intel, #UD on AMD";
            case Mnemonic.Movsxd when code == Code.Movsxd_r16_rm16:
                return "reads 16 bits on Intel, 32 on AMD";
            case Mnemonic.Int1:
                return TraceTrap;
            case Mnemonic.Ud0 when code == Code.Ud0:
                return OldUd0;
            default:
                break;
        }

        if (code is Code.Jmp_m1616 or Code.Jmp_m1632 or Code.Jmp_m1664 or Code.Call_m1616 or Code.Call_m1632 or Code.Call_m1664)
        {
            return FarBranch;
        }

        if (op.Op0Kind is OpCodeOperandKind.seg_reg || code is Code.Popw_FS or Code.Popw_GS or Code.Popq_FS or Code.Popq_GS)
        {
            return LoadsSelectors;
        }

        return null;
    }
}
