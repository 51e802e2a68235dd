using Iced.Intel;

namespace Jitvmm.Tests.Differential;

/// <summary>What the manuals leave undefined at one point of a program: RFLAGS bits, x87 status bits, and whether x87 results may be off by an ulp.</summary>
public readonly record struct UndefinedState(ulong Flags, ushort StatusWord, bool IsApproximate)
{
    private const ulong Cf = 1;
    private const ulong Af = 0x10;
    private const ulong Of = 0x800;
    private const ushort C1 = 1 << 9;
    private const ushort PrecisionException = 1 << 5;

    /// <summary>All four x87 condition bits undefined: what a loop's first iteration must assume of its last.</summary>
    public static UndefinedState AnyCondition { get; } = new(0, 0x4700, false);

    /// <summary>The state before each instruction and, at the address behind the last, after it. A backward branch closes a loop whose end defines all flags.</summary>
    public static Dictionary<ulong, UndefinedState> Track(List<Instruction> instructions)
    {
        var at = new Dictionary<ulong, UndefinedState>();
        UndefinedState current = instructions.Any(IsBackward) ? AnyCondition : default;
        foreach (Instruction instruction in instructions)
        {
            if (at.TryGetValue(instruction.IP, out UndefinedState joined))
            {
                current = current.Join(joined);
            }

            at[instruction.IP] = current;
            current = current.After(instruction);
            if (instruction.FlowControl is FlowControl.ConditionalBranch or FlowControl.UnconditionalBranch && !IsBackward(instruction))
            {
                at[instruction.NearBranchTarget] = at.TryGetValue(instruction.NearBranchTarget, out UndefinedState target) ? target.Join(current) : current;
            }
        }

        Instruction last = instructions[^1];
        at[last.NextIP] = at.TryGetValue(last.NextIP, out UndefinedState end) ? current.Join(end) : current;
        return at;
    }

    public UndefinedState Join(UndefinedState other) => new(Flags | other.Flags, (ushort)(StatusWord | other.StatusWord), IsApproximate || other.IsApproximate);

    /// <summary>Whether the instruction's result depends on something undefined here.</summary>
    public bool Reaches(in Instruction instruction) => (Translate(instruction.RflagsRead) & Flags) != 0 || (Conditions(instruction.RflagsRead) & StatusWord) != 0;

    public UndefinedState After(in Instruction instruction)
    {
        ulong written = Translate(instruction.RflagsWritten | instruction.RflagsCleared | instruction.RflagsSet);
        ulong undefined = Translate(instruction.RflagsUndefined);
        ushort conditions = Conditions(instruction.RflagsUndefined);
        if (IsShift(instruction.Mnemonic))
        {
            // A count of 0 changes nothing and a count above 1 leaves OF undefined.
            bool known = instruction.OpCount > 0 && instruction.GetOpKind(instruction.OpCount - 1) == OpKind.Immediate8;
            written = 0;
            undefined |= known && (instruction.Immediate8 & 0x3f) == 1 ? Af : Af | Of | Cf;
        }

        if (instruction.HasRepPrefix || instruction.HasRepnePrefix)
        {
            // Nothing is compared when the count is 0.
            written = 0;
        }

        bool approximate = IsTranscendental(instruction.Mnemonic);
        ushort status = (ushort)((StatusWord & ~Conditions(instruction.RflagsWritten | instruction.RflagsCleared | instruction.RflagsSet)) | conditions);
        if (approximate)
        {
            status |= C1 | PrecisionException;
        }

        return new UndefinedState((Flags & ~written) | undefined, status, IsApproximate || approximate);
    }

    /// <summary>Narrows the undefined flags of a single shift or rotate to those of its actual count (SDM vol. 2B, SAL/SAR/SHL/SHR, RCL/RCR/ROL/ROR, SHLD, SHRD).</summary>
    public unsafe UndefinedState ForCase(in Instruction instruction, CaseInput* input)
    {
        if (!IsShift(instruction.Mnemonic))
        {
            return this;
        }

        int size = instruction.Op0Kind == OpKind.Register ? instruction.Op0Register.GetSize() : instruction.MemorySize.GetSize();
        int lastKind = (int)instruction.GetOpKind(instruction.OpCount - 1);
        uint raw = lastKind == (int)OpKind.Register ? (uint)input->State.Gpr[1] : instruction.Immediate8;
        uint count = raw & (size == 8 ? 0x3fu : 0x1fu);
        if (count == 0)
        {
            return this with { Flags = 0 };
        }

        ulong overflow = count == 1 ? 0 : Of;
        ulong flags = instruction.Mnemonic switch
        {
            Mnemonic.Rol or Mnemonic.Ror or Mnemonic.Rcl or Mnemonic.Rcr => overflow,
            Mnemonic.Shld or Mnemonic.Shrd => overflow | Af | (count > 8 * size ? 0x8d5u : 0),
            Mnemonic.Sar => overflow | Af,
            _ => overflow | Af | (count >= 8 * size ? Cf : 0),
        };
        return this with { Flags = flags };
    }

    /// <summary>Shifts of 16-bit operands by more than 16 have an undefined result too.</summary>
    public static bool IsShift(Mnemonic mnemonic) => mnemonic is Mnemonic.Shl or Mnemonic.Shr or Mnemonic.Sar or Mnemonic.Sal
        or Mnemonic.Rol or Mnemonic.Ror or Mnemonic.Rcl or Mnemonic.Rcr or Mnemonic.Shld or Mnemonic.Shrd;

    /// <summary>Whether an instruction may find a count of 0 and leave the flags it would write as they were.</summary>
    public static bool MayKeepFlags(in Instruction instruction)
    {
        bool byConstant = instruction.OpCount > 0 && instruction.GetOpKind(instruction.OpCount - 1) == OpKind.Immediate8 && (instruction.Immediate8 & 0x1f) != 0;
        return (IsShift(instruction.Mnemonic) && !byConstant) || instruction.HasRepPrefix || instruction.HasRepnePrefix;
    }

    public static bool IsTranscendental(Mnemonic mnemonic) => mnemonic is Mnemonic.Fsin or Mnemonic.Fcos or Mnemonic.Fsincos or Mnemonic.Fptan
        or Mnemonic.Fpatan or Mnemonic.F2xm1 or Mnemonic.Fyl2x or Mnemonic.Fyl2xp1;

    private static bool IsBackward(Instruction instruction) =>
        instruction.FlowControl == FlowControl.ConditionalBranch && instruction.NearBranchTarget <= instruction.IP;

    /// <summary>Status flags as RFLAGS holds them.</summary>
    public static ulong Translate(RflagsBits bits)
    {
        ulong flags = 0;
        flags |= (bits & RflagsBits.CF) != 0 ? Cf : 0;
        flags |= (bits & RflagsBits.PF) != 0 ? 4ul : 0;
        flags |= (bits & RflagsBits.AF) != 0 ? Af : 0;
        flags |= (bits & RflagsBits.ZF) != 0 ? 0x40ul : 0;
        flags |= (bits & RflagsBits.SF) != 0 ? 0x80ul : 0;
        flags |= (bits & RflagsBits.OF) != 0 ? Of : 0;
        return flags;
    }

    private static ushort Conditions(RflagsBits bits)
    {
        int status = 0;
        status |= (bits & RflagsBits.C0) != 0 ? 1 << 8 : 0;
        status |= (bits & RflagsBits.C1) != 0 ? 1 << 9 : 0;
        status |= (bits & RflagsBits.C2) != 0 ? 1 << 10 : 0;
        status |= (bits & RflagsBits.C3) != 0 ? 1 << 14 : 0;
        return (ushort)status;
    }
}
